//! One step of a task: its coroutine runs until it waits or ends.
//!
//! The order of what happens here, and every text, is `task_step_impl`'s in
//! CPython's `Modules/_asynciomodule.c`.

use pyo3::exceptions::{PyBaseException, PyRuntimeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::own;
use super::classes;
use super::context::Inside;
use super::coroutine::{Sent, is_generator, send, throw};
use super::future::{self, Future};
use super::reference::Strong;
use super::sleep::{self, Sleep};
use super::task::{self, Task, as_future};
use super::waiters::Waiter;
use super::{current, published, wakeup};
use crate::errors;
use crate::event_loop::EventLoop;
use crate::host::Job;
use crate::{names, recorder};

/// Runs a step, in the task's context and as the current task.
///
/// `error` is thrown into the coroutine.  An error returned is for the loop: to be
/// reported, or to leave it by.
pub(crate) fn run(
    task: &Bound<'_, Task>,
    error: Option<Bound<'_, PyAny>>,
    inside: &Inside,
) -> PyResult<()> {
    let own = own(task);
    if own.context.is_empty() {
        return Err(PyRuntimeError::new_err("uninitialized Task object"));
    }
    let _current = current::enter(task)?;
    own.context.run_step(task.py(), inside, || step(task, error), || own.future.is_pending())
}

/// The same, inside of the task's context already.
pub(super) fn run_in_context<'py>(
    task: &Bound<'py, Task>,
    error: Option<Bound<'py, PyAny>>,
) -> PyResult<()> {
    let _current = current::enter(task)?;
    step(task, error)
}

/// Runs the first step of an eager task at once, inside of whatever runs now.
pub(super) fn run_eagerly(task: &Bound<'_, Task>) -> PyResult<()> {
    let own = own(task);
    task::join_all_tasks(task);
    if own.context.is_empty() {
        return Err(PyRuntimeError::new_err("uninitialized Task object"));
    }
    let _current = current::swap(task)?;
    // Whatever runs now goes on afterwards, inside of what it is inside of.
    let inside = Inside::default();
    let first = || own.context.run(task.py(), &inside, || step(task, None));
    let answer = if recorder::is_on() { recorder::eager_step(task, first) } else { first() };
    inside.leave(task.py());
    if !own.future.is_pending() {
        task::coroutine(task).clear();
    }
    answer
}

/// What the task waited for is done: runs its next step.
pub(crate) fn wake(task: &Bound<'_, Task>, inside: &Inside) -> PyResult<()> {
    let error = match own(task).waits_for(task.py()) {
        None => None,
        Some(awaited) => told_by(task, &awaited)?,
    };
    run(task, error, inside)
}

/// The exception by which a task learns what became of one of ours.
fn told_by<'py>(
    task: &Bound<'py, Task>,
    awaited: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    if let Some(sleep) = sleep::cast(awaited) {
        return Sleep::error(sleep);
    }
    match classes::made(task.py()).and_then(|classes| classes.cast_future_exact(awaited)) {
        None => Ok(None),
        Some(future) => {
            published::no_longer_awaited(future, task)?;
            future::error(future)
        }
    }
}

fn step<'py>(task: &Bound<'py, Task>, mut error: Option<Bound<'py, PyAny>>) -> PyResult<()> {
    let py = task.py();
    let own = own(task);
    if !own.future.is_pending() {
        let shown = match &error {
            Some(error) => error.repr()?.to_string(),
            None => "None".into(),
        };
        let text = format!("__step(): already done: {} {shown}", task.as_any().repr()?);
        return Err(future::invalid_state(py, &text));
    }
    if own.must_cancel.get() {
        let is_told = match &error {
            Some(error) => error.is_instance(names::cancelled_error(py)?)?,
            None => false,
        };
        if !is_told {
            error = Some(future::cancelled_error(as_future(task))?);
        }
        own.must_cancel.set(false);
    }
    own.stop_waiting();
    let coroutine = task::coroutine(task).get(py);
    let coroutine =
        coroutine.ok_or_else(|| PyRuntimeError::new_err("uninitialized Task object"))?;
    let sent = match &error {
        None => send(&coroutine),
        Some(error) => throw(&coroutine, error),
    };
    match sent {
        Sent::Yielded(awaited) => wait_for(task, &awaited),
        Sent::Returned(result) => returned(task, result),
        Sent::Raised(error) => failed(task, error),
    }
}

fn returned<'py>(task: &Bound<'py, Task>, result: Bound<'py, PyAny>) -> PyResult<()> {
    task::leave_all_tasks(task);
    let own = own(task);
    if own.must_cancel.replace(false) {
        // It was cancelled in the very step in which it returned.
        let message = own.future.cancel_message(task.py());
        return future::cancel(as_future(task), message.as_ref()).map(drop);
    }
    future::set_result(as_future(task), result)
}

fn failed(task: &Bound<'_, Task>, error: PyErr) -> PyResult<()> {
    let py = task.py();
    task::leave_all_tasks(task);
    let error = error.into_value(py).into_bound(py);
    if error.is_instance(names::cancelled_error(py)?)? {
        return future::cancelled_by(as_future(task), error);
    }
    future::set_exception(as_future(task), &error)?;
    if errors::leaves_the_loop(&error) {
        return Err(PyErr::from_value(error.into_any()));
    }
    Ok(())
}

/// Has the task woken by what its coroutine yielded.
fn wait_for<'py>(task: &Bound<'py, Task>, awaited: &Bound<'py, PyAny>) -> PyResult<()> {
    let py = task.py();
    if awaited.is_none() {
        // A bare `yield` lets the others run, for one turn.
        let owner = task::owner(task)?;
        return EventLoop::queue(&owner, Job::Step(Strong::new(task.clone())));
    }
    if let Some(sleep) = sleep::cast(awaited)
        && Sleep::is_awaited_by(sleep, task)
    {
        return begin_to_wait(task, awaited);
    }
    if awaited.is(task) {
        let text = format!("Task cannot await on itself: {}", task.as_any().repr()?);
        return throw_soon(task, text);
    }
    let classes = classes::made(py);
    if let Some(future) = classes.and_then(|classes| classes.cast_future_exact(awaited)) {
        return wait_for_ours(task, future);
    }
    wait_for_foreign(task, awaited)
}

fn wait_for_ours<'py>(task: &Bound<'py, Task>, future: &Bound<'py, Future>) -> PyResult<()> {
    let awaited = own(future);
    if !std::ptr::eq(awaited.owner.as_ptr(), own(task).future.owner.as_ptr()) {
        return different_loop(task, future.as_any());
    }
    if !awaited.blocking.replace(false) {
        return not_awaited(task, future.as_any());
    }
    published::awaited(future, task)?;
    future::add_waiter(future, Waiter::Task(Strong::new(task.clone())))?;
    begin_to_wait(task, future.as_any())
}

/// Anything else that behaves like a future: a subclass of ours, the
/// interpreter's, or a class of somebody's with `_asyncio_future_blocking`.
fn wait_for_foreign<'py>(task: &Bound<'py, Task>, awaited: &Bound<'py, PyAny>) -> PyResult<()> {
    let py = task.py();
    let blocking = awaited.getattr_opt(intern!(py, "_asyncio_future_blocking"))?;
    let Some(blocking) = blocking.filter(|blocking| !blocking.is_none()) else {
        return bad_yield(task, awaited);
    };
    let blocking = blocking.is_truthy()?;
    let its_loop = match awaited.getattr_opt(intern!(py, "get_loop"))? {
        Some(get_loop) => get_loop.call0()?,
        None => awaited.getattr(intern!(py, "_loop"))?,
    };
    if !own(task).future.owner.holds(&its_loop) {
        return different_loop(task, awaited);
    }
    if !blocking {
        return not_awaited(task, awaited);
    }
    published::awaited_by_foreign(awaited, task)?;
    awaited.setattr(intern!(py, "_asyncio_future_blocking"), false)?;
    let context = PyDict::new(py);
    context.set_item(intern!(py, "context"), own(task).context.shown(py)?)?;
    let wake_up = wakeup::bound_to(task)?;
    awaited.call_method(intern!(py, "add_done_callback"), (wake_up,), Some(&context))?;
    begin_to_wait(task, awaited)
}

fn begin_to_wait<'py>(task: &Bound<'py, Task>, awaited: &Bound<'py, PyAny>) -> PyResult<()> {
    let own = own(task);
    own.wait_for(awaited.clone());
    if own.must_cancel.get() {
        let message = own.future.cancel_message(task.py());
        if task::cancel_awaited(awaited, message.as_ref())? {
            own.must_cancel.set(false);
        }
    }
    Ok(())
}

// --- mistakes of the coroutine's, which it is told of by an exception

fn different_loop<'py>(task: &Bound<'py, Task>, awaited: &Bound<'py, PyAny>) -> PyResult<()> {
    let (task_shown, awaited) = (task.as_any().repr()?, awaited.repr()?);
    let text = format!("Task {task_shown} got Future {awaited} attached to a different loop");
    throw_soon(task, text)
}

fn not_awaited<'py>(task: &Bound<'py, Task>, awaited: &Bound<'py, PyAny>) -> PyResult<()> {
    let (task_shown, awaited) = (task.as_any().repr()?, awaited.repr()?);
    let text = format!("yield was used instead of yield from in task {task_shown} with {awaited}");
    throw_soon(task, text)
}

fn bad_yield<'py>(task: &Bound<'py, Task>, awaited: &Bound<'py, PyAny>) -> PyResult<()> {
    let shown = awaited.repr()?;
    let text = if is_generator(awaited) {
        let task = task.as_any().repr()?;
        format!("yield was used instead of yield from for generator in task {task} with {shown}")
    } else {
        format!("Task got bad yield: {shown}")
    };
    throw_soon(task, text)
}

fn throw_soon(task: &Bound<'_, Task>, text: String) -> PyResult<()> {
    let py = task.py();
    let error: Bound<'_, PyBaseException> =
        PyRuntimeError::new_err(text).into_value(py).into_bound(py);
    let owner = task::owner(task)?;
    let job = Job::Throw(Strong::new(task.clone()), Strong::new(error.into_any()));
    EventLoop::queue(&owner, job)
}
