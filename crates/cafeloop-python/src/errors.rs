//! Exceptions, with asyncio's texts where programs read them.

use std::io;
use std::path::Path;

use cafeloop::Error;
use pyo3::exceptions::{PyKeyboardInterrupt, PyOSError, PyRuntimeError, PySystemExit};
use pyo3::prelude::*;

use crate::names;

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

/// What the kernel refused, with its number and text, and so of Python's class.
pub(crate) fn os_error(py: Python<'_>, error: &io::Error) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return PyOSError::new_err(error.to_string());
    };
    let text = names::strerror(py).and_then(|strerror| strerror.call1((number,)));
    text.map_or_else(|error| error, |text| PyOSError::new_err((number, text.unbind())))
}

/// The same about a file, with its name.
pub(crate) fn os_error_of_file(py: Python<'_>, error: &io::Error, file: &Path) -> PyErr {
    let Some(number) = error.raw_os_error() else {
        return PyOSError::new_err(format!("{error}: {}", file.display()));
    };
    let text = names::strerror(py).and_then(|strerror| strerror.call1((number,)));
    let file = file.as_os_str().to_owned();
    text.map_or_else(|error| error, |text| PyOSError::new_err((number, text.unbind(), file)))
}

pub(crate) fn loop_is_closed() -> PyErr {
    PyRuntimeError::new_err("Event loop is closed")
}

/// Whether an exception ends the loop instead of being reported by it.
pub(crate) fn leaves_the_loop(exception: &Bound<'_, PyAny>) -> bool {
    exception.is_instance_of::<PyKeyboardInterrupt>() || exception.is_instance_of::<PySystemExit>()
}
