//! The classes of our futures and tasks, made when a loop first needs them.
//!
//! If anything about this interpreter's own is unknown they aren't made, and
//! loops run the interpreter's tasks; `build_info()` says which, and why.

use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::class::{Behaviour, Class};
use super::future::{self, Future, FutureOwn};
use super::gather::{Gathering, GatheringOwn};
use super::pool::PooledClass;
use super::sleep::Sleep;
use super::task::{Task, TaskOwn};
use super::{descriptors, future_face, layout, sleep_face, task_face};
use crate::names;

/// The classes of what our loops make.
pub(crate) struct Classes {
    pub(super) future: Class<Future>,
    pub(super) task: Class<Task>,
    pub(super) gathering: Class<Gathering>,
    pub(super) sleep: PooledClass<Sleep>,
    /// Whether the methods of asyncio's classes know objects of ours, or why not.
    unbound_methods: Result<(), String>,
}

/// The classes, or why there are none.
static MADE: PyOnceLock<Result<Classes, String>> = PyOnceLock::new();

/// The classes, if they have been made.
#[inline]
pub(crate) fn made(py: Python<'_>) -> Option<&'static Classes> {
    MADE.get(py)?.as_ref().ok()
}

/// Makes the classes, unless they are made or it is known that they can't be.
pub(crate) fn make(py: Python<'_>) -> Option<&'static Classes> {
    MADE.get_or_init(py, || Classes::make(py).map_err(|error| error.to_string())).as_ref().ok()
}

/// Whose tasks the loops run, for `build_info()`: "native", or the interpreter's
/// and why.
#[pyfunction]
pub(crate) fn _whose_tasks(py: Python<'_>) -> String {
    make(py);
    match MADE.get(py) {
        Some(Err(why)) => format!("interpreter ({why})"),
        _ => "native".into(),
    }
}

/// Has the loops to come run the interpreter's tasks: for tests of that path.
#[pyfunction]
pub(crate) fn _refuse_native_tasks(py: Python<'_>, why: String) -> bool {
    MADE.set(py, Err(why)).is_ok()
}

/// Why the methods of asyncio's classes are to be left as they are, if they are.
static METHODS_REFUSED: PyOnceLock<String> = PyOnceLock::new();

/// Whose code the methods of asyncio's classes run for objects of ours, for
/// `build_info()`: as above.
#[pyfunction]
pub(crate) fn _whose_unbound_methods(py: Python<'_>) -> String {
    match make(py).map(|classes| &classes.unbound_methods) {
        Some(Ok(())) => "native".into(),
        Some(Err(why)) => format!("interpreter ({why})"),
        None => "interpreter (as the tasks)".into(),
    }
}

/// Has the methods of asyncio's classes left as they are: for tests of that path.
#[pyfunction]
pub(crate) fn _refuse_unbound_methods(py: Python<'_>, why: String) -> bool {
    MADE.get(py).is_none() && METHODS_REFUSED.set(py, why).is_ok()
}

impl Classes {
    fn make(py: Python<'_>) -> PyResult<Self> {
        let asyncio = py.import(intern!(py, "_asyncio"))?;
        let future = asyncio.getattr(intern!(py, "Future"))?.cast_into::<PyType>()?;
        let task = asyncio.getattr(intern!(py, "Task"))?.cast_into::<PyType>()?;
        layout::learn(&future, &task)?;
        names::keep_for_the_end(py)?;
        let refused = METHODS_REFUSED.get(py).cloned();
        let parts = [size_of::<FutureOwn>(), size_of::<TaskOwn>(), size_of::<GatheringOwn>()];
        let bytes = parts.into_iter().fold(0, usize::max);
        layout::choose(refused.is_none(), bytes);
        let mut classes = Classes::derive(&future, &task)?;
        classes.unbound_methods = match refused {
            Some(why) => Err(why),
            None => classes.make_known(&future, &task).map_err(|error| error.to_string()),
        };
        if classes.unbound_methods.is_err() && layout::is_within() {
            // Asyncio's own methods will look at the objects' structs.
            let unbound_methods = classes.unbound_methods;
            layout::choose(false, bytes);
            Future::freed().get(py).forget();
            classes = Classes { unbound_methods, ..Classes::derive(&future, &task)? };
        }
        if !cfg!(Py_3_14) {
            names::show_native_tasks(py)?.call0()?;
        }
        Ok(classes)
    }

    /// The classes, derived from asyncio's.
    fn derive(future: &Bound<'_, PyType>, task: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = future.py();
        let mut future_methods = future_face::methods();
        future_methods.extend(future_face::own_methods());
        Ok(Classes {
            future: Class::make(
                future,
                future_methods,
                future_face::attributes(),
                future_face::own_slots(),
            )?,
            task: Class::make(
                task,
                task_face::methods(),
                task_face::attributes(),
                task_face::slots(),
            )?,
            gathering: Class::make(
                future,
                task_face::gathering_methods(),
                future_face::attributes(),
                future_face::own_slots(),
            )?,
            sleep: sleep_face::make(py)?,
            unbound_methods: Ok(()),
        })
    }

    /// Has the methods of asyncio's classes know objects of ours.
    fn make_known(&self, future: &Bound<'_, PyType>, task: &Bound<'_, PyType>) -> PyResult<()> {
        let ours =
            [self.future.as_type_ptr(), self.task.as_type_ptr(), self.gathering.as_type_ptr()];
        let mut changes = descriptors::changes(future, task, ours)?;
        changes.iter_mut().for_each(descriptors::Change::exchange);
        let seen = self.check_known(future);
        if seen.is_err() {
            changes.iter_mut().for_each(descriptors::Change::exchange);
        }
        seen
    }

    /// Whether asyncio's methods tell a future of ours from one of asyncio's.
    fn check_known(&self, class: &Bound<'_, PyType>) -> PyResult<()> {
        let py = class.py();
        let cancelled = |object| -> PyResult<bool> {
            class.call_method1(intern!(py, "cancelled"), (object,))?.extract()
        };
        let ours = self.future.create(py)?;
        future::cancel(&ours, None)?;
        let state = class.getattr(intern!(py, "_state"))?;
        let state = state.call_method1(intern!(py, "__get__"), (ours.as_any(),))?;
        let theirs = class.call_method1(intern!(py, "__new__"), (class,))?;
        if !cancelled(ours.as_any())? || cancelled(&theirs)? || !state.eq("CANCELLED")? {
            let text = "asyncio's methods take no notice of what is put in their place";
            return Err(PyRuntimeError::new_err(text));
        }
        Ok(())
    }

    /// `object` as a future of ours, but not of a class derived from ours, which may
    /// have methods of its own.
    #[inline]
    pub(super) fn cast_future_exact<'a, 'py>(
        &self,
        object: &'a Bound<'py, PyAny>,
    ) -> Option<&'a Bound<'py, Future>> {
        if let Some(future) = self.future.cast_exact(object) {
            return Some(future);
        }
        if let Some(task) = self.task.cast_exact(object) {
            return Some(super::task::as_future(task));
        }
        self.gathering.cast_exact(object).map(super::gather::as_future)
    }
}
