//! Making a task in an `asyncio.TaskGroup`, natively in the usual case.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyContext, PySet};

use super::context::Context;
use super::coroutine::is_coroutine_exact;
use super::method::Arguments;
use super::reference::Strong;
use super::task::{Start, Task};
use super::task_group::known;
use super::waiters::{Callback, Waiter};
use super::{classes, future, published, task};
use crate::event_loop::EventLoop;

/// Does what a group's `create_task` would, if `function` is just that, and all is as
/// usual; else nothing.
pub(super) fn create<'py>(
    function: &Bound<'py, PyAny>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, Task>>> {
    let py = function.py();
    let mut positional = arguments.positional();
    let (Some(group), Some(coroutine), None) =
        (positional.next(), positional.next(), positional.next())
    else {
        return Ok(None);
    };
    let Some(known) = known(py).filter(|known| known.create_task.is(function.as_ptr())) else {
        return Ok(None);
    };
    let Some(classes) = classes::made(py).filter(|_| group.get_type().is(&known.class)) else {
        return Ok(None);
    };
    let Some((name, context)) = options(py, &arguments)? else { return Ok(None) };
    let is = |field: &Bound<'py, PyAny>, value| field.is(PyBool::new(py, value));
    let tasks = group.getattr(intern!(py, "_tasks"))?;
    let Ok(tasks) = tasks.cast_exact::<PySet>() else { return Ok(None) };
    let is_open = is(&group.getattr(intern!(py, "_entered"))?, true)
        && is(&group.getattr(intern!(py, "_aborting"))?, false)
        && (is(&group.getattr(intern!(py, "_exiting"))?, false) || !tasks.is_empty());
    let owner = group.getattr(intern!(py, "_loop"))?;
    let Ok(owner) = owner.cast_into::<EventLoop>() else { return Ok(None) };
    if !is_open
        || !is_coroutine_exact(&coroutine)
        || owner.get().is_debug(py)
        || owner.get().try_engine(py).is_none()
        || !EventLoop::creates_natively(&owner)?
    {
        return Ok(None);
    }
    let parent = group.getattr(intern!(py, "_parent_task"))?;
    let parent = classes.task.cast_exact(&parent);
    if published::is_here() && parent.is_none() {
        return Ok(None);
    }
    let callback = group.getattr(intern!(py, "_on_task_done"))?;
    let task = task::create(classes, &owner, &coroutine, name, context, Start::Soon)?;
    let future = task::as_future(&task);
    if let Some(parent) = parent {
        published::awaited(future, parent)?;
    }
    tasks.add(task.as_any())?;
    let callback = Callback { function: Strong::new(callback), context: Context::of(py, None)? };
    future::add_waiter(future, Waiter::Callback(Box::new(callback)))?;
    Ok(Some(task))
}

type Options<'py> = (Option<Bound<'py, PyAny>>, Option<Bound<'py, PyContext>>);

/// The name and the context that a task is to have, if that is all that was asked for.
fn options<'py>(py: Python<'py>, arguments: &Arguments<'_, 'py>) -> PyResult<Option<Options<'py>>> {
    let (mut task_name, mut context) = (None, None);
    for (name, value) in arguments.named() {
        if name.eq(intern!(py, "name"))? {
            // Before 3.13 a task was named when it had got a number.
            if !value.is_none() && !cfg!(Py_3_13) {
                return Ok(None);
            }
            task_name = Some(value);
        } else if name.eq(intern!(py, "context"))? {
            if value.is_none() {
                continue;
            }
            let Ok(given) = value.cast_into::<PyContext>() else { return Ok(None) };
            context = Some(given);
        } else {
            return Ok(None);
        }
    }
    Ok(Some((task_name, context)))
}
