//! What Python sees of a sleep: the methods and attributes of a coroutine.

#![allow(clippy::unnecessary_wraps, reason = "methods and attributes have one shape")]

use std::ffi::c_void;
use std::ptr;

use pyo3::exceptions::{PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyString;

use super::class::{enter_quickly, receiver, slot};
use super::method::{Arguments, getter, no_args, one_arg, required, unary, with_args};
use super::pool::PooledClass;
use super::sleep::Sleep;
use crate::names;

/// Makes the class of sleeps.
pub(super) fn make(py: Python<'_>) -> PyResult<PooledClass<Sleep>> {
    let methods = vec![
        one_arg!(Sleep, c"send", send),
        with_args!(Sleep, c"throw", throw),
        no_args!(Sleep, c"close", Sleep::close),
    ];
    PooledClass::make(py, c"cafeloop.sleep", None, methods, attributes(), Vec::new(), slots())
}

/// What makes it a coroutine to `inspect` and to `asyncio.iscoroutine`.
fn attributes() -> Vec<ffi::PyGetSetDef> {
    vec![
        getter!(Sleep, c"__class__", coroutine_type),
        getter!(Sleep, c"__name__", name),
        getter!(Sleep, c"__qualname__", name),
        getter!(Sleep, c"cr_code", code),
        getter!(Sleep, c"cr_frame", nothing),
        getter!(Sleep, c"cr_await", nothing),
        getter!(Sleep, c"cr_origin", Sleep::origin),
        getter!(Sleep, c"cr_running", is_running),
        getter!(Sleep, c"cr_suspended", is_suspended),
    ]
}

fn slots() -> Vec<ffi::PyType_Slot> {
    vec![
        slot(ffi::Py_am_await, itself as *mut c_void),
        slot(ffi::Py_am_send, send_quickly as *mut c_void),
        slot(ffi::Py_tp_iter, ffi::PyObject_SelfIter as *mut c_void),
        slot(ffi::Py_tp_iternext, resume as *mut c_void),
        unary!(Sleep, ffi::Py_tp_repr, repr),
    ]
}

/// What `await` iterates over: the sleep itself.
unsafe extern "C" fn itself(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: CPython calls a class's slots on its instances, with the GIL held.
    unsafe {
        enter_quickly(ptr::null_mut(), |py| {
            let sleep = receiver::<Sleep>(py, object);
            if Sleep::is_suspended(&sleep) {
                return Err(PyRuntimeError::new_err("coroutine is being awaited already"));
            }
            Ok(sleep.into_ptr())
        })
    }
}

/// `await`'s next step; at the end no exception is the quick way to say so.
unsafe extern "C" fn resume(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        enter_quickly(ptr::null_mut(), |py| {
            let awaited = Sleep::resume(&receiver::<Sleep>(py, object))?;
            Ok(awaited.map_or(ptr::null_mut(), Bound::into_ptr))
        })
    }
}

/// The same for interpreters that ask for it.
unsafe extern "C" fn send_quickly(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    answer: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: as above; `answer` is room for a new reference.
    unsafe {
        enter_quickly(ffi::PySendResult::PYGEN_ERROR, |py| {
            let sleep = receiver::<Sleep>(py, object);
            refuse_early_value(&sleep, &Borrowed::from_ptr(py, value))?;
            let (kind, object) = match Sleep::resume(&sleep)? {
                Some(awaited) => (ffi::PySendResult::PYGEN_NEXT, awaited),
                None => (ffi::PySendResult::PYGEN_RETURN, py.None().into_bound(py)),
            };
            *answer = object.into_ptr();
            Ok(kind)
        })
    }
}

fn refuse_early_value(sleep: &Bound<'_, Sleep>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if !value.is_none() && Sleep::is_new(sleep) {
        let text = "can't send non-None value to a just-started coroutine";
        return Err(PyTypeError::new_err(text));
    }
    Ok(())
}

fn repr<'py>(sleep: &Bound<'py, Sleep>) -> PyResult<Bound<'py, PyString>> {
    let text = format!("<coroutine object sleep at {:p}>", sleep.as_ptr());
    Ok(PyString::new(sleep.py(), &text))
}

// --- methods

fn send<'py>(sleep: &Bound<'py, Sleep>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    refuse_early_value(sleep, value)?;
    Sleep::resume(sleep)?.ok_or_else(|| PyStopIteration::new_err(()))
}

fn throw<'py>(sleep: &Bound<'py, Sleep>, args: Arguments<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
    let [kind, value, traceback] = args.parse("throw", 3, ["kind", "value", "traceback"])?;
    Sleep::throw(sleep, required(kind, "throw")?, value, traceback)
}

// --- attributes

fn coroutine_type<'py>(sleep: &Bound<'py, Sleep>) -> PyResult<Bound<'py, PyAny>> {
    names::coroutine_type(sleep.py()).cloned()
}

fn name(_sleep: &Bound<'_, Sleep>) -> PyResult<&'static str> {
    Ok("sleep")
}

fn code<'py>(sleep: &Bound<'py, Sleep>) -> PyResult<Bound<'py, PyAny>> {
    let py = sleep.py();
    names::sleep(py)?.getattr(intern!(py, "__code__"))
}

fn nothing<'py>(_sleep: &Bound<'py, Sleep>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(None)
}

fn is_running(_sleep: &Bound<'_, Sleep>) -> PyResult<bool> {
    Ok(false)
}

fn is_suspended(sleep: &Bound<'_, Sleep>) -> PyResult<bool> {
    Ok(Sleep::is_suspended(sleep))
}
