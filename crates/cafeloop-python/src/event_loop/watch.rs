//! Descriptors that a user watches by their number.

use std::os::fd::RawFd;

use cafeloop::engine::Interest;
use pyo3::exceptions::{PyAttributeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyInt;

use super::EventLoop;
use crate::errors::os_error;
use crate::host::Watcher;
use crate::object::{Call, Handle, Strong};

pub(super) fn add<'py>(
    slf: &Bound<'py, EventLoop>,
    fd: &Bound<'py, PyAny>,
    interest: Interest,
    call: Call,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let engine = slf.get().engine(py)?;
    let number = descriptor(fd)?;
    slf.get().transports(py).refuse_used(number, fd)?;
    let handle = Handle::new(slf, call, None)?;
    let held = Strong::new(handle.clone());
    let watcher = if fd.is_instance_of::<PyInt>() {
        Watcher::Handle(held)
    } else {
        Watcher::Of(held, fd.clone().unbind())
    };
    let before = engine.watch(number, interest, watcher);
    if let Some(before) = before.map_err(|error| os_error(py, &error))? {
        // It may be queued already: what was replaced isn't called any more.
        before.replaced(py)?;
    }
    Ok(handle.into_any())
}

pub(super) fn remove(
    slf: &EventLoop,
    py: Python<'_>,
    fd: &Bound<'_, PyAny>,
    interest: Interest,
) -> PyResult<bool> {
    let number = number_of(fd)?;
    slf.transports(py).refuse_used(number, fd)?;
    let Some(engine) = slf.try_engine(py) else { return Ok(false) };
    let number = if number < 0 {
        // Closed by now: it is known by itself.
        engine.find(|watcher| watcher.is_given_as(fd)).ok_or_else(|| negative(number))?
    } else {
        number
    };
    let is_users = |watcher: &Watcher| {
        matches!(watcher, Watcher::Handle(_) | Watcher::Of(..) | Watcher::Operation(_))
    };
    let Some(watcher) = engine.unwatch_if(number, interest, is_users) else { return Ok(false) };
    watcher.replaced(py)?;
    Ok(true)
}

/// The number of something that is open.
fn descriptor(object: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    let number = number_of(object)?;
    if number < 0 { Err(negative(number)) } else { Ok(number) }
}

/// A number, or that of anything with a `fileno()`, as Python's `selectors` takes it.
fn number_of(object: &Bound<'_, PyAny>) -> PyResult<RawFd> {
    let py = object.py();
    let number = if object.is_instance_of::<PyInt>() {
        object.extract()
    } else {
        object.call_method0(intern!(py, "fileno")).and_then(|number| number.extract())
    };
    number.map_err(|error| {
        let expected = error.is_instance_of::<PyAttributeError>(py)
            || error.is_instance_of::<PyTypeError>(py)
            || error.is_instance_of::<PyValueError>(py);
        if expected { invalid(object) } else { error }
    })
}

fn negative(number: RawFd) -> PyErr {
    PyValueError::new_err(format!("Invalid file descriptor: {number}"))
}

fn invalid(object: &Bound<'_, PyAny>) -> PyErr {
    let shown = object.repr().map(|repr| repr.to_string());
    PyValueError::new_err(format!("Invalid file object: {}", shown.unwrap_or_default()))
}
