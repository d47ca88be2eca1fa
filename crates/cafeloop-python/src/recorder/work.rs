//! Jobs that a loop hands to an executor.
//!
//! A job of a thread is called by way of [`Work`], which says when it begins and ends.
//! One of another process is pickled, and goes there as a [`HandedJob`], which tells
//! the recording of that process.

use std::cell::Cell;
use std::rc::Rc;

use cafeloop::engine::thread_time_ns;
use cafeloop::flow::{Event, Lane, LaneKind, WorkId, WorkPlace};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::recording::{Recording, thread_number};
use super::{current, tap};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::{names, object};

/// A job on its way.
#[pyclass(frozen, module = "cafeloop._cafeloop")]
pub(crate) struct Work {
    function: Py<PyAny>,
    number: u32,
    /// Where it was handed over.
    lane: Lane,
    state: Gil<Cell<State>>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// In the queue of a pool of threads.
    Queued,
    /// In the hands of an executor that doesn't say when it begins.
    Elsewhere,
    Over,
}

/// Tells of a job that `owner` is about to hand to an executor; what is returned is to be
/// called in place of the function, or called `ended` when it has been.  None if nothing
/// is recorded.
#[pyfunction]
pub(crate) fn _record_work(
    owner: &Bound<'_, EventLoop>,
    function: &Bound<'_, PyAny>,
    in_thread: bool,
) -> PyResult<Option<Work>> {
    let py = owner.py();
    let Some(recording) = current(py) else { return Ok(None) };
    let number = Recording::new_number(py);
    let work = WorkId::new(number.into()).expect("numbers begin with 1");
    let code = recording.codes.of_callable(&recording.recorder, function);
    let by = tap::of(owner).and_then(|tap| tap.running_task());
    let lane = recording.lane_here(py)?;
    let (place, state) = if in_thread {
        (WorkPlace::Thread, State::Queued)
    } else {
        (WorkPlace::Elsewhere, State::Elsewhere)
    };
    recording.record(recording.now_ns(), lane, Event::WorkQueued { work, by, code, place });
    let function = function.clone().unbind();
    Ok(Some(Work { function, number, lane, state: Gil::new(Cell::new(state)) }))
}

/// Has a future stand for a job that was handed to an executor.
#[pyfunction]
pub(crate) fn _record_future(future: &Bound<'_, PyAny>, work: &Bound<'_, Work>) -> bool {
    object::set_future_number(future, work.get().number)
}

impl Work {
    /// The recording that was told of it, if that still goes on.
    fn recording(&self, py: Python<'_>) -> Option<(Rc<Recording>, WorkId)> {
        let recording = current(py)?;
        let work = recording.known_work(self.number)?;
        Some((recording, work))
    }

    /// Tells of it in the lane of this thread.
    fn tell(&self, py: Python<'_>, moment: impl FnOnce(&Recording, Lane, WorkId)) -> PyResult<()> {
        let Some((recording, work)) = self.recording(py) else { return Ok(()) };
        let thread = thread_number(py)?;
        let (lane, is_new) = recording.lane_of(thread);
        recording.serves(thread);
        if is_new {
            let name = thread_name(py)?;
            recording.name_lane(recording.now_ns(), lane, LaneKind::Thread, &name);
        }
        moment(&recording, lane, work);
        Ok(())
    }
}

/// A thread begins with a job, or ends it.  What it has used of the processors meanwhile
/// says whether it worked or waited, also if nobody looks.
fn begins(recording: &Recording, lane: Lane, work: WorkId) {
    let now_ns = recording.now_ns();
    recording.record(now_ns, lane, Event::WorkBegins { work });
    recording.record(now_ns, lane, Event::Sampled { cpu_ns: thread_time_ns() });
}

fn ends(recording: &Recording, lane: Lane, work: WorkId) {
    let now_ns = recording.now_ns();
    recording.record(now_ns, lane, Event::Sampled { cpu_ns: thread_time_ns() });
    recording.record(now_ns, lane, Event::WorkEnds { work });
}

#[pymethods]
impl Work {
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        self.state.get(py).set(State::Over);
        self.tell(py, begins)?;
        let outcome = self.function.bind(py).call(args, kwargs);
        self.tell(py, ends)?;
        outcome
    }

    /// It has ended elsewhere, or been cancelled before it began.
    fn ended(&self, py: Python<'_>, _job: &Bound<'_, PyAny>) {
        if self.state.get(py).replace(State::Over) == State::Elsewhere
            && let Some((recording, work)) = self.recording(py)
        {
            recording.record(recording.now_ns(), self.lane, Event::WorkEnds { work });
        }
    }

    /// As it goes to another process.
    fn __reduce__<'py>(
        &self,
        py: Python<'py>,
    ) -> (Bound<'py, PyAny>, (u32, u32, Bound<'py, PyAny>)) {
        let class = py.get_type::<HandedJob>().into_any();
        (class, (std::process::id(), self.number, self.function.bind(py).clone()))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // Cancelled before it began.
        Python::try_attach(|py| {
            if self.state.get(py).get() == State::Queued
                && let Some((recording, work)) = self.recording(py)
                && let Ok(lane) = recording.lane_here(py)
            {
                recording.record(recording.now_ns(), lane, Event::WorkEnds { work });
            }
        });
    }
}

/// A job that another process has handed to this one.
#[pyclass(frozen, module = "cafeloop._cafeloop")]
pub(crate) struct HandedJob {
    function: Py<PyAny>,
    work: Option<WorkId>,
}

#[pymethods]
impl HandedJob {
    #[new]
    fn new(pid: u32, number: u32, function: Py<PyAny>) -> Self {
        HandedJob { function, work: WorkId::of_process(pid, number) }
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let function = self.function.bind(py);
        let (Some(recording), Some(work)) = (current(py), self.work) else {
            return function.call(args, kwargs);
        };
        let code = recording.codes.of_callable(&recording.recorder, function);
        let (lane, is_new) = recording.lane_of(thread_number(py)?);
        let now_ns = recording.now_ns();
        if is_new || !recording.has_begun() {
            // It is looked at all the same: its lines are worth more than its jobs.
            recording.name_lane(now_ns, lane, LaneKind::Thread, &thread_name(py)?);
        }
        let place = WorkPlace::Thread;
        recording.record(now_ns, lane, Event::WorkQueued { work, by: None, code, place });
        begins(&recording, lane, work);
        let outcome = function.call(args, kwargs);
        ends(&recording, lane, work);
        outcome
    }
}

fn thread_name(py: Python<'_>) -> PyResult<String> {
    names::current_thread(py)?.call0()?.getattr("name")?.extract()
}
