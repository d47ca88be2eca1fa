//! `asyncio.sleep`, native: one object that is coroutine, future and timer in one.
//!
//! Awaited by a task of ours it goes straight into the loop's timers and is what
//! the task waits for: no coroutine, no future, no handle.  Awaited by anybody
//! else it hands over to asyncio's own `sleep`.  What Python sees of it is in
//! `sleep_face.rs`.

use std::cell::Cell;
use std::ptr;

use cafeloop::engine::TimerKey;
use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning};
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::class::{Laid, Visitor, own};
use super::classes;
use super::coroutine::{Sent, send};
use super::current;
use super::freed::Freed;
use super::future::make_cancelled_error;
use super::future_iterator::thrown;
use super::pool::{OWN_OFFSET, Pooled, track};
use super::reference::{Slot, Strong};
use super::task::{self, Task};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::host::Job;
use crate::names;
use crate::seconds::plain_seconds;

/// A sleep that was asked for: what `asyncio.sleep(delay)` returns.
///
/// The garbage collector doesn't know of it as long as it refers to nothing that
/// could refer back.  Its task holds it, and it knows the task without holding it.
pub(crate) struct Sleep;

/// What a sleep has behind its head.
pub(super) struct SleepOwn {
    /// In seconds.
    delay: f64,
    phase: Cell<Phase>,
    /// As a coroutine it is over.  What the phase says of its task's wait still
    /// holds: somebody else may have closed it.
    has_ended: Cell<bool>,
    tracked: Cell<bool>,
    /// The task that waits, borrowed, for as long as it does; or NULL.
    task: Cell<*mut ffi::PyObject>,
    timer: Cell<Option<TimerKey>>,
    cancel_message: Slot,
    /// asyncio's own sleep, when that does the work; or one that knows where this was
    /// made, while somebody [seeks](seek_origins) that.
    instead: Slot,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Phase {
    /// Never awaited.
    New,
    /// Of no delay: it has let the others run.
    Yielded,
    /// Its timer is set.
    Armed,
    /// Its time has come.
    Fired,
    /// Its task was cancelled.
    Cancelled,
    /// asyncio's own sleep does the work.
    HandedOver,
}

// SAFETY: objects of this type come from its `PooledClass` only, which writes an own
// part of this type at this offset.
unsafe impl Laid for Sleep {
    type Own = SleepOwn;

    #[inline]
    fn offset() -> usize {
        OWN_OFFSET
    }
}

// SAFETY: the offset is the one above, and no other class uses the list.
unsafe impl Pooled for Sleep {
    fn tracked(own: &SleepOwn) -> &Cell<bool> {
        &own.tracked
    }

    fn freed() -> &'static Gil<Freed> {
        static FREED: Gil<Freed> = Gil::new(Freed::none());
        &FREED
    }

    fn traverse(own: &SleepOwn, visitor: &mut Visitor) {
        visitor.slot(&own.cancel_message);
        visitor.slot(&own.instead);
    }

    fn clear(own: &SleepOwn) {
        own.cancel_message.clear();
        own.instead.clear();
    }

    #[inline]
    fn ends(py: Python<'_>, own: &SleepOwn) {
        // Of asyncio's own the interpreter will tell itself.
        if own.phase.get() == Phase::New && !own.has_ended.get() && own.instead.is_empty() {
            warn_never_awaited(py);
        }
    }
}

/// `object` as a sleep.
#[inline]
pub(super) fn cast<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Sleep>> {
    classes::made(object.py())?.sleep.cast_exact(object)
}

impl Sleep {
    fn create(py: Python<'_>, delay: f64) -> PyResult<Option<Bound<'_, Self>>> {
        let Some(classes) = classes::made(py) else { return Ok(None) };
        let make = || SleepOwn {
            delay,
            phase: Cell::new(Phase::New),
            has_ended: Cell::new(false),
            tracked: Cell::new(false),
            task: Cell::new(ptr::null_mut()),
            timer: Cell::new(None),
            cancel_message: Slot::empty(),
            instead: Slot::empty(),
        };
        classes.sleep.create(py, make).map(Some)
    }

    /// In seconds.
    pub(super) fn delay(slf: &Bound<'_, Self>) -> f64 {
        own(slf).delay
    }

    /// Whether it has begun and hasn't ended.
    pub(super) fn is_suspended(slf: &Bound<'_, Self>) -> bool {
        let state = own(slf);
        state.phase.get() != Phase::New && !state.has_ended.get()
    }

    /// Whether it is `task` that has begun to wait for it.
    #[inline]
    pub(super) fn is_awaited_by(slf: &Bound<'_, Self>, task: &Bound<'_, Task>) -> bool {
        own(slf).task.get() == task.as_ptr()
    }

    /// Its task waits for it no more, or is no more.
    pub(super) fn forget_task(slf: &Bound<'_, Self>) {
        own(slf).task.set(ptr::null_mut());
    }

    /// Its time has come: queues the wake-up of `task`, if that still waits.
    pub(crate) fn fire(slf: &Bound<'_, Self>, task: Bound<'_, Task>) -> PyResult<()> {
        let state = own(slf);
        state.timer.set(None);
        if state.phase.get() != Phase::Armed {
            return Ok(());
        }
        state.phase.set(Phase::Fired);
        if !Sleep::is_awaited_by(slf, &task) {
            return Ok(());
        }
        let owner = task::owner(&task)?;
        EventLoop::queue(&owner, Job::Wake(Strong::new(task)))
    }

    /// Ends the wait early; false if it is over already.
    pub(super) fn cancel(
        slf: &Bound<'_, Self>,
        message: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let state = own(slf);
        if state.phase.get() != Phase::Armed {
            return Ok(false);
        }
        state.phase.set(Phase::Cancelled);
        match message {
            Some(message) => {
                state.cancel_message.set(message.clone());
                // Which may be anything.
                track(slf);
            }
            None => state.cancel_message.clear(),
        }
        Sleep::disarm(slf)?;
        Sleep::wake_task(slf)?;
        Ok(true)
    }

    /// By what exception its task learns how it ended.
    pub(super) fn error<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let state = own(slf);
        if state.phase.get() != Phase::Cancelled {
            return Ok(None);
        }
        make_cancelled_error(py, state.cancel_message.get(py)).map(Some)
    }

    /// Whether its task waits for its time.
    pub(super) fn is_pending(slf: &Bound<'_, Self>) -> bool {
        own(slf).phase.get() == Phase::Armed
    }

    pub(super) fn is_cancelled(slf: &Bound<'_, Self>) -> bool {
        own(slf).phase.get() == Phase::Cancelled
    }

    /// The loop of the task that waits for it.
    pub(super) fn owner<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, EventLoop>>> {
        Sleep::task(slf).map(|task| task::owner(&task)).transpose()
    }

    fn task<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, Task>> {
        let task = own(slf).task.get();
        // SAFETY: the address is forgotten when the task stops waiting for this
        // sleep, which is before the task is deallocated (`TaskOwn::stop_waiting`).
        unsafe {
            Bound::from_borrowed_ptr_or_opt(slf.py(), task).map(|task| task.cast_into_unchecked())
        }
    }

    fn wake_task(slf: &Bound<'_, Self>) -> PyResult<()> {
        match Sleep::task(slf) {
            None => Ok(()),
            Some(task) => {
                let owner = task::owner(&task)?;
                EventLoop::queue(&owner, Job::Wake(Strong::new(task)))
            }
        }
    }

    /// Takes back its timer.
    fn disarm(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let timer = own(slf).timer.take();
        if let Some(timer) = timer
            && let Some(task) = Sleep::task(slf)
            && let Some(engine) = task::owner(&task)?.get().try_engine(py)
        {
            drop(engine.cancel_timer(timer));
        }
        Ok(())
    }

    /// Goes on with whatever phase it is in; `None` at its end.
    #[inline]
    pub(super) fn resume<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let state = own(slf);
        if state.has_ended.get() {
            return Err(over());
        }
        match state.phase.get() {
            Phase::New => Sleep::begin(slf),
            Phase::Yielded | Phase::Fired => {
                state.has_ended.set(true);
                Ok(None)
            }
            Phase::HandedOver => {
                let Some(instead) = state.instead.get(py) else { return Ok(None) };
                send_to(&instead)
            }
            // As if it had a future that whoever resumes it should have awaited.
            Phase::Armed | Phase::Cancelled => {
                Err(PyRuntimeError::new_err("await wasn't used with future"))
            }
        }
    }

    fn begin<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let state = own(slf);
        if state.delay <= 0.0 {
            Sleep::close_instead(slf)?;
            state.phase.set(Phase::Yielded);
            return Ok(Some(py.None().into_bound(py)));
        }
        let Some(task) = current::stepping(py) else { return Sleep::hand_over(slf) };
        let owner = task::owner(&task)?;
        let job = Job::Slept(Strong::new(slf.clone()), Strong::new(task.clone()));
        let Some(timer) = EventLoop::set_timer_in(&owner, state.delay, job)? else {
            return Sleep::hand_over(slf);
        };
        Sleep::close_instead(slf)?;
        state.timer.set(Some(timer));
        state.task.set(task.as_ptr());
        state.phase.set(Phase::Armed);
        Ok(Some(slf.clone().into_any()))
    }

    fn hand_over<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let state = own(slf);
        let instead = state.instead.get(py).map_or_else(|| Sleep::make_instead(slf), Ok)?;
        state.phase.set(Phase::HandedOver);
        send_to(&instead)
    }

    fn make_instead<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let state = own(slf);
        // By its name: a call in the usual way would be answered with another of us.
        let delay = PyDict::new(py);
        delay.set_item(intern!(py, "delay"), state.delay)?;
        let instead = names::sleep(py)?.call((), Some(&delay))?;
        state.instead.set(instead.clone());
        // Whoever awaits that may be held by what it awaits.
        track(slf);
        Ok(instead)
    }

    /// Ends asyncio's own, which won't be needed, but for what it knows.
    #[inline]
    fn close_instead(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if let Some(instead) = own(slf).instead.get(py) {
            instead.call_method0(intern!(py, "close"))?;
        }
        Ok(())
    }

    /// Where it was made, if anybody sought that then.
    pub(super) fn origin<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let instead = own(slf).instead.get(py);
        instead.map(|instead| instead.getattr(intern!(py, "cr_origin"))).transpose()
    }

    /// Whether nobody has awaited it, nor ended it.
    pub(super) fn is_new(slf: &Bound<'_, Self>) -> bool {
        own(slf).phase.get() == Phase::New
    }

    /// What a coroutine's `throw` does; the arguments are those that were given.
    pub(super) fn throw<'py>(
        slf: &Bound<'py, Self>,
        kind: Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let state = own(slf);
        if state.has_ended.get() {
            return Err(over());
        }
        if state.phase.get() == Phase::HandedOver
            && let Some(instead) = state.instead.get(py)
        {
            let args = [Some(kind), value, traceback].into_iter().flatten().collect::<Vec<_>>();
            return instead.call_method1(intern!(py, "throw"), PyTuple::new(py, args)?);
        }
        Sleep::close_instead(slf)?;
        Sleep::end(slf)?;
        Err(thrown(&kind, value, traceback)?)
    }

    /// What a coroutine's `close` does.
    pub(super) fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        Sleep::close_instead(slf)?;
        Sleep::end(slf)
    }

    fn end(slf: &Bound<'_, Self>) -> PyResult<()> {
        own(slf).has_ended.set(true);
        Sleep::disarm(slf)
    }
}

fn over() -> PyErr {
    PyRuntimeError::new_err("cannot reuse already awaited coroutine")
}

fn send_to<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    match send(coroutine) {
        Sent::Yielded(awaited) => Ok(Some(awaited)),
        // Of a sleep without a result.
        Sent::Returned(_) => Ok(None),
        Sent::Raised(error) => Err(error),
    }
}

/// How many want to know where coroutines are made.
static SEEKERS: Gil<Cell<usize>> = Gil::new(Cell::new(0));

/// Has sleeps know where they are made as coroutines do, by having asyncio's own made
/// beside each; or ends that, for one of those who have asked.
pub(crate) fn seek_origins(py: Python<'_>, seek: bool) {
    let seekers = SEEKERS.get(py);
    seekers.set(if seek { seekers.get() + 1 } else { seekers.get().saturating_sub(1) });
}

/// The same for the package.
#[pyfunction]
pub(crate) fn _seek_origins(py: Python<'_>, seek: bool) {
    seek_origins(py, seek);
}

fn warn_never_awaited(py: Python<'_>) {
    let raised = PyErr::take(py);
    let class = py.get_type::<PyRuntimeWarning>();
    if let Err(error) = PyErr::warn(py, &class, c"coroutine 'sleep' was never awaited", 1) {
        error.write_unraisable(py, None);
    }
    if let Some(raised) = raised {
        raised.restore(py);
    }
}

/// The sleep for a task of ours whose step this is, if its delay is a plain number.
#[inline]
pub(super) fn native<'py>(delay: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, Sleep>>> {
    let py = delay.py();
    if current::stepping(py).is_none() {
        return Ok(None);
    }
    match plain_seconds(delay) {
        Some(seconds) if !seconds.is_nan() => {
            let sleep = Sleep::create(py, seconds)?;
            if let Some(sleep) = &sleep
                && SEEKERS.get(py).get() > 0
            {
                Sleep::make_instead(sleep)?;
            }
            Ok(sleep)
        }
        // asyncio's own says what is wrong, and when.
        _ => Ok(None),
    }
}
