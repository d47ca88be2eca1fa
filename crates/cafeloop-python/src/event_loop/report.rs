//! What callbacks raised, on its way to the loop's exception handler.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::{EventLoop, debug};
use crate::object::{Call, Handle};

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
    context.set_item("handle", handle)?;
    if let Some(made_at) = handle.get().made_at(py) {
        context.set_item("source_traceback", made_at)?;
    }
    owner.call_method1(intern!(py, "call_exception_handler"), (context,))?;
    Ok(())
}
