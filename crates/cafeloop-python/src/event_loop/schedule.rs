//! Callbacks for the next turn, for a time, and from other threads.

use std::rc::Rc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyContext, PyTuple};
use pyo3::{IntoPyObjectExt, intern};

use cafeloop::engine::{Engine, TimerKey};

use super::{EventLoop, debug};
use crate::errors;
use crate::host::{Job, Python3};
use crate::object::{self, Arguments, Call, Handle, Strong, When};
use crate::seconds::{plain_seconds, to_nanoseconds, to_seconds};

/// What a method of the family is called with: its leading parameters, the callback
/// last, and the context.
struct Request<'py, const N: usize> {
    leading: [Bound<'py, PyAny>; N],
    call: Call,
    context: Option<Bound<'py, PyContext>>,
}

impl<'py, const N: usize> Request<'py, N> {
    #[inline]
    fn parse(
        slf: &Bound<'py, EventLoop>,
        method: &str,
        names: [&str; N],
        args: Arguments<'_, 'py>,
    ) -> PyResult<Self> {
        let py = slf.py();
        let (leading, rest) = args.leading(method, names)?;
        let context = rest.option(method, intern!(py, "context"), &names)?;
        let context = object::context_or_none(context)?;
        let positional = rest.positional();
        let call = Call::with(leading[N - 1].clone(), positional.len(), positional)?;
        Ok(Request { leading, call, context })
    }
}

pub(super) fn call_soon<'py>(
    slf: &Bound<'py, EventLoop>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, Handle>> {
    let Request { leading: [callback], call, context } =
        Request::parse(slf, "call_soon", ["callback"], args)?;
    slf.get().refuse_closed(slf.py())?;
    debug::check_thread(slf)?;
    debug::check_callback(slf, &callback, "call_soon")?;
    let handle = Handle::new(slf, call, context)?;
    push(slf, Job::Handle(Strong::new(handle.clone())))?;
    Ok(handle)
}

#[inline]
pub(super) fn queue(slf: &Bound<'_, EventLoop>, job: Job) -> PyResult<()> {
    debug::check_thread(slf)?;
    push(slf, job)
}

#[inline]
fn push(slf: &Bound<'_, EventLoop>, job: Job) -> PyResult<()> {
    match &*slf.get().state(slf.py()).engine.borrow() {
        Some(engine) => {
            engine.push(job);
            Ok(())
        }
        None => Err(errors::loop_is_closed()),
    }
}

pub(super) fn set_timer_in(
    slf: &Bound<'_, EventLoop>,
    delay: f64,
    job: Job,
) -> PyResult<Option<TimerKey>> {
    let py = slf.py();
    let state = slf.get().state(py);
    let engine = slf.get().engine(py)?;
    if !state.plain.keeps_time || engine.host().has_own_time() {
        return Ok(None);
    }
    let deadline_ns = to_nanoseconds(time(slf.get(), py) + delay)?;
    Ok(Some(engine.set_timer(deadline_ns, job)))
}

pub(super) fn call_soon_threadsafe<'py>(
    slf: &Bound<'py, EventLoop>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, Handle>> {
    let py = slf.py();
    let Request { leading: [callback], call, context } =
        Request::parse(slf, "call_soon_threadsafe", ["callback"], args)?;
    slf.get().refuse_closed(py)?;
    debug::check_callback(slf, &callback, "call_soon_threadsafe")?;
    let handle = Handle::new(slf, call, context)?;
    let job = Job::Handle(Strong::new(handle.clone()));
    if slf.get().state(py).runs_elsewhere(py) {
        slf.get().engine(py)?.remote().post(job).map_err(|_| errors::loop_is_closed())?;
    } else {
        // In its own thread, in the order of the calls beside it.
        push(slf, job)?;
    }
    Ok(handle)
}

pub(super) fn call_later<'py>(
    slf: &Bound<'py, EventLoop>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let request = Request::parse(slf, "call_later", ["delay", "callback"], args)?;
    let [delay, _] = &request.leading;
    if delay.is_none() {
        return Err(PyTypeError::new_err("delay must not be None"));
    }
    if has_our_time(slf) {
        let now = time(slf.get(), py);
        if let Some(delay) = plain_seconds(delay) {
            let when = now + delay;
            return Ok(set_timer(slf, when, When::At(when), request)?.into_any());
        }
        let when = now.into_bound_py_any(py)?.add(delay)?;
        return Ok(set_timer_at(slf, &when, request)?.into_any());
    }
    // A subclass may have a time, or a call_at, of its own.
    let when = slf.call_method0(intern!(py, "time"))?.add(delay)?;
    let mut args = vec![when, request.call.callback(py).clone()];
    args.extend(request.call.args(py)?.iter());
    let options = [("context", request.context)].into_py_dict(py)?;
    slf.call_method(intern!(py, "call_at"), PyTuple::new(py, args)?, Some(&options))
}

pub(super) fn call_at<'py>(
    slf: &Bound<'py, EventLoop>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, Handle>> {
    let request = Request::parse(slf, "call_at", ["when", "callback"], args)?;
    let when = request.leading[0].clone();
    if when.is_none() {
        return Err(PyTypeError::new_err("when cannot be None"));
    }
    set_timer_at(slf, &when, request)
}

fn set_timer_at<'py>(
    slf: &Bound<'py, EventLoop>,
    when: &Bound<'py, PyAny>,
    request: Request<'py, 2>,
) -> PyResult<Bound<'py, Handle>> {
    slf.get().refuse_closed(slf.py())?;
    let given = When::Given(Strong::new(when.clone()));
    set_timer(slf, when.extract()?, given, request)
}

fn set_timer<'py>(
    slf: &Bound<'py, EventLoop>,
    seconds: f64,
    when: When,
    request: Request<'py, 2>,
) -> PyResult<Bound<'py, Handle>> {
    let Request { leading: [_, callback], call, context } = request;
    slf.get().refuse_closed(slf.py())?;
    debug::check_thread(slf)?;
    debug::check_callback(slf, &callback, "call_at")?;
    let deadline_ns = to_nanoseconds(seconds)?;
    let handle = Handle::due(slf, when, call, context)?;
    let job = Job::Handle(Strong::new(handle.clone()));
    let timer = match &*slf.get().state(slf.py()).engine.borrow() {
        Some(engine) => engine.set_timer(deadline_ns, job),
        None => return Err(errors::loop_is_closed()),
    };
    Handle::set_timer(&handle, timer);
    Ok(handle)
}

pub(super) fn time(slf: &EventLoop, py: Python<'_>) -> f64 {
    to_seconds(slf.state(py).clock.borrow().now_ns())
}

/// Whether neither the loop's class nor its user has overridden a method that
/// [`call_later`] would call.
fn has_our_time(slf: &Bound<'_, EventLoop>) -> bool {
    let state = slf.get().state(slf.py());
    let has_own = |engine: &Rc<Engine<Python3>>| engine.host().has_own_time();
    state.plain.keeps_time && !state.engine.borrow().as_ref().is_some_and(has_own)
}
