//! `asyncio.sleep`, native: one object that is coroutine, future and timer in one.
//!
//! Awaited by a task of ours it goes straight into the loop's timers and is what
//! the task waits for: no coroutine, no future, no handle.  Awaited by anybody
//! else it hands over to asyncio's own `sleep`.

use std::cell::Cell;

use cafeloop::engine::TimerKey;
use pyo3::exceptions::{PyRuntimeError, PyRuntimeWarning};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::coroutine::{Sent, send};
use super::current;
use super::future::make_cancelled_error;
use super::future_iterator::thrown;
use super::reference::{Slot, Strong};
use super::task::{self, Task};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::host::Job;
use crate::names;
use crate::seconds::plain_seconds;

/// A sleep that was asked for: what `asyncio.sleep(delay)` returns.
///
/// The garbage collector doesn't know of it: it refers to nothing that could
/// refer back.  Its task holds it, and it knows the task without holding it.
#[pyclass(frozen, module = "cafeloop", name = "sleep")]
pub(crate) struct Sleep {
    state: Gil<State>,
}

struct State {
    /// In seconds.
    delay: f64,
    phase: Cell<Phase>,
    /// As a coroutine it is over.  What the phase says of its task's wait still
    /// holds: somebody else may have closed it.
    has_ended: Cell<bool>,
    /// The address of the task that waits, for as long as it does.
    task: Cell<usize>,
    timer: Cell<Option<TimerKey>>,
    cancel_message: Slot,
    /// asyncio's own sleep, when that does the work.
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

impl Sleep {
    pub(super) fn new(delay: f64) -> Self {
        Sleep {
            state: Gil::new(State {
                delay,
                phase: Cell::new(Phase::New),
                has_ended: Cell::new(false),
                task: Cell::new(0),
                timer: Cell::new(None),
                cancel_message: Slot::empty(),
                instead: Slot::empty(),
            }),
        }
    }

    /// In seconds.
    pub(super) fn delay(&self, py: Python<'_>) -> f64 {
        self.state.get(py).delay
    }

    /// Whether it has begun and hasn't ended.
    fn is_suspended(&self, py: Python<'_>) -> bool {
        let state = self.state.get(py);
        state.phase.get() != Phase::New && !state.has_ended.get()
    }

    /// Whether it is `task` that has begun to wait for it.
    #[inline]
    pub(super) fn is_awaited_by(&self, task: &Bound<'_, Task>) -> bool {
        self.state.get(task.py()).task.get() == task.as_ptr() as usize
    }

    /// Its task waits for it no more, or is no more.
    pub(super) fn forget_task(&self, py: Python<'_>) {
        self.state.get(py).task.set(0);
    }

    /// Its time has come: queues the wake-up of `task`, if that still waits.
    pub(crate) fn fire(slf: &Bound<'_, Self>, task: Bound<'_, Task>) -> PyResult<()> {
        let state = slf.get().state.get(slf.py());
        state.timer.set(None);
        if state.phase.get() != Phase::Armed {
            return Ok(());
        }
        state.phase.set(Phase::Fired);
        if !slf.get().is_awaited_by(&task) {
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
        let py = slf.py();
        let state = slf.get().state.get(py);
        if state.phase.get() != Phase::Armed {
            return Ok(false);
        }
        state.phase.set(Phase::Cancelled);
        match message {
            Some(message) => state.cancel_message.set(message.clone()),
            None => state.cancel_message.clear(),
        }
        Sleep::disarm(slf)?;
        Sleep::wake_task(slf)?;
        Ok(true)
    }

    /// By what exception its task learns how it ended.
    pub(super) fn error<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        if state.phase.get() != Phase::Cancelled {
            return Ok(None);
        }
        make_cancelled_error(py, state.cancel_message.get(py)).map(Some)
    }

    /// Whether its task waits for its time.
    pub(super) fn is_pending(slf: &Bound<'_, Self>) -> bool {
        slf.get().state.get(slf.py()).phase.get() == Phase::Armed
    }

    pub(super) fn is_cancelled(slf: &Bound<'_, Self>) -> bool {
        slf.get().state.get(slf.py()).phase.get() == Phase::Cancelled
    }

    /// The loop of the task that waits for it.
    pub(super) fn owner<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, EventLoop>>> {
        Sleep::task(slf).map(|task| task::owner(&task)).transpose()
    }

    fn task<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, Task>> {
        let task = slf.get().state.get(slf.py()).task.get() as *mut pyo3::ffi::PyObject;
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
        let timer = slf.get().state.get(py).timer.take();
        if let Some(timer) = timer
            && let Some(task) = Sleep::task(slf)
            && let Some(engine) = task::owner(&task)?.get().try_engine(py)
        {
            drop(engine.cancel_timer(timer));
        }
        Ok(())
    }

    /// Goes on with whatever phase it is in; `None` at its end.
    fn resume<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let state = slf.get().state.get(py);
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
        let state = slf.get().state.get(py);
        if state.delay <= 0.0 {
            state.phase.set(Phase::Yielded);
            return Ok(Some(py.None().into_bound(py)));
        }
        let Some(task) = current::stepping(py) else { return Sleep::hand_over(slf) };
        let owner = task::owner(&task)?;
        let job = Job::Slept(Strong::new(slf.clone()), Strong::new(task.clone()));
        let Some(timer) = EventLoop::set_timer_in(&owner, state.delay, job)? else {
            return Sleep::hand_over(slf);
        };
        state.timer.set(Some(timer));
        state.task.set(task.as_ptr() as usize);
        state.phase.set(Phase::Armed);
        Ok(Some(slf.clone().into_any()))
    }

    fn hand_over<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        // By its name: a call in the usual way would be answered with another of us.
        let delay = PyDict::new(py);
        delay.set_item(intern!(py, "delay"), state.delay)?;
        let instead = names::sleep(py)?.call((), Some(&delay))?;
        state.phase.set(Phase::HandedOver);
        state.instead.set(instead.clone());
        send_to(&instead)
    }

    fn end(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().state.get(slf.py()).has_ended.set(true);
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

#[pymethods]
#[allow(clippy::unused_self, reason = "attributes are of an instance")]
impl Sleep {
    fn __await__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if slf.get().is_suspended(slf.py()) {
            return Err(PyRuntimeError::new_err("coroutine is being awaited already"));
        }
        Ok(slf)
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Sleep::resume(slf)
    }

    fn send<'py>(slf: &Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        if !value.is_none() && slf.get().state.get(py).phase.get() == Phase::New {
            let text = "can't send non-None value to a just-started coroutine";
            return Err(pyo3::exceptions::PyTypeError::new_err(text));
        }
        Sleep::resume(slf)?.ok_or_else(|| pyo3::exceptions::PyStopIteration::new_err(()))
    }

    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw<'py>(
        slf: &Bound<'py, Self>,
        kind: &Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        if state.has_ended.get() {
            return Err(over());
        }
        let instead = state.instead.get(py);
        if let Some(instead) = instead {
            let args =
                [Some(kind.clone()), value, traceback].into_iter().flatten().collect::<Vec<_>>();
            let args = PyTuple::new(py, args)?;
            return instead.call_method1(intern!(py, "throw"), args);
        }
        Sleep::end(slf)?;
        Err(thrown(kind, value, traceback)?)
    }

    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        if let Some(instead) = slf.get().state.get(py).instead.get(py) {
            instead.call_method0(intern!(py, "close"))?;
        }
        Sleep::end(slf)
    }

    // --- what makes it a coroutine to `inspect` and to `asyncio.iscoroutine`

    #[getter]
    fn __class__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        names::coroutine_type(slf.py()).cloned()
    }

    #[getter]
    fn __name__(&self) -> &'static str {
        "sleep"
    }

    #[getter]
    fn __qualname__(&self) -> &'static str {
        "sleep"
    }

    #[getter]
    fn cr_code<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        names::sleep(py)?.getattr(intern!(py, "__code__"))
    }

    #[getter]
    fn cr_frame(&self) -> Option<bool> {
        None
    }

    #[getter]
    fn cr_await(&self) -> Option<bool> {
        None
    }

    #[getter]
    fn cr_origin(&self) -> Option<bool> {
        None
    }

    #[getter]
    fn cr_running(&self) -> bool {
        false
    }

    #[getter]
    fn cr_suspended(&self, py: Python<'_>) -> bool {
        self.is_suspended(py)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        format!("<coroutine object sleep at {:p}>", slf.as_ptr())
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        // Nobody is left to warn at the very end of the interpreter.
        Python::try_attach(|py| {
            let state = self.state.get(py);
            if state.phase.get() == Phase::New && !state.has_ended.get() {
                warn_never_awaited(py);
            }
        });
    }
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
        Some(seconds) if !seconds.is_nan() => Bound::new(py, Sleep::new(seconds)).map(Some),
        // asyncio's own says what is wrong, and when.
        _ => Ok(None),
    }
}
