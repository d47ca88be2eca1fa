//! Coroutines, and what PyO3 can't ask of them without an exception or a call.

use pyo3::exceptions::PyStopIteration;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;

/// What came of letting a coroutine run.
pub(super) enum Sent<'py> {
    Yielded(Bound<'py, PyAny>),
    Returned(Bound<'py, PyAny>),
    Raised(PyErr),
}

/// `coroutine.send(None)`, without an exception for a result.
#[inline]
pub(super) fn send<'py>(coroutine: &Bound<'py, PyAny>) -> Sent<'py> {
    let py = coroutine.py();
    let mut result = std::ptr::null_mut();
    // SAFETY: the GIL is held, all three are objects or room for one, and a result
    // is a new reference.
    unsafe {
        match ffi::PyIter_Send(coroutine.as_ptr(), ffi::Py_None(), &raw mut result) {
            ffi::PySendResult::PYGEN_NEXT => Sent::Yielded(Bound::from_owned_ptr(py, result)),
            ffi::PySendResult::PYGEN_RETURN => Sent::Returned(Bound::from_owned_ptr(py, result)),
            ffi::PySendResult::PYGEN_ERROR => Sent::Raised(PyErr::fetch(py)),
        }
    }
}

/// `coroutine.throw(error)`.
pub(super) fn throw<'py>(coroutine: &Bound<'py, PyAny>, error: &Bound<'py, PyAny>) -> Sent<'py> {
    let py = coroutine.py();
    match coroutine.call_method1(intern!(py, "throw"), (error,)) {
        Ok(awaited) => Sent::Yielded(awaited),
        Err(raised) if raised.is_instance_of::<PyStopIteration>(py) => {
            match raised.value(py).getattr(intern!(py, "value")) {
                Ok(result) => Sent::Returned(result),
                Err(error) => Sent::Raised(error),
            }
        }
        Err(raised) => Sent::Raised(raised),
    }
}

/// Whether it is what an `async def` function returns.
#[inline]
pub(super) fn is_coroutine_exact(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held, and the object is one.
    unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) != 0 }
}

/// Whether it is a generator, or of a class derived from that.
pub(super) fn is_generator(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held, and the object is one.
    unsafe { ffi::PyGen_Check(object.as_ptr()) != 0 }
}
