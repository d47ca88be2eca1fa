//! What Python sees of a future: the methods and attributes of `asyncio.Future`.
//!
//! The private ones are those that CPython's own tests, debuggers and libraries
//! read.  Tasks and gatherings have them too.

#![allow(clippy::unnecessary_wraps, reason = "methods and attributes have one shape")]

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyContext, PyDict, PyList, PyTuple};
use pyo3::{ffi, intern};

use super::class::{enter_quickly, own, receiver, slot};
use super::context::Context;
use super::future::{self, Future, State};
use super::future_iterator::{self, FutureIterator};
use super::method::{
    Arguments, getter, hot, hot_one_arg, initialiser, no_args, one_arg, required, unary, with_args,
};
use super::reference::Strong;
use super::stop;
use super::waiters::{Callback, Waiter};
use super::wakeup;
use crate::event_loop::EventLoop;
use crate::names;

/// The methods that all futures have.
pub(super) fn methods() -> Vec<ffi::PyMethodDef> {
    vec![
        hot!(Future, c"result", result),
        no_args!(Future, c"exception", exception),
        with_args!(Future, c"add_done_callback", add_done_callback),
        one_arg!(Future, c"remove_done_callback", remove_done_callback),
        hot!(Future, c"cancelled", cancelled),
        hot!(Future, c"done", done),
        no_args!(Future, c"get_loop", get_loop),
        no_args!(Future, c"_make_cancelled_error", make_cancelled_error),
        coexisting(no_args!(Future, c"__await__", iterate)),
    ]
}

/// Those that a task refuses or does otherwise.
pub(super) fn own_methods() -> Vec<ffi::PyMethodDef> {
    vec![
        hot_one_arg!(Future, c"set_result", set_result),
        one_arg!(Future, c"set_exception", set_exception),
        with_args!(Future, c"cancel", cancel),
    ]
}

/// A method beside a slot: `await` finds the slot, and who calls `__await__` by
/// its name finds the method.
fn coexisting(mut method: ffi::PyMethodDef) -> ffi::PyMethodDef {
    method.ml_flags |= ffi::METH_COEXIST;
    method
}

pub(super) fn attributes() -> Vec<ffi::PyGetSetDef> {
    vec![
        getter!(Future, c"_state", state),
        getter!(Future, c"_asyncio_future_blocking", blocking, set_blocking),
        getter!(Future, c"_loop", loop_or_none),
        getter!(Future, c"_callbacks", callbacks),
        getter!(Future, c"_result", result_or_none),
        getter!(Future, c"_exception", exception_or_none),
        getter!(Future, c"_log_traceback", log_traceback, set_log_traceback),
        getter!(Future, c"_source_traceback", made_at),
        getter!(Future, c"_cancel_message", cancel_message, set_cancel_message),
    ]
}

pub(super) fn slots() -> Vec<ffi::PyType_Slot> {
    vec![
        unary!(Future, ffi::Py_tp_iter, iterate),
        slot(ffi::Py_am_await, itself as *mut std::ffi::c_void),
        slot(ffi::Py_am_send, send as *mut std::ffi::c_void),
        slot(ffi::Py_tp_iternext, resume as *mut std::ffi::c_void),
    ]
}

/// The slots of a plain future.
pub(super) fn own_slots() -> Vec<ffi::PyType_Slot> {
    let mut all = slots();
    all.push(unary!(Future, ffi::Py_tp_repr, repr));
    all.push(initialiser!(Future, init));
    all
}

// --- slots

fn iterate(future: &Bound<'_, Future>) -> PyResult<FutureIterator> {
    future::owner(future)?;
    Ok(FutureIterator::over(future))
}

/// `await`'s next step.
unsafe extern "C" fn resume(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: CPython calls a class's slots on its instances, with the GIL held.
    unsafe {
        enter_quickly(std::ptr::null_mut(), |py| {
            let future = receiver::<Future>(py, object);
            if let Some(awaited) = future_iterator::resume(&future)? {
                return Ok(awaited.into_ptr());
            }
            stop::with(py, &future::result(&future)?);
            Ok(std::ptr::null_mut())
        })
    }
}

/// The same for interpreters that ask for it: a result without an exception.
unsafe extern "C" fn send(
    object: *mut ffi::PyObject,
    _value: *mut ffi::PyObject,
    answer: *mut *mut ffi::PyObject,
) -> ffi::PySendResult {
    // SAFETY: as above; `answer` is room for a new reference.
    unsafe {
        enter_quickly(ffi::PySendResult::PYGEN_ERROR, |py| {
            let future = receiver::<Future>(py, object);
            let (kind, object) = match future_iterator::resume(&future)? {
                Some(awaited) => (ffi::PySendResult::PYGEN_NEXT, awaited),
                None => (ffi::PySendResult::PYGEN_RETURN, future::result(&future)?),
            };
            *answer = object.into_ptr();
            Ok(kind)
        })
    }
}

/// What `await` iterates over: the future itself.
unsafe extern "C" fn itself(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        enter_quickly(std::ptr::null_mut(), |py| {
            let future = receiver::<Future>(py, object);
            if own(&future).owner.is_empty() {
                future::owner(&future)?;
            }
            Ok(future.into_ptr())
        })
    }
}

fn repr<'py>(future: &Bound<'py, Future>) -> PyResult<Bound<'py, PyAny>> {
    names::future_repr(future.py())?.call1((future.as_any(),))
}

fn init<'py>(
    future: &Bound<'py, Future>,
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<()> {
    if !args.is_empty() {
        return Err(PyTypeError::new_err("Future() takes no positional arguments"));
    }
    let [its_loop] = named("Future", kwargs, ["loop"])?;
    future::begin(future, &loop_of_ours(future.py(), its_loop)?)
}

/// The values of keyword arguments by their names.
pub(super) fn named<'py, const N: usize>(
    function: &str,
    kwargs: Option<&Bound<'py, PyDict>>,
    names: [&str; N],
) -> PyResult<[Option<Bound<'py, PyAny>>; N]> {
    let mut values = [const { None }; N];
    let Some(kwargs) = kwargs else { return Ok(values) };
    for (name, value) in kwargs.iter() {
        let name: String = name.extract()?;
        let Some(index) = names.iter().position(|known| *known == name) else {
            return Err(PyTypeError::new_err(format!(
                "{function}() got an unexpected keyword argument '{name}'"
            )));
        };
        values[index] = Some(value);
    }
    Ok(values)
}

/// The loop that was given, or else the current one, if its tasks are ours.
pub(super) fn loop_of_ours<'py>(
    py: Python<'py>,
    given: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, EventLoop>> {
    let its_loop = match given.filter(|given| !given.is_none()) {
        Some(given) => given,
        None => py.import("asyncio")?.call_method0(intern!(py, "get_event_loop"))?,
    };
    its_loop.cast_into::<EventLoop>().map_err(|error| {
        let given = error.into_inner();
        let shown = given.repr().map(|repr| repr.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!(
            "cafeloop's futures and tasks need a cafeloop loop, not {shown}; \
             asyncio.Future and asyncio.Task go with any loop"
        ))
    })
}

// --- methods

fn result<'py>(future: &Bound<'py, Future>) -> PyResult<Bound<'py, PyAny>> {
    refuse_uninitialised(future)?;
    future::result(future)
}

/// Asked for its outcome, it is in an invalid state, and not just unusable.
fn refuse_uninitialised(future: &Bound<'_, Future>) -> PyResult<()> {
    if own(future).owner.is_empty() {
        return Err(future::invalid_state(future.py(), "Future object is not initialized."));
    }
    Ok(())
}

fn exception<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyAny>>> {
    refuse_uninitialised(future)?;
    match own(future).state() {
        State::Pending => Err(future::invalid_state(future.py(), "Exception is not set.")),
        State::Cancelled => Err(PyErr::from_value(future::cancelled_error(future)?)),
        State::Finished => Ok(None),
        State::Failed => Ok(Some(future::peek_outcome(future))),
    }
}

fn set_result(future: &Bound<'_, Future>, result: &Bound<'_, PyAny>) -> PyResult<()> {
    future::set_result(future, result.clone())
}

fn set_exception(future: &Bound<'_, Future>, exception: &Bound<'_, PyAny>) -> PyResult<()> {
    future::owner(future)?;
    future::set_exception(future, exception)
}

fn cancel(future: &Bound<'_, Future>, args: Arguments<'_, '_>) -> PyResult<bool> {
    future::owner(future)?;
    let [message] = args.parse("cancel", 1, ["msg"])?;
    future::cancel(future, message.as_ref())
}

fn add_done_callback(future: &Bound<'_, Future>, args: Arguments<'_, '_>) -> PyResult<()> {
    future::owner(future)?;
    let py = future.py();
    let [function, context] = args.parse("add_done_callback", 1, ["fn", "context"])?;
    let function = required(function, "add_done_callback")?;
    let context = match context.filter(|context| !context.is_none()) {
        None => Context::of(py, None)?,
        Some(context) => Context::given(context.cast_into::<PyContext>()?),
    };
    let callback = Callback { function: Strong::new(function), context };
    future::add_waiter(future, Waiter::Callback(Box::new(callback)))
}

fn remove_done_callback(
    future: &Bound<'_, Future>,
    function: &Bound<'_, PyAny>,
) -> PyResult<usize> {
    future::owner(future)?;
    own(future).waiters.remove(future.py(), |callback| callback.eq(function))
}

fn cancelled(future: &Bound<'_, Future>) -> PyResult<bool> {
    Ok(own(future).state() == State::Cancelled)
}

fn done(future: &Bound<'_, Future>) -> PyResult<bool> {
    Ok(!own(future).is_pending())
}

fn get_loop<'py>(future: &Bound<'py, Future>) -> PyResult<Bound<'py, EventLoop>> {
    future::owner(future)
}

fn make_cancelled_error<'py>(future: &Bound<'py, Future>) -> PyResult<Bound<'py, PyAny>> {
    future::cancelled_error(future)
}

// --- attributes

fn state(future: &Bound<'_, Future>) -> PyResult<&'static str> {
    Ok(match own(future).state() {
        State::Pending => "PENDING",
        State::Cancelled => "CANCELLED",
        State::Finished | State::Failed => "FINISHED",
    })
}

fn blocking(future: &Bound<'_, Future>) -> PyResult<bool> {
    Ok(own(future).blocking.get())
}

fn set_blocking(future: &Bound<'_, Future>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    future::owner(future)?;
    own(future).blocking.set(value.is_truthy()?);
    Ok(())
}

fn loop_or_none<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, EventLoop>>> {
    Ok(own(future).owner.get(future.py()))
}

/// Who waits, in asyncio's form: functions and contexts, or None.
fn callbacks<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyList>>> {
    let py = future.py();
    let waiters = own(future).waiters.map(|waiter| {
        Some(match waiter {
            Waiter::Task(task) => Shown::Task(task.bind(py).clone()),
            Waiter::Gathering(gathering) => Shown::Other(gathering.bind(py).as_any().clone(), None),
            Waiter::Callback(callback) => Shown::Other(
                callback.function.bind(py).clone(),
                callback.context.clone_ref(py).ok(),
            ),
        })
    });
    if waiters.is_empty() {
        return Ok(None);
    }
    let list = PyList::empty(py);
    for waiter in waiters {
        list.append(match waiter {
            Shown::Task(task) => (wakeup::bound_to(&task)?, own(&task).context.shown(py)?),
            Shown::Other(function, context) => {
                let context = context.map(|context| context.shown(py)).transpose()?;
                (function, context.flatten())
            }
        })?;
    }
    Ok(Some(list))
}

enum Shown<'py> {
    Task(Bound<'py, super::Task>),
    Other(Bound<'py, PyAny>, Option<Context>),
}

fn result_or_none<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(own(future).outcome(future.py(), State::Finished))
}

fn exception_or_none<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(own(future).outcome(future.py(), State::Failed))
}

fn log_traceback(future: &Bound<'_, Future>) -> PyResult<bool> {
    Ok(own(future).log_traceback.get())
}

fn set_log_traceback(future: &Bound<'_, Future>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    if value.is_truthy()? {
        return Err(PyValueError::new_err("_log_traceback can only be set to False"));
    }
    own(future).log_traceback.set(false);
    Ok(())
}

fn made_at<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(own(future).made_at(future.py()))
}

fn cancel_message<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyAny>>> {
    Ok(own(future).cancel_message(future.py()))
}

fn set_cancel_message(future: &Bound<'_, Future>, message: &Bound<'_, PyAny>) -> PyResult<()> {
    if own(future).owner.is_empty() {
        return Err(PyRuntimeError::new_err("Future object is not initialized."));
    }
    own(future).set_cancel_message(Some(message));
    Ok(())
}
