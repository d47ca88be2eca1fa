//! Callbacks for the next turn, for a time, and from other threads.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{IntoPyDict, PyContext, PyTuple};
use pyo3::{IntoPyObjectExt, intern};

use cafeloop::engine::TimerKey;

use super::{EventLoop, debug};
use crate::errors;
use crate::host::Job;
use crate::names;
use crate::object::{Call, Handle, TimerHandle, When};
use crate::recorder;
use crate::seconds::{plain_seconds, to_nanoseconds, to_seconds};

pub(super) fn call_soon<'py>(
    slf: &Bound<'py, EventLoop>,
    call: Call,
    context: Option<Bound<'py, PyContext>>,
) -> PyResult<Bound<'py, Handle>> {
    let engine = slf.get().engine(slf.py())?;
    debug::check_thread(slf)?;
    debug::check_callback(slf, call.callback.bind(slf.py()), "call_soon")?;
    let handle = Bound::new(slf.py(), Handle::new(slf, call, context)?)?;
    engine.push(Job::Handle(handle.clone().unbind()));
    if recorder::is_on() {
        recorder::handle_queued(slf, &handle);
    }
    Ok(handle)
}

#[inline]
pub(super) fn queue(slf: &Bound<'_, EventLoop>, job: Job) -> PyResult<()> {
    let state = slf.get().state(slf.py());
    debug::check_thread(slf)?;
    if recorder::is_on() {
        recorder::queued(slf, &job);
    }
    match &*state.engine.borrow() {
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
    call: Call,
    context: Option<Bound<'py, PyContext>>,
) -> PyResult<Bound<'py, Handle>> {
    let py = slf.py();
    let engine = slf.get().engine(py)?;
    debug::check_callback(slf, call.callback.bind(py), "call_soon_threadsafe")?;
    let handle = Bound::new(py, Handle::new(slf, call, context)?)?;
    let job = Job::Handle(handle.clone().unbind());
    if slf.get().state(py).runs_elsewhere() {
        if recorder::is_on() {
            recorder::handle_posted(slf, &handle);
        }
        engine.remote().post(job).map_err(|_| errors::loop_is_closed())?;
    } else {
        // In its own thread, in the order of the calls beside it.
        engine.push(job);
        if recorder::is_on() {
            recorder::handle_queued(slf, &handle);
        }
    }
    Ok(handle)
}

pub(super) fn call_later<'py>(
    slf: &Bound<'py, EventLoop>,
    delay: &Bound<'py, PyAny>,
    call: Call,
    context: Option<Bound<'py, PyContext>>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    if delay.is_none() {
        return Err(PyTypeError::new_err("delay must not be None"));
    }
    if has_our_time(slf)? {
        let now = time(slf.get(), py);
        if let Some(delay) = plain_seconds(delay) {
            let when = now + delay;
            return Ok(set_timer(slf, when, When::Seconds(when), call, context)?.into_any());
        }
        let when = now.into_bound_py_any(py)?.add(delay)?;
        return Ok(call_at(slf, &when, call, context)?.into_any());
    }
    // A subclass may have a time, or a call_at, of its own.
    let when = slf.call_method0(intern!(py, "time"))?.add(delay)?;
    let mut args = vec![when, call.callback.into_bound(py)];
    args.extend(call.args.bind(py).iter());
    let options = [("context", context)].into_py_dict(py)?;
    slf.call_method(intern!(py, "call_at"), PyTuple::new(py, args)?, Some(&options))
}

pub(super) fn call_at<'py>(
    slf: &Bound<'py, EventLoop>,
    when: &Bound<'py, PyAny>,
    call: Call,
    context: Option<Bound<'py, PyContext>>,
) -> PyResult<Bound<'py, TimerHandle>> {
    let py = slf.py();
    if when.is_none() {
        return Err(PyTypeError::new_err("when cannot be None"));
    }
    slf.get().engine(py)?;
    set_timer(slf, when.extract()?, When::Given(when.clone().unbind()), call, context)
}

fn set_timer<'py>(
    slf: &Bound<'py, EventLoop>,
    seconds: f64,
    when: When,
    call: Call,
    context: Option<Bound<'py, PyContext>>,
) -> PyResult<Bound<'py, TimerHandle>> {
    let py = slf.py();
    let engine = slf.get().engine(py)?;
    debug::check_thread(slf)?;
    debug::check_callback(slf, call.callback.bind(py), "call_at")?;
    let deadline_ns = to_nanoseconds(seconds)?;
    let handle = Handle::new(slf, call, context)?;
    let handle = Bound::new(py, TimerHandle::new(when, handle))?;
    let job = handle.as_super();
    let timer = engine.set_timer(deadline_ns, Job::Handle(job.clone().unbind()));
    job.get().set_timer(py, timer);
    Ok(handle)
}

pub(super) fn time(slf: &EventLoop, py: Python<'_>) -> f64 {
    to_seconds(slf.state(py).clock.now_ns())
}

/// Whether neither the loop's class nor its user has overridden a method that
/// [`call_later`] would call.
fn has_our_time(slf: &Bound<'_, EventLoop>) -> PyResult<bool> {
    let py = slf.py();
    let is_plain = slf.get_type().is(names::python_loop_class(py)?);
    Ok(is_plain && slf.get().try_engine(py).is_none_or(|engine| !engine.host().has_own_time()))
}
