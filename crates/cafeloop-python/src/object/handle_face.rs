//! What Python sees of a handle: the methods and attributes of `asyncio.Handle` and
//! `asyncio.TimerHandle`.

#![allow(clippy::unnecessary_wraps, reason = "methods and attributes have one shape")]

use std::ffi::{CStr, c_int, c_void};
use std::mem::offset_of;
use std::ptr;

use pyo3::class::basic::CompareOp;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
#[cfg(Py_3_12)]
use pyo3::types::PyContext;
use pyo3::types::{PyString, PyTuple};

use super::class::{enter, receiver, slot};
use super::handle::{Handle, HandleOwn, Timer};
use super::method::{getter, hot, no_args, unary};
use super::pool::{OWN_OFFSET, PooledClass};
use crate::event_loop::debug;

/// The two classes, once they are made.
pub(super) struct HandleClasses {
    pub(super) handle: PooledClass<Handle>,
    pub(super) timer: PooledClass<Timer>,
}

pub(super) fn classes(py: Python<'_>) -> PyResult<&HandleClasses> {
    static MADE: PyOnceLock<HandleClasses> = PyOnceLock::new();
    MADE.get_or_try_init(py, || {
        let handle = PooledClass::make(
            py,
            c"cafeloop.Handle",
            None,
            methods(),
            attributes(),
            vec![weak_list_offset()],
            vec![
                doc(c"A callback that was handed to a loop."),
                unary!(Handle, ffi::Py_tp_repr, repr),
            ],
        )?;
        let timer = PooledClass::make(
            py,
            c"cafeloop.TimerHandle",
            Some(handle.as_type(py)),
            vec![
                no_args!(Handle, c"when", when),
                // Once more: CPython calls a method more directly if it is the class's own.
                hot!(Handle, c"cancel", Handle::cancel),
            ],
            vec![getter!(Handle, c"__class__", class_of_a_timer)],
            Vec::new(),
            vec![
                doc(c"A handle that a loop calls at a time of its clock."),
                slot(ffi::Py_tp_hash, hash as *mut c_void),
                slot(ffi::Py_tp_richcompare, compare as *mut c_void),
            ],
        )?;
        Ok(HandleClasses { handle, timer })
    })
}

/// Makes the two classes known to Python.
pub(crate) fn add_classes(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let classes = classes(module.py())?;
    module.add("Handle", classes.handle.as_type(module.py()))?;
    module.add("TimerHandle", classes.timer.as_type(module.py()))
}

fn doc(text: &'static CStr) -> ffi::PyType_Slot {
    slot(ffi::Py_tp_doc, text.as_ptr().cast_mut().cast())
}

/// Where CPython keeps who refers to a handle weakly.
fn weak_list_offset() -> ffi::PyMemberDef {
    let offset = OWN_OFFSET + offset_of!(HandleOwn, weak_references);
    ffi::PyMemberDef {
        name: c"__weaklistoffset__".as_ptr(),
        type_code: ffi::Py_T_PYSSIZET,
        offset: offset.cast_signed(),
        flags: ffi::Py_READONLY,
        doc: ptr::null(),
    }
}

fn methods() -> Vec<ffi::PyMethodDef> {
    vec![
        hot!(Handle, c"cancel", Handle::cancel),
        no_args!(Handle, c"cancelled", is_cancelled),
        #[cfg(Py_3_12)]
        no_args!(Handle, c"get_context", get_context),
    ]
}

fn attributes() -> Vec<ffi::PyGetSetDef> {
    vec![
        getter!(Handle, c"_callback", callback),
        getter!(Handle, c"_args", args),
        getter!(Handle, c"_cancelled", is_cancelled),
        getter!(Handle, c"_source_traceback", made_at),
        getter!(Handle, c"__class__", class_of_a_handle),
    ]
}

/// What `isinstance` asks if the type doesn't say yes: so a handle is one of asyncio's, which
/// has slots and can't be derived from by a class with parts of its own.
fn class_of_a_handle<'py>(handle: &Bound<'py, Handle>) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS.import(handle.py(), "asyncio", "Handle").cloned()
}

/// The same of a timer.
fn class_of_a_timer<'py>(timer: &Bound<'py, Handle>) -> PyResult<Bound<'py, PyAny>> {
    static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    CLASS.import(timer.py(), "asyncio", "TimerHandle").cloned()
}

fn is_cancelled(handle: &Bound<'_, Handle>) -> PyResult<bool> {
    Ok(Handle::is_cancelled(handle))
}

#[cfg(Py_3_12)]
fn get_context<'py>(handle: &Bound<'py, Handle>) -> PyResult<Option<Bound<'py, PyContext>>> {
    Handle::context(handle)
}

fn callback<'py>(handle: &Bound<'py, Handle>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(Handle::call(handle).map(|call| call.callback(handle.py())))
}

fn args<'py>(handle: &Bound<'py, Handle>) -> PyResult<Option<Bound<'py, PyTuple>>> {
    Handle::call(handle).map(|call| call.args(handle.py())).transpose()
}

fn made_at<'py>(handle: &Bound<'py, Handle>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(Handle::made_at(handle))
}

fn repr<'py>(handle: &Bound<'py, Handle>) -> PyResult<Bound<'py, PyAny>> {
    match Handle::was(handle) {
        Some(was) => Ok(was),
        None => Ok(describe(handle, Handle::is_cancelled(handle))?.into_any()),
    }
}

/// What `repr()` shows.
pub(super) fn describe<'py>(
    handle: &Bound<'py, Handle>,
    is_cancelled: bool,
) -> PyResult<Bound<'py, PyString>> {
    let py = handle.py();
    let mut parts = vec![handle.as_any().get_type().name()?.to_string()];
    if is_cancelled {
        parts.push("cancelled".into());
    }
    if let Some(when) = Handle::when(handle) {
        parts.push(format!("when={}", when.str()?));
    }
    if let Some(call) = Handle::call(handle) {
        parts.push(debug::show_call(Handle::owner(handle), &call)?);
    }
    if let Some(made_at) = Handle::made_at(handle) {
        let frame = made_at.get_item(-1)?;
        parts.push(format!("created at {}:{}", frame.get_item(0)?, frame.get_item(1)?));
    }
    Ok(PyString::new(py, &format!("<{}>", parts.join(" "))))
}

// --- a timer's

fn when<'py>(timer: &Bound<'py, Handle>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(Handle::when(timer))
}

unsafe extern "C" fn hash(object: *mut ffi::PyObject) -> ffi::Py_hash_t {
    enter(-1, |py| {
        // SAFETY: CPython calls a class's slots on its instances.
        let timer = unsafe { receiver::<Handle>(py, object) };
        Handle::when(&timer).map_or(Ok(0), |when| when.hash())
    })
}

/// Timers compare by their time; equal are those that would do the same.
unsafe extern "C" fn compare(
    object: *mut ffi::PyObject,
    other: *mut ffi::PyObject,
    op: c_int,
) -> *mut ffi::PyObject {
    enter(ptr::null_mut(), |py| {
        // SAFETY: CPython calls a class's slots on its instances, with any object.
        let (timer, other) =
            unsafe { (receiver::<Handle>(py, object), Bound::from_borrowed_ptr(py, other)) };
        let op = CompareOp::from_raw(op).expect("CPython has six comparisons");
        Ok(compared(&timer, &other, op)?.into_ptr())
    })
}

fn compared<'py>(
    timer: &Bound<'py, Handle>,
    other: &Bound<'py, PyAny>,
    op: CompareOp,
) -> PyResult<Bound<'py, PyAny>> {
    let py = timer.py();
    let both = if other.is_instance(classes(py)?.timer.as_type(py))? {
        // SAFETY: instances of that class are handles.
        let other: &Bound<'py, Handle> = unsafe { other.cast_unchecked() };
        Handle::when(timer).zip(Handle::when(other))
    } else {
        None
    };
    let Some((mine, theirs)) = both else { return Ok(py.NotImplemented().into_bound(py)) };
    match op {
        CompareOp::Lt | CompareOp::Gt => mine.rich_compare(theirs, op),
        CompareOp::Eq | CompareOp::Ne | CompareOp::Le | CompareOp::Ge => {
            let equal = timer.as_any().is(other) || (mine.eq(&theirs)? && same_call(timer, other)?);
            let answer = match op {
                CompareOp::Eq => equal,
                CompareOp::Ne => !equal,
                CompareOp::Le => equal || mine.lt(theirs)?,
                _ => equal || mine.gt(theirs)?,
            };
            Ok(answer.into_pyobject(py)?.to_owned().into_any())
        }
    }
}

fn same_call(one: &Bound<'_, Handle>, other: &Bound<'_, PyAny>) -> PyResult<bool> {
    for name in [intern!(one.py(), "_callback"), intern!(one.py(), "_args")] {
        if !one.as_any().getattr(name)?.eq(other.getattr(name)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}
