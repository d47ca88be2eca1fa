//! `asyncio.TaskGroup`: what it does for each of its tasks, native in the usual case.
//!
//! Its class stays Python's.  Where a task of ours is made in a group, or has ended
//! without an exception, what the methods would do to the group is done here; all else,
//! and a group of a derived class, is left to them.
//!
//! What they do is tried out first (`python/cafeloop/_task_group.py`): so a version of
//! Python that does something else, or a program that has replaced a method or its
//! code, has its own way.

use std::cell::Cell;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFunction, PySet, PyType};

use super::class::own;
use super::classes;
use super::future::{self, Future, State};
use super::published;
use crate::gil::Gil;
use crate::names;

// SAFETY: declared as in CPython's Include/cpython/classobject.h; PyO3 has no declarations.
unsafe extern "C" {
    static mut PyMethod_Type: ffi::PyTypeObject;

    /// The function of a bound method, borrowed.
    fn PyMethod_Function(method: *mut ffi::PyObject) -> *mut ffi::PyObject;

    /// What it is bound to, borrowed.
    fn PyMethod_Self(method: *mut ffi::PyObject) -> *mut ffi::PyObject;
}

/// A method of which it is known what it does, as long as it has this code.
pub(super) struct Method {
    function: Py<PyFunction>,
    code: Py<PyAny>,
}

impl Method {
    fn of(class: &Bound<'_, PyType>, name: &str) -> PyResult<Self> {
        let function = class.getattr(name)?.cast_into::<PyFunction>()?;
        let code = code_of(function.as_any());
        Ok(Method { code, function: function.unbind() })
    }

    #[inline]
    pub(super) fn is(&self, function: *mut ffi::PyObject) -> bool {
        // SAFETY: compared with a function first, which is alive, as its code is.
        self.function.as_ptr() == function
            && unsafe { ffi::PyFunction_GetCode(function) } == self.code.as_ptr()
    }
}

fn code_of(function: &Bound<'_, PyAny>) -> Py<PyAny> {
    // SAFETY: the caller has a Python function, which holds its code.
    unsafe {
        let code = ffi::PyFunction_GetCode(function.as_ptr());
        Bound::from_borrowed_ptr(function.py(), code).unbind()
    }
}

pub(super) struct Known {
    pub(super) class: Py<PyType>,
    /// CPython calls a function natively since 3.12 only.
    #[cfg(Py_3_12)]
    pub(super) create_task: Method,
    on_task_done: Method,
}

/// The class and its methods, if they do what they are known by.
#[inline]
pub(super) fn known(py: Python<'_>) -> Option<&'static Known> {
    static KNOWN: PyOnceLock<Option<Known>> = PyOnceLock::new();
    KNOWN.get(py).or_else(|| first_try(py, &KNOWN)).and_then(Option::as_ref)
}

/// What is being tried out comes here too, and is known for nothing meanwhile.
#[cold]
fn first_try<'a>(
    py: Python<'_>,
    known: &'a PyOnceLock<Option<Known>>,
) -> Option<&'a Option<Known>> {
    static IS_TRIED_OUT: Gil<Cell<bool>> = Gil::new(Cell::new(false));
    if IS_TRIED_OUT.get(py).replace(true) {
        return None;
    }
    let found = try_out(py).unwrap_or_default();
    Some(known.get_or_init(py, || found))
}

fn try_out(py: Python<'_>) -> PyResult<Option<Known>> {
    let module = py.import(intern!(py, "asyncio.taskgroups"))?;
    let class = module.getattr(intern!(py, "TaskGroup"))?.cast_into::<PyType>()?;
    let known = Known {
        #[cfg(Py_3_12)]
        create_task: Method::of(&class, "create_task")?,
        on_task_done: Method::of(&class, "_on_task_done")?,
        class: class.clone().unbind(),
    };
    let is_known = names::task_group_is_known(py)?.call0()?.is_truthy()?;
    Ok(is_known.then_some(known))
}

/// Does what a group's `_on_task_done` would, if `callback` is just that of a group and
/// the task has ended as usual; else false, and nothing.
///
/// It runs no code of the program's, and so needs no context to run in.
#[inline]
pub(crate) fn task_done(callback: &Bound<'_, PyAny>, future: &Bound<'_, Future>) -> PyResult<bool> {
    // SAFETY: the GIL is held, the callback is an object, and a bound method if it is of
    // their class.
    let (function, group) = unsafe {
        let method = callback.as_ptr();
        if ffi::Py_TYPE(method) != &raw mut PyMethod_Type {
            return Ok(false);
        }
        let group = PyMethod_Self(method);
        (PyMethod_Function(method), Bound::from_borrowed_ptr(callback.py(), group))
    };
    let py = callback.py();
    let Some(known) = known(py).filter(|known| known.on_task_done.is(function)) else {
        return Ok(false);
    };
    let (State::Finished | State::Cancelled) = own(future).state() else { return Ok(false) };
    let Some(classes) = classes::made(py).filter(|_| group.get_type().is(&known.class)) else {
        return Ok(false);
    };
    let tasks = group.getattr(intern!(py, "_tasks"))?;
    let completed = group.getattr(intern!(py, "_on_completed_fut"))?;
    let told = classes.future.cast_exact(&completed);
    if classes.task.cast_exact(future).is_none()
        || !tasks.is_exact_instance_of::<PySet>()
        || (told.is_none() && !completed.is_none())
    {
        return Ok(false);
    }
    if published::is_here() {
        let parent = group.getattr(intern!(py, "_parent_task"))?;
        let Some(parent) = classes.task.cast_exact(&parent) else { return Ok(false) };
        published::no_longer_awaited(future, parent)?;
    }
    let tasks = tasks.cast::<PySet>()?;
    tasks.discard(future.as_any())?;
    if let Some(told) = told.filter(|told| tasks.is_empty() && own(*told).is_pending()) {
        future::set_result(told, PyBool::new(py, true).to_owned().into_any())?;
    }
    Ok(true)
}
