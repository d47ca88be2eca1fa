//! Processes that a loop starts: when each began and ended, and whom its end wakes.

use cafeloop::flow::Event;
use pyo3::prelude::*;

use super::{current, tap};
use crate::event_loop::EventLoop;

/// Tells of a process that runs this program; of its arguments nothing is said.
#[pyfunction]
pub(crate) fn _record_process(py: Python<'_>, pid: u32, program: &str) -> PyResult<()> {
    let Some(recording) = current(py) else { return Ok(()) };
    let lane = recording.lane_here(py)?;
    recording.record_with(recording.now_ns(), lane, Event::ProcessStarted { pid }, program, &[]);
    Ok(())
}

/// Tells of its end, which is why whatever `owner` runs now wakes others.
#[pyfunction]
pub(crate) fn _record_process_end(
    owner: &Bound<'_, EventLoop>,
    pid: u32,
    status: i32,
) -> PyResult<()> {
    let py = owner.py();
    let Some(recording) = current(py) else { return Ok(()) };
    let lane = recording.lane_here(py)?;
    recording.record(recording.now_ns(), lane, Event::ProcessEnded { pid, status });
    wakes(owner, pid);
    Ok(())
}

/// Whoever is woken by what `owner` runs now is woken by the end of this process.
#[pyfunction]
pub(crate) fn _record_process_wakes(owner: &Bound<'_, EventLoop>, pid: u32) {
    wakes(owner, pid);
}

fn wakes(owner: &Bound<'_, EventLoop>, pid: u32) {
    if let Some(tap) = tap::of(owner) {
        tap.process_wakes(pid);
    }
}
