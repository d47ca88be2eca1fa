//! Callbacks for the next turn, for a time, and from other threads.

use std::rc::Rc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyContext, PyFloat, PyTuple};
use pyo3::{IntoPyObjectExt, intern};

use cafeloop::engine::{Engine, TimerKey};

use super::{EventLoop, debug};
use crate::errors;
use crate::host::{Job, Python3};
use crate::object::{self, Arguments, Given, Handle, Queued, Timer};
use crate::recorder;
use crate::seconds::{plain_seconds, to_nanoseconds, to_seconds};

/// What a method of the family is called with beside its leading parameters, of which
/// the callback is the last.
struct Request<'a, 'py> {
    callback: Borrowed<'a, 'py, PyAny>,
    args: Arguments<'a, 'py>,
    context: Option<Bound<'py, PyContext>>,
}

impl<'a, 'py> Request<'a, 'py> {
    /// The leading parameters, and the rest.
    #[inline(always)]
    fn parse<const N: usize>(
        method: &'static str,
        names: &'static [&'static str; N],
        args: Arguments<'a, 'py>,
    ) -> PyResult<([Borrowed<'a, 'py, PyAny>; N], Self)> {
        let (leading, args) = args.leading(method, names)?;
        let context = if args.has_names() {
            object::context_or_none(args.option(method, "context", names)?)?
        } else {
            None
        };
        Ok((leading, Request { callback: leading[N - 1], args, context }))
    }

    /// What is to be called.
    #[inline(always)]
    fn call(&self) -> PyResult<Given<'a, 'py>> {
        Given::new(self.callback, self.args)
    }
}

pub(super) fn call_soon<'py>(
    slf: &Bound<'py, EventLoop>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, Handle>> {
    let ([callback], mut request) = Request::parse("call_soon", &["callback"], args)?;
    if slf.get().is_debug(slf.py()) {
        slf.get().refuse_closed(slf.py())?;
        debug::check_thread(slf)?;
        debug::check_callback(slf, &callback, "call_soon")?;
    }
    let handle = Handle::due(slf, request.call()?, request.context.take())?;
    push_handle(slf, &handle)?;
    Ok(handle)
}

#[inline(always)]
fn push_handle(slf: &Bound<'_, EventLoop>, handle: &Bound<'_, Handle>) -> PyResult<()> {
    push(slf, Job::Handle(Queued::new(handle.clone())))?;
    if recorder::is_on() {
        recorder::handle_queued(slf, handle);
    }
    Ok(())
}

#[inline(always)]
pub(super) fn queue(slf: &Bound<'_, EventLoop>, job: Job) -> PyResult<()> {
    debug::check_thread(slf)?;
    if recorder::is_on() {
        recorder::queued(slf, &job);
    }
    push(slf, job)
}

#[inline(always)]
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
    let ([callback], mut request) = Request::parse("call_soon_threadsafe", &["callback"], args)?;
    if slf.get().is_debug(py) {
        slf.get().refuse_closed(py)?;
        debug::check_callback(slf, &callback, "call_soon_threadsafe")?;
    }
    let handle = Handle::due(slf, request.call()?, request.context.take())?;
    if slf.get().state(py).runs_elsewhere(py) {
        post(slf, &handle)?;
    } else {
        // In its own thread, in the order of the calls beside it.
        push_handle(slf, &handle)?;
    }
    Ok(handle)
}

/// Queues a handle from another thread than the loop's.
fn post(slf: &Bound<'_, EventLoop>, handle: &Bound<'_, Handle>) -> PyResult<()> {
    if recorder::is_on() {
        recorder::handle_posted(slf, handle);
    }
    let job = Job::Handle(Queued::new(handle.clone()));
    match &*slf.get().state(slf.py()).engine.borrow() {
        Some(engine) => {
            engine.push_and_wake(job);
            Ok(())
        }
        None => Err(errors::loop_is_closed()),
    }
}

pub(super) fn call_later<'py>(
    slf: &Bound<'py, EventLoop>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let ([delay, _], request) = Request::parse("call_later", &["delay", "callback"], args)?;
    if delay.is_none() {
        return Err(PyTypeError::new_err("delay must not be None"));
    }
    if !has_our_time(slf) {
        return call_later_by_others(slf, delay, &request);
    }
    let now = time(slf.get(), py);
    let timer = match plain_seconds(&delay) {
        Some(delay) => set_timer(slf, now + delay, None, request),
        None => set_timer_at(slf, &now.into_bound_py_any(py)?.add(delay)?, request),
    };
    timer.map(Bound::into_any)
}

/// A subclass may have a time, or a `call_at`, of its own.
#[cold]
fn call_later_by_others<'py>(
    slf: &Bound<'py, EventLoop>,
    delay: Borrowed<'_, 'py, PyAny>,
    request: &Request<'_, 'py>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let when = slf.call_method0(intern!(py, "time"))?.add(delay)?;
    let mut args = vec![when, request.callback.to_owned()];
    args.extend(request.args.positional());
    let options = [("context", request.context.as_ref())].into_py_dict(py)?;
    slf.call_method(intern!(py, "call_at"), PyTuple::new(py, args)?, Some(&options))
}

pub(super) fn call_at<'py>(
    slf: &Bound<'py, EventLoop>,
    args: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, Handle>> {
    let ([when, _], request) = Request::parse("call_at", &["when", "callback"], args)?;
    if when.is_none() {
        return Err(PyTypeError::new_err("when cannot be None"));
    }
    if when.is_exact_instance_of::<PyFloat>() {
        return set_timer(slf, when.extract()?, None, request);
    }
    set_timer_at(slf, &when, request)
}

/// `when` may be anything that a float can be made of.
#[inline(never)]
fn set_timer_at<'py>(
    slf: &Bound<'py, EventLoop>,
    when: &Bound<'py, PyAny>,
    request: Request<'_, 'py>,
) -> PyResult<Bound<'py, Handle>> {
    slf.get().refuse_closed(slf.py())?;
    set_timer(slf, when.extract()?, Some(when), request)
}

/// `given` is the time as it was given, if not as a float.
#[inline(always)]
fn set_timer<'py>(
    slf: &Bound<'py, EventLoop>,
    seconds: f64,
    given: Option<&Bound<'py, PyAny>>,
    mut request: Request<'_, 'py>,
) -> PyResult<Bound<'py, Handle>> {
    let py = slf.py();
    if slf.get().is_debug(py) {
        slf.get().refuse_closed(py)?;
        debug::check_thread(slf)?;
        debug::check_callback(slf, &request.callback, "call_at")?;
    }
    let deadline_ns = to_nanoseconds(seconds)?;
    let timer = Timer::due(slf, seconds, given, request.call()?, request.context.take())?;
    let job = Job::Handle(Queued::new(Timer::into_handle(timer.clone())));
    let key = match &*slf.get().state(py).engine.borrow() {
        Some(engine) => engine.set_timer(deadline_ns, job),
        None => return Err(errors::loop_is_closed()),
    };
    Timer::set_key(&timer, key);
    Ok(Timer::into_handle(timer))
}

pub(super) fn time(slf: &EventLoop, py: Python<'_>) -> f64 {
    to_seconds(slf.state(py).clock.borrow().now_ns())
}

/// Whether neither the loop's class nor its user has overridden a method that
/// [`call_later`] would call.
#[inline]
fn has_our_time(slf: &Bound<'_, EventLoop>) -> bool {
    let state = slf.get().state(slf.py());
    let has_own = |engine: &Rc<Engine<Python3>>| engine.host().has_own_time();
    state.plain.keeps_time && !state.engine.borrow().as_ref().is_some_and(has_own)
}
