//! What callbacks raised, on its way to the loop's exception handler.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};

use super::{EventLoop, debug};
use crate::errors;
use crate::object::{self, Call, Context, Future, Handle, Task};

/// Hands `error` to the loop's exception handler.  An error of its own means
/// that it wants to leave the loop.
pub(crate) fn callback_failed(
    owner: &Bound<'_, EventLoop>,
    handle: &Bound<'_, Handle>,
    call: &Call,
    error: PyErr,
) -> PyResult<()> {
    let py = owner.py();
    let context = PyDict::new(py);
    context
        .set_item("message", format!("Exception in callback {}", debug::show_call(owner, call)?))?;
    context.set_item("exception", error.into_value(py))?;
    context.set_item("handle", handle.as_any())?;
    if let Some(made_at) = Handle::made_at(handle) {
        context.set_item("source_traceback", made_at)?;
    }
    owner.call_method1(intern!(py, "call_exception_handler"), (context,))?;
    Ok(())
}

/// The same for a future's done callback, which has no handle until now.
pub(crate) fn done_callback_failed<'py>(
    future: &Bound<'py, Future>,
    function: &Bound<'py, PyAny>,
    context: Context,
    error: PyErr,
) -> PyResult<()> {
    let owner = object::owner_of_future(future)?;
    let call = || Call::with(function.clone(), std::iter::once(future.as_any().clone()));
    let handle = Handle::new(&owner, call()?, Some(context))?;
    callback_failed(&owner, &handle, &call()?, error)
}

/// The same for a method of an object that the loop calls by itself, which has no handle
/// either.  What is meant to leave the loop does.
pub(crate) fn method_failed<'py>(
    owner: &Bound<'py, EventLoop>,
    (object, method, args): (&Bound<'py, PyAny>, &Bound<'py, PyString>, Bound<'py, PyTuple>),
    error: PyErr,
) -> PyResult<()> {
    let py = owner.py();
    if errors::leaves_the_loop(error.value(py)) {
        return Err(error);
    }
    // There may be no such method: then that is what was raised.
    let callback = object.getattr(method).unwrap_or_else(|_| object.clone());
    let call = || Call::with(callback.clone(), args.iter());
    let handle = Handle::new(owner, call()?, None)?;
    callback_failed(owner, &handle, &call()?, error)
}

/// The same for a task's step that couldn't be run, or couldn't end.
pub(crate) fn step_failed(
    owner: &Bound<'_, EventLoop>,
    task: &Bound<'_, Task>,
    error: PyErr,
) -> PyResult<()> {
    let py = owner.py();
    let context = PyDict::new(py);
    context.set_item("message", format!("Exception in callback {}", task.as_any().repr()?))?;
    context.set_item("exception", error.into_value(py))?;
    context.set_item("task", task.as_any())?;
    owner.call_method1(intern!(py, "call_exception_handler"), (context,))?;
    Ok(())
}
