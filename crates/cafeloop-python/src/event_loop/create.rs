//! Futures and tasks: the interpreter's own.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::EventLoop;
use crate::names;

pub(super) fn future<'py>(slf: &Bound<'py, EventLoop>) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let options = PyDict::new(py);
    options.set_item(intern!(py, "loop"), slf)?;
    names::future_class(py)?.call((), Some(&options))
}

pub(super) fn task<'py>(
    slf: &Bound<'py, EventLoop>,
    coro: &Bound<'py, PyAny>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    slf.get().engine(py)?;
    let options = options.map_or_else(|| Ok(PyDict::new(py)), PyDictMethods::copy)?;
    let factory = slf.get().state(py).task_factory.borrow().as_ref().map(|f| f.clone_ref(py));
    match factory {
        None => {
            options.set_item(intern!(py, "loop"), slf)?;
            names::task_class(py)?.call((coro,), Some(&options))
        }
        Some(factory) if names_belong_to_factory(py) => {
            factory.bind(py).call((slf, coro), Some(&options))
        }
        Some(factory) => made_by_older_factory(slf, coro, &options, factory.bind(py)),
    }
}

/// Since 3.13.3 a task factory is given all keywords, the name included.
fn names_belong_to_factory(py: Python<'_>) -> bool {
    py.version_info() >= (3, 13, 3)
}

/// Before, it was given the context only, and that only if there was one.
fn made_by_older_factory<'py>(
    slf: &Bound<'py, EventLoop>,
    coro: &Bound<'py, PyAny>,
    options: &Bound<'py, PyDict>,
    factory: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let name = options.get_item(intern!(py, "name"))?.filter(|name| !name.is_none());
    if options.contains(intern!(py, "name"))? {
        options.del_item(intern!(py, "name"))?;
    }
    let context = options.get_item(intern!(py, "context"))?;
    if context.is_some_and(|context| context.is_none()) {
        options.del_item(intern!(py, "context"))?;
    }
    let task = factory.call((slf, coro), Some(options))?;
    if let Some(name) = name {
        task.call_method1(intern!(py, "set_name"), (name,))?;
    }
    Ok(task)
}

pub(super) fn set_task_factory(
    slf: &EventLoop,
    py: Python<'_>,
    factory: Option<Bound<'_, PyAny>>,
) -> PyResult<()> {
    if factory.as_ref().is_some_and(|factory| !factory.is_callable()) {
        return Err(PyTypeError::new_err("task factory must be a callable or None"));
    }
    let before = slf.state(py).task_factory.replace(factory.map(Bound::unbind));
    drop(before);
    Ok(())
}

pub(super) fn task_factory(slf: &EventLoop, py: Python<'_>) -> Option<Py<PyAny>> {
    slf.state(py).task_factory.borrow().as_ref().map(|factory| factory.clone_ref(py))
}
