//! The unsafe corner of this crate, apart from the objects laid out by hand.

use std::ffi::CStr;

use pyo3::PyVisit;
use pyo3::exceptions::PyStopIteration;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyContext;

/// Data shared between threads that take turns; see [`crate::gil`].
pub(crate) struct Shared<T>(T);

// SAFETY: a reference to the value is given only against a proof that this
// thread holds the GIL, and no longer than that proof lives.  `Python::detach`
// lets go of the GIL, but its closure can't carry the reference along, since
// `&T` isn't `Send` for a `T` that isn't `Sync`.  So no two threads use it at
// once.  The value is dropped by CPython's deallocation, with the GIL held.
unsafe impl<T> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T> Sync for Shared<T> {}

impl<T> Shared<T> {
    pub(crate) const fn new(value: T) -> Self {
        Shared(value)
    }

    #[inline]
    pub(crate) fn with_gil<'a>(&'a self, _gil: Python<'a>) -> &'a T {
        &self.0
    }

    /// A visitor exists only during `tp_traverse`, which CPython calls with the
    /// GIL held.
    pub(crate) fn in_traverse<'a>(&'a self, _visit: &'a PyVisit<'_>) -> &'a T {
        &self.0
    }
}

/// The context of the running code, copied (`contextvars.copy_context()`).
pub(crate) fn copy_context(py: Python<'_>) -> PyResult<Bound<'_, PyContext>> {
    // SAFETY: the GIL is held, and the answer is a new reference or NULL with
    // an exception set.
    let context = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_CopyCurrent())? };
    Ok(context.cast_into()?)
}

/// Calls `call` inside of `context`, as `Context.run` does.
pub(crate) fn in_context<R>(
    context: &Bound<'_, PyContext>,
    call: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    let _entered = Entered::enter(context)?;
    call()
}

/// A context that was entered and is left when this is dropped.
struct Entered<'a, 'py>(&'a Bound<'py, PyContext>);

impl<'a, 'py> Entered<'a, 'py> {
    fn enter(context: &'a Bound<'py, PyContext>) -> PyResult<Self> {
        // SAFETY: the GIL is held and the object is a context.
        match unsafe { ffi::PyContext_Enter(context.as_ptr()) } {
            0 => Ok(Entered(context)),
            _ => Err(PyErr::fetch(context.py())),
        }
    }
}

impl Drop for Entered<'_, '_> {
    fn drop(&mut self) {
        // SAFETY: as in `enter`; what was entered last is left first, because
        // the guards of nested calls are dropped in reverse order.
        if unsafe { ffi::PyContext_Exit(self.0.as_ptr()) } != 0 {
            // Somebody left the context in our place.
            PyErr::fetch(self.0.py()).write_unraisable(self.0.py(), Some(self.0.as_any()));
        }
    }
}

/// What came of letting a coroutine run.
pub(crate) enum Sent<'py> {
    Yielded(Bound<'py, PyAny>),
    Returned(Bound<'py, PyAny>),
    Raised(PyErr),
}

/// `coroutine.send(None)`, without an exception for a result.
#[inline]
pub(crate) fn send<'py>(coroutine: &Bound<'py, PyAny>) -> Sent<'py> {
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
pub(crate) fn throw<'py>(coroutine: &Bound<'py, PyAny>, error: &Bound<'py, PyAny>) -> Sent<'py> {
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
pub(crate) fn is_coroutine_exact(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held, and the object is one.
    unsafe { ffi::PyCoro_CheckExact(object.as_ptr()) != 0 }
}

/// Whether it is a generator, or of a class derived from that.
pub(crate) fn is_generator(object: &Bound<'_, PyAny>) -> bool {
    // SAFETY: the GIL is held, and the object is one.
    unsafe { ffi::PyGen_Check(object.as_ptr()) != 0 }
}

/// A call that may lead back to itself without a Python function in between: a
/// RecursionError, in time, where the stack would overflow.
pub(crate) fn recursive_call<R>(
    py: Python<'_>,
    doing: &CStr,
    call: impl FnOnce() -> PyResult<R>,
) -> PyResult<R> {
    // SAFETY: the GIL is held, and the text ends with a zero.
    if unsafe { ffi::Py_EnterRecursiveCall(doing.as_ptr()) } != 0 {
        return Err(PyErr::fetch(py));
    }
    let answer = call();
    // SAFETY: what was entered is left.
    unsafe { ffi::Py_LeaveRecursiveCall() };
    answer
}
