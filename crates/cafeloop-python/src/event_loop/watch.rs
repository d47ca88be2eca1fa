//! Descriptors that a user watches by their number.

use std::os::fd::RawFd;

use cafeloop::engine::Interest;
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyInt;

use super::EventLoop;
use crate::object::{Call, Handle};

pub(super) fn add(
    slf: &Bound<'_, EventLoop>,
    fd: &Bound<'_, PyAny>,
    interest: Interest,
    call: Call,
) -> PyResult<()> {
    let py = slf.py();
    let engine = slf.get().engine(py)?;
    let fd = descriptor(fd)?;
    let handle = Py::new(py, Handle::new(slf, call, None)?)?;
    if let Some(before) = engine.watch(fd, interest, handle)? {
        // It may be queued already: what was replaced isn't called any more.
        before.bind(py).call_method0(intern!(py, "cancel"))?;
    }
    Ok(())
}

pub(super) fn remove(
    slf: &EventLoop,
    py: Python<'_>,
    fd: &Bound<'_, PyAny>,
    interest: Interest,
) -> PyResult<bool> {
    let fd = descriptor(fd)?;
    let Some(engine) = slf.try_engine(py) else { return Ok(false) };
    let Some(handle) = engine.unwatch(fd, interest) else { return Ok(false) };
    handle.bind(py).call_method0(intern!(py, "cancel"))?;
    Ok(true)
}

/// A number, or anything with a `fileno()`, as Python's `selectors` takes it.
fn descriptor(object: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    let py = object.py();
    let number = if object.is_instance_of::<PyInt>() {
        object.extract()
    } else {
        object.call_method0(intern!(py, "fileno")).and_then(|number| number.extract())
    };
    let number: RawFd = number.map_err(|error| {
        let expected = error.is_instance_of::<PyAttributeError>(py)
            || error.is_instance_of::<PyTypeError>(py)
            || error.is_instance_of::<PyValueError>(py);
        if expected { invalid(object) } else { error }
    })?;
    if number < 0 {
        return Err(PyValueError::new_err(format!("Invalid file descriptor: {number}")));
    }
    Ok(number)
}

fn invalid(object: &Bound<'_, PyAny>) -> PyErr {
    let shown = object.repr().map(|repr| repr.to_string());
    PyValueError::new_err(format!("Invalid file object: {}", shown.unwrap_or_default()))
}
