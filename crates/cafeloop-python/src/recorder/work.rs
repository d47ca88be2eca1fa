//! Jobs that a loop hands to an executor's threads.

use std::cell::Cell;
use std::rc::Rc;

use cafeloop::flow::{Event, LaneKind, WorkId};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::recording::{Recording, thread_id};
use super::{current, tap};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::names;

/// A job on its way: called in its place, it says when it begins and ends.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct Work {
    function: Py<PyAny>,
    number: u32,
    state: Gil<Cell<State>>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Queued,
    Over,
}

/// Tells of a job that `owner` is about to hand to an executor.
pub(super) fn queue(
    recording: &Rc<Recording>,
    owner: &Bound<'_, EventLoop>,
    function: &Bound<'_, PyAny>,
) -> PyResult<Work> {
    let py = owner.py();
    let number = Recording::new_number(py);
    let work = WorkId::new(number.into()).expect("numbers begin with 1");
    let code = recording.codes.of_callable(&recording.recorder, function);
    let by = tap::of(owner).and_then(|tap| tap.running_task());
    let lane = recording.lane_here(py)?;
    recording.record(recording.now_ns(), lane, Event::WorkQueued { work, by, code });
    let function = function.clone().unbind();
    Ok(Work { function, number, state: Gil::new(Cell::new(State::Queued)) })
}

impl Work {
    pub(super) fn number(&self) -> u32 {
        self.number
    }

    /// The recording that was told of it, if that still goes on.
    fn recording(&self, py: Python<'_>) -> Option<(Rc<Recording>, WorkId)> {
        let recording = current(py)?;
        let work = recording.known_work(self.number)?;
        Some((recording, work))
    }

    fn tell(&self, py: Python<'_>, event: impl FnOnce(WorkId) -> Event) -> PyResult<()> {
        let Some((recording, work)) = self.recording(py) else { return Ok(()) };
        let thread = thread_id(py)?;
        let (lane, is_new) = recording.lane_of(thread);
        if is_new {
            let name: String = names::current_thread(py)?.call0()?.getattr("name")?.extract()?;
            recording.name_lane(recording.now_ns(), lane, LaneKind::Worker, &name);
            recording.watch.skip(thread);
        }
        recording.record(recording.now_ns(), lane, event(work));
        Ok(())
    }
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
        self.tell(py, |work| Event::WorkBegins { work })?;
        let outcome = self.function.bind(py).call(args, kwargs);
        self.tell(py, |work| Event::WorkEnds { work })?;
        outcome
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
