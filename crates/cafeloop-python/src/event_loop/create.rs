//! Futures and tasks: ours, where nothing speaks against it, else the interpreter's.

use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::EventLoop;
use super::state::State;
use crate::ffi::has_own_attribute;
use crate::names;
use crate::object::{self, Arguments, Classes, Start};

/// The keywords that `create_task` was called with.
#[derive(Default)]
struct Options<'py> {
    name: Option<Bound<'py, PyAny>>,
    context: Option<Bound<'py, PyAny>>,
    /// What this version of Python may have beside.
    others: Option<Bound<'py, PyDict>>,
}

impl<'py> Options<'py> {
    #[inline]
    fn parse(py: Python<'py>, args: &Arguments<'_, 'py>) -> PyResult<Self> {
        let mut options = Options::default();
        if args.positional().len() > 0 {
            let text = "create_task() takes 1 positional argument beside the loop";
            return Err(PyTypeError::new_err(text));
        }
        for (name, value) in args.named() {
            if name.is(intern!(py, "name")) || name.eq(intern!(py, "name"))? {
                options.name = Some(value);
            } else if name.eq(intern!(py, "context"))? {
                options.context = Some(value);
            } else if name.ne(intern!(py, "coro"))? {
                let others = options.others.get_or_insert_with(|| PyDict::new(py));
                others.set_item(name, value)?;
            }
        }
        Ok(options)
    }
}

/// The classes of our objects, if the loop's objects are ours.
fn classes(state: &State, py: Python<'_>) -> Option<&'static Classes> {
    if state.plain.queues { object::make_classes(py) } else { None }
}

/// Whether a task is made without asking a factory, a subclass or what somebody has
/// put in the place of the loop's own method.
pub(super) fn is_native(slf: &Bound<'_, EventLoop>) -> PyResult<bool> {
    let py = slf.py();
    let state = slf.get().state(py);
    let is_ours = state.plain.creates
        && state.task_factory.borrow().is_none()
        && classes(state, py).is_some();
    Ok(is_ours && !has_own_attribute(slf, intern!(py, "create_task"))?)
}

pub(super) fn future<'py>(slf: &Bound<'py, EventLoop>) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    if let Some(classes) = classes(slf.get().state(py), py) {
        return Ok(object::create_future(classes, slf)?.into_any());
    }
    let options = PyDict::new(py);
    options.set_item(intern!(py, "loop"), slf)?;
    names::future_class(py)?.call((), Some(&options))
}

pub(super) fn task<'py>(
    slf: &Bound<'py, EventLoop>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let ([coro], rest) = args.leading("create_task", &["coro"])?;
    let options = Options::parse(py, &rest)?;
    let coro = &coro;
    let state = slf.get().state(py);
    slf.get().refuse_closed(py)?;
    let factory = state.task_factory.borrow().as_ref().map(|factory| factory.clone_ref(py));
    let Some(factory) = factory else {
        return match classes(state, py) {
            Some(classes) => native(classes, slf, coro, options),
            None => interpreters(slf, coro, options),
        };
    };
    let options = options.into_dict(py)?;
    if names_belong_to_factory(py) {
        factory.bind(py).call((slf, coro), Some(&options))
    } else {
        made_by_older_factory(slf, coro, &options, factory.bind(py))
    }
}

fn native<'py>(
    classes: &Classes,
    slf: &Bound<'py, EventLoop>,
    coro: &Bound<'py, PyAny>,
    options: Options<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let start = match &options.others {
        Some(others) if eager_start(others)? && slf.get().runs_here(py) => Start::Now,
        _ => Start::Soon,
    };
    let context = object::context_or_none(options.context)?;
    Ok(object::create_task(classes, slf, coro, options.name, context, start)?.into_any())
}

/// The one other keyword that tasks have, since Python 3.12.
fn eager_start(others: &Bound<'_, PyDict>) -> PyResult<bool> {
    let py = others.py();
    let mut is_eager = false;
    for (name, value) in others.iter() {
        let is_known = name.eq(intern!(py, "eager_start"))? && cfg!(Py_3_12);
        if !is_known {
            let text = format!("Task() got an unexpected keyword argument '{}'", name.str()?);
            return Err(PyTypeError::new_err(text));
        }
        is_eager = value.is_truthy()?;
    }
    Ok(is_eager)
}

fn interpreters<'py>(
    slf: &Bound<'py, EventLoop>,
    coro: &Bound<'py, PyAny>,
    options: Options<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let options = options.into_dict(py)?;
    options.set_item(intern!(py, "loop"), slf)?;
    names::task_class(py)?.call((coro,), Some(&options))
}

impl<'py> Options<'py> {
    /// Those that were given, as a caller's keywords.
    fn into_dict(self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = self.others.unwrap_or_else(|| PyDict::new(py));
        if let Some(name) = self.name {
            all.set_item(intern!(py, "name"), name)?;
        }
        if let Some(context) = self.context {
            all.set_item(intern!(py, "context"), context)?;
        }
        Ok(all)
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
