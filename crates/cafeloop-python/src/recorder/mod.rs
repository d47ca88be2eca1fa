//! What a recording hears of Python's loops, tasks and threads.
//!
//! ```text
//! recording  what is recorded, to where       face       what Python sees of it
//! tap        one loop's jobs and tasks        foreign    tasks of the interpreter
//! codes      code objects as numbers          awaits     chains of awaits, stacks
//! label      a call, as people write it       work       jobs of executors
//! watchdog   a thread that sees what blocks   threads    and samples other threads
//! losses     what nobody awaited, and pauses   processes  children of a loop
//! ```
//!
//! At most one recording goes on in a process.  While none does, each point at which
//! something would be told costs a load and a branch ([`is_on`]).  Everything here
//! belongs to whoever holds the GIL, except for the watchdog's own thread.

mod awaits;
mod codes;
mod face;
mod foreign;
mod label;
mod losses;
mod processes;
mod recording;
mod tap;
mod threads;
mod watchdog;
mod work;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use cafeloop::flow::FlowChange;
use pyo3::prelude::*;

pub(crate) use self::face::FlowRecording;
pub(crate) use self::losses::{Collections, Unawaited};
pub(crate) use self::processes::{_record_process, _record_process_end, _record_process_wakes};
use self::recording::Recording;
pub(crate) use self::tap::Heard;
pub(crate) use self::work::{_record_future, _record_work, HandedJob, Work};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::host::Job;
use crate::object::{Future, Handle, Task};
use crate::transport::Endpoint;

/// Whether a recording goes on: all that is looked at while none does.
static ON: AtomicBool = AtomicBool::new(false);

/// The recording that goes on.
static CURRENT: Gil<RefCell<Option<Rc<Recording>>>> = Gil::new(RefCell::new(None));

/// Whether a recording goes on.
#[inline]
pub(crate) fn is_on() -> bool {
    ON.load(Ordering::Relaxed)
}

fn current(py: Python<'_>) -> Option<Rc<Recording>> {
    CURRENT.get(py).borrow().clone()
}

fn set_current(py: Python<'_>, recording: Option<Rc<Recording>>) {
    ON.store(recording.is_some(), Ordering::Relaxed);
    let before = CURRENT.get(py).replace(recording);
    drop(before);
}

// --- the points at which something is told, each behind `is_on`

/// A loop begins to run in this thread.
#[cold]
pub(crate) fn loop_begins(owner: &Bound<'_, EventLoop>) {
    if let Some(recording) = current(owner.py()) {
        tap::attach(&recording, owner);
    }
}

/// It runs no more.
#[cold]
pub(crate) fn loop_ends(owner: &Bound<'_, EventLoop>) {
    if let Some(tap) = tap::of(owner) {
        tap.stop(owner.py());
    }
}

/// A task's step was queued.
#[cold]
pub(crate) fn queued(owner: &Bound<'_, EventLoop>, job: &Job) {
    if let Some(tap) = tap::of(owner) {
        tap.queued(owner.py(), job);
    }
}

/// A callback was queued by the thread of its loop.
#[cold]
pub(crate) fn handle_queued(owner: &Bound<'_, EventLoop>, handle: &Bound<'_, Handle>) {
    if let Some(tap) = tap::of(owner) {
        tap.handle_queued(handle);
    }
}

/// A callback was queued by another thread.
#[cold]
pub(crate) fn handle_posted(owner: &Bound<'_, EventLoop>, handle: &Bound<'_, Handle>) {
    if let Some(tap) = tap::of(owner) {
        tap.handle_posted(handle);
    }
}

/// Runs an eager task's first step, inside of whatever runs.
#[cold]
pub(crate) fn eager_step(
    task: &Bound<'_, Task>,
    run: impl FnOnce() -> PyResult<()>,
) -> PyResult<()> {
    let owner = crate::object::owner_of(task)?;
    let Some(tap) = tap::of(&owner) else { return run() };
    let outer = tap.eager_begins(task);
    let outcome = run();
    tap.eager_ends(task, outer);
    outcome
}

/// Somebody asks a task to end.
#[cold]
pub(crate) fn cancel_asked(task: &Bound<'_, Task>) {
    if let Ok(owner) = crate::object::owner_of(task)
        && let Some(tap) = tap::of(&owner)
    {
        tap.cancel_asked(task);
    }
}

/// Nobody asks a task to end any more.
#[cold]
pub(crate) fn cancel_taken_back(task: &Bound<'_, Task>) {
    if let Some(recording) = current(task.py()) {
        recording.cancel_taken_back(task);
    }
}

/// A task has another name.
#[cold]
pub(crate) fn named(task: &Bound<'_, Task>) {
    if let Some(recording) = current(task.py()) {
        recording.named(task);
    }
}

/// A task is gone that was pending.
#[cold]
pub(crate) fn task_lost(task: &Bound<'_, Task>) {
    if let Some(recording) = current(task.py()) {
        recording.task_lost(task);
    }
}

/// A future's exception is gone that nobody has asked for.
#[cold]
pub(crate) fn exception_lost(future: &Bound<'_, Future>, error: Option<&Bound<'_, PyAny>>) {
    if let Some(recording) = current(future.py()) {
        recording.exception_lost(future, error);
    }
}

/// Bytes came by a transport.
#[cold]
pub(crate) fn bytes_in(py: Python<'_>, endpoint: &Endpoint, bytes: usize) {
    if let Some(tap) = tap::of(endpoint.owner().bind(py)) {
        tap.bytes_in(py, endpoint, bytes);
    }
}

/// Bytes went to the kernel.
#[cold]
pub(crate) fn bytes_out(py: Python<'_>, endpoint: &Endpoint, bytes: usize) {
    if let Some(tap) = tap::of(endpoint.owner().bind(py)) {
        tap.bytes_out(py, endpoint, bytes);
    }
}

/// A transport pauses or resumes.
#[cold]
pub(crate) fn flow_changed(py: Python<'_>, endpoint: &Endpoint, change: FlowChange) {
    if let Some(tap) = tap::of(endpoint.owner().bind(py)) {
        tap.flow_changed(py, endpoint, change);
    }
}

/// A transport is closed.
#[cold]
pub(crate) fn transport_closed(py: Python<'_>, endpoint: &Endpoint) {
    if let Some(tap) = tap::of(endpoint.owner().bind(py)) {
        tap.transport_closed(py, endpoint);
    }
}
