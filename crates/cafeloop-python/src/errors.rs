//! Exceptions, with asyncio's texts where programs read them.

use cafeloop::Error;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PySystemExit};
use pyo3::prelude::*;

/// Why a loop was left: an exception that no handler may have.
pub(crate) struct Exit(pub(crate) PyErr);

impl From<Error> for Exit {
    fn from(error: Error) -> Self {
        Exit(engine_failed(&error))
    }
}

/// What the engine couldn't do, as the exception that asyncio would raise.
pub(crate) fn engine_failed(error: &Error) -> PyErr {
    let text = error.to_string();
    if error.is_io() { PyOSError::new_err(text) } else { PyRuntimeError::new_err(text) }
}

pub(crate) fn loop_is_closed() -> PyErr {
    PyRuntimeError::new_err("Event loop is closed")
}

/// Whether an exception ends the loop instead of being reported by it.
pub(crate) fn leaves_the_loop(exception: &Bound<'_, PyAny>) -> bool {
    exception.is_instance_of::<PyKeyboardInterrupt>() || exception.is_instance_of::<PySystemExit>()
}
