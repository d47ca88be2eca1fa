//! What Python sees of a task: the methods and attributes of `asyncio.Task`.

#![allow(clippy::unnecessary_wraps, reason = "methods and attributes have one shape")]

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::ffi;
use pyo3::prelude::*;
#[cfg(Py_3_12)]
use pyo3::types::PyContext;
use pyo3::types::{PyDict, PyTuple};

use super::class::own;
use super::future_face::{self, loop_of_ours, named};
use super::gather::{self, Gathering};
use super::method::{Arguments, getter, initialiser, no_args, one_arg, required, unary, with_args};
use super::reference::Strong;
use super::sleep;
use super::sleep_future::SleepFuture;
use super::task::{self, Start, Task, context_or_none};
use super::task_name;
use crate::{names, recorder};

pub(super) fn methods() -> Vec<ffi::PyMethodDef> {
    let mut all = future_face::methods();
    all.extend([
        one_arg!(Task, c"set_result", refuse_result),
        one_arg!(Task, c"set_exception", refuse_exception),
        with_args!(Task, c"cancel", cancel),
        no_args!(Task, c"cancelling", cancelling),
        no_args!(Task, c"uncancel", uncancel),
        no_args!(Task, c"get_coro", coroutine),
        no_args!(Task, c"get_name", get_name),
        one_arg!(Task, c"set_name", set_name),
        with_args!(Task, c"get_stack", get_stack),
        with_args!(Task, c"print_stack", print_stack),
    ]);
    #[cfg(Py_3_12)]
    all.push(no_args!(Task, c"get_context", get_context));
    all
}

pub(super) fn attributes() -> Vec<ffi::PyGetSetDef> {
    let mut all = future_face::attributes();
    all.extend([
        getter!(Task, c"_coro", coroutine),
        getter!(Task, c"_fut_waiter", waits_for),
        getter!(Task, c"_must_cancel", must_cancel),
        getter!(Task, c"_log_destroy_pending", log_destroy_pending, set_log_destroy_pending),
    ]);
    all
}

pub(super) fn slots() -> Vec<ffi::PyType_Slot> {
    let mut all = future_face::slots();
    all.push(unary!(Task, ffi::Py_tp_repr, repr));
    all.push(initialiser!(Task, init));
    all
}

/// The methods of what `gather` returns.
pub(super) fn gathering_methods() -> Vec<ffi::PyMethodDef> {
    let mut all = future_face::methods();
    all.extend(future_face::own_methods().into_iter().take(2));
    all.push(with_args!(Gathering, c"cancel", cancel_gathering));
    all
}

fn cancel_gathering(gathering: &Bound<'_, Gathering>, args: Arguments<'_, '_>) -> PyResult<bool> {
    let [message] = args.parse("cancel", 1, ["msg"])?;
    gather::cancel(gathering, message.as_ref())
}

// --- slots

fn init<'py>(
    task: &Bound<'py, Task>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<()> {
    let py = task.py();
    if args.len() > 1 {
        return Err(PyTypeError::new_err("Task() takes at most 1 positional argument"));
    }
    let names = ["coro", "loop", "name", "context", "eager_start"];
    let [coroutine, its_loop, name, context, eager] = named("Task", kwargs, names)?;
    let coroutine = required(args.iter().next().or(coroutine), "Task")?;
    let owner = loop_of_ours(py, its_loop)?;
    let context = context_or_none(context)?;
    let start = match eager {
        Some(eager) if eager.is_truthy()? && owner.get().runs_here(py) => Start::Now,
        _ => Start::Soon,
    };
    task::begin(task, &owner, &coroutine, name, context)?;
    task::start(task, &owner, start)
}

fn repr<'py>(task: &Bound<'py, Task>) -> PyResult<Bound<'py, PyAny>> {
    names::task_repr(task.py())?.call1((task.as_any(),))
}

// --- methods

fn refuse_result(_task: &Bound<'_, Task>, _result: &Bound<'_, PyAny>) -> PyResult<()> {
    Err(PyRuntimeError::new_err("Task does not support set_result operation"))
}

fn refuse_exception(_task: &Bound<'_, Task>, _exception: &Bound<'_, PyAny>) -> PyResult<()> {
    Err(PyRuntimeError::new_err("Task does not support set_exception operation"))
}

fn cancel(task: &Bound<'_, Task>, args: Arguments<'_, '_>) -> PyResult<bool> {
    let [message] = args.parse("cancel", 1, ["msg"])?;
    task::cancel(task, message.as_ref())
}

fn cancelling(task: &Bound<'_, Task>) -> PyResult<u32> {
    Ok(own(task).cancel_requests.get())
}

fn uncancel(task: &Bound<'_, Task>) -> PyResult<u32> {
    let own = own(task);
    let left = own.cancel_requests.get().saturating_sub(1);
    if own.cancel_requests.replace(left) > 0 && left == 0 && cfg!(Py_3_13) {
        own.must_cancel.set(false);
    }
    if left == 0 && recorder::is_on() {
        recorder::cancel_taken_back(task);
    }
    Ok(left)
}

fn coroutine<'py>(task: &Bound<'py, Task>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(task::coroutine(task).get(task.py()))
}

#[cfg(Py_3_12)]
fn get_context<'py>(task: &Bound<'py, Task>) -> PyResult<Option<Bound<'py, PyContext>>> {
    own(task).context.shown(task.py())
}

fn get_name<'py>(task: &Bound<'py, Task>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(task_name::get(task))
}

fn set_name(task: &Bound<'_, Task>, name: &Bound<'_, PyAny>) -> PyResult<()> {
    task_name::set(task, Some(name.str()?.into_any()))?;
    if recorder::is_on() {
        recorder::named(task);
    }
    Ok(())
}

fn get_stack<'py>(
    task: &Bound<'py, Task>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let [limit] = args.parse("get_stack", 0, ["limit"])?;
    names::task_get_stack(task.py())?.call1((task.as_any(), limit))
}

fn print_stack<'py>(
    task: &Bound<'py, Task>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let [limit, file] = args.parse("print_stack", 0, ["limit", "file"])?;
    names::task_print_stack(task.py())?.call1((task.as_any(), limit, file))
}

// --- attributes

fn waits_for<'py>(task: &Bound<'py, Task>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = task.py();
    let Some(awaited) = own(task).waits_for(py) else { return Ok(None) };
    Ok(Some(match sleep::cast(&awaited) {
        Some(sleep) => Bound::new(py, SleepFuture(Strong::new(sleep.clone())))?.into_any(),
        None => awaited,
    }))
}

fn must_cancel(task: &Bound<'_, Task>) -> PyResult<bool> {
    Ok(own(task).must_cancel.get())
}

fn log_destroy_pending(task: &Bound<'_, Task>) -> PyResult<bool> {
    Ok(own(task).log_destroy_pending.get())
}

fn set_log_destroy_pending(task: &Bound<'_, Task>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    own(task).log_destroy_pending.set(value.is_truthy()?);
    Ok(())
}
