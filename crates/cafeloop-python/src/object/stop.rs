//! How an `await` ends with a result: by a `StopIteration` that has it.
//!
//! CPython makes an exception for each, and takes the result out at once.  Most results
//! of waiters are None, which needs none, or True (`Event.wait`, `Lock.acquire`), for
//! which there is one that is used again and again.

use pyo3::exceptions::{PyBaseException, PyStopIteration};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Raises what ends an `await` with `result`, as a generator's `return` does; nothing, if
/// that is None.
#[inline]
pub(super) fn with(py: Python<'_>, result: &Bound<'_, PyAny>) {
    if result.is_none() {
        // No exception at all is the quick way to say it.
        return;
    }
    // SAFETY: True is an object that lives for ever.
    #[cfg(Py_3_12)]
    if result.as_ptr() == unsafe { ffi::Py_True() } {
        return truly::raise(py);
    }
    with_another(py, result);
}

#[inline(never)]
fn with_another(py: Python<'_>, result: &Bound<'_, PyAny>) {
    // An exception or a tuple would be taken for the arguments of StopIteration.
    let must_wrap =
        result.is_instance_of::<PyBaseException>() || result.is_instance_of::<PyTuple>();
    let value = if must_wrap { made(py, result).into_any() } else { result.clone() };
    // SAFETY: the GIL is held, and both are objects.
    unsafe { ffi::PyErr_SetObject(ffi::PyExc_StopIteration, value.as_ptr()) }
}

fn made<'py>(py: Python<'py>, result: &Bound<'_, PyAny>) -> Bound<'py, PyBaseException> {
    PyStopIteration::new_err((result.clone().unbind(),)).into_value(py).into_bound(py)
}

/// The exception for True.
#[cfg(Py_3_12)]
mod truly {
    use pyo3::exceptions::PyBaseException;
    use pyo3::ffi;
    use pyo3::prelude::*;
    use pyo3::types::PyBool;

    use super::made;
    use crate::gil::Gil;
    use crate::object::Slot;

    static USED_AGAIN: Gil<Slot<PyBaseException>> = Gil::new(Slot::empty());

    #[inline]
    pub(super) fn raise(py: Python<'_>) {
        let slot = USED_AGAIN.get(py);
        if !is_untouched(slot) {
            slot.set(made(py, PyBool::new(py, true).as_any()));
        }
        if let Some(stop) = slot.get(py) {
            // SAFETY: the GIL is held, and it takes the reference to an exception.
            unsafe { ffi::PyErr_SetRaisedException(stop.into_ptr()) }
        }
    }

    /// Whether nobody else has it, and whoever had it was an `await`: it has no traceback,
    /// by which it would keep frames alive, and still this value.
    #[inline]
    fn is_untouched(slot: &Slot<PyBaseException>) -> bool {
        let stop: *mut ffi::PyStopIterationObject = slot.as_ptr().cast();
        // SAFETY: the slot holds such an exception, if any; fields that belong to whoever
        // holds the GIL are compared as addresses.
        unsafe {
            !stop.is_null()
                && ffi::Py_REFCNT(stop.cast()) == 1
                && (*stop).traceback.is_null()
                && (*stop).value == ffi::Py_True()
        }
    }
}
