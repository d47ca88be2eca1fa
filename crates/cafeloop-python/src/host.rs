//! How a Python job runs: the engine's host.

use std::cell::RefCell;

use cafeloop::engine::Host;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::errors::Exit;
use crate::object::Handle;
use crate::seconds::to_nanoseconds;
use crate::transport::{ReadBuffer, Stream, TurnsEnd};

/// Something to run once.
pub(crate) enum Job {
    /// A callback of the user's.
    Handle(Py<Handle>),
    /// A connection that has something to read, or its end.
    Read(Py<Stream>),
    /// A connection whose kernel has room for what waits to be sent.
    Send(Py<Stream>),
}

/// Whoever wants to know that a descriptor is ready or a signal has come: told
/// each time, until it is taken out by whoever put it in.
pub(crate) enum Watcher {
    Handle(Py<Handle>),
    Reader(Py<Stream>),
    Sender(Py<Stream>),
}

impl Job {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Job::Handle(handle) => visit.call(handle),
            Job::Read(stream) | Job::Send(stream) => visit.call(stream),
        }
    }
}

impl Watcher {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Watcher::Handle(handle) => visit.call(handle),
            Watcher::Reader(stream) | Watcher::Sender(stream) => visit.call(stream),
        }
    }

    /// Whether it tells this connection.
    pub(crate) fn is_of(&self, stream: &Bound<'_, Stream>) -> bool {
        match self {
            Watcher::Handle(_) => false,
            Watcher::Reader(own) | Watcher::Sender(own) => own.is(stream),
        }
    }

    /// Tells whoever is watched no longer: another has taken its place.
    pub(crate) fn replaced(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Watcher::Handle(handle) => Handle::cancel(handle.bind(py)),
            // It finds out by itself: its socket was closed behind its back.
            Watcher::Reader(_) | Watcher::Sender(_) => Ok(()),
        }
    }
}

/// Python as the language that an engine serves.
#[derive(Default)]
pub(crate) struct Python3 {
    /// The `time` method of a loop whose class, or user, has put another in the
    /// place of ours; only while the loop runs.
    time: RefCell<Option<Py<PyAny>>>,
    /// What is sent when the jobs of a turn have run.
    pub(crate) turns_end: TurnsEnd,
    /// Where small reads go first.
    pub(crate) read_buffer: ReadBuffer,
}

impl Python3 {
    /// Has deadlines due by this method's seconds, or by the engine's clock again.
    pub(crate) fn set_time(&self, time: Option<Py<PyAny>>) {
        let before = self.time.replace(time);
        drop(before);
    }

    pub(crate) fn has_own_time(&self) -> bool {
        self.time.borrow().is_some()
    }
}

impl Host for Python3 {
    type Job = Job;
    type Watcher = Watcher;
    type Scope<'s> = Python<'s>;
    type Exit = Exit;

    fn run(&self, py: Python<'_>, job: Job) -> Result<(), Exit> {
        match job {
            Job::Handle(handle) => Handle::run(handle.bind(py)),
            Job::Read(stream) => Stream::read(stream.bind(py)),
            Job::Send(stream) => Stream::send(stream.bind(py)),
        }
        .map_err(Exit)
    }

    fn ready(&self, py: Python<'_>, watcher: &mut Option<Watcher>) -> Option<Job> {
        watcher.as_ref().map(|watcher| match watcher {
            Watcher::Handle(handle) => Job::Handle(handle.clone_ref(py)),
            Watcher::Reader(stream) => Job::Read(stream.clone_ref(py)),
            Watcher::Sender(stream) => Job::Send(stream.clone_ref(py)),
        })
    }

    fn block<R: Send>(&self, py: Python<'_>, wait: impl FnOnce() -> R + Send) -> R {
        // What another thread writes meanwhile must not wait for the end of this turn:
        // that isn't allowed, but works with asyncio.
        self.turns_end.set_running(false);
        let answer = py.detach(wait);
        self.turns_end.set_running(true);
        answer
    }

    fn now_ns(&self, py: Python<'_>) -> Result<Option<u64>, Exit> {
        let time = self.time.borrow().as_ref().map(|time| time.clone_ref(py));
        let Some(time) = time else { return Ok(None) };
        let seconds = time.bind(py).call0().and_then(|seconds| seconds.extract());
        seconds.and_then(to_nanoseconds).map(Some).map_err(Exit)
    }

    fn turn_ends(&self, py: Python<'_>) -> Result<(), Exit> {
        self.turns_end.come(py).map_err(Exit)
    }

    fn interrupted(&self, py: Python<'_>) -> Result<(), Exit> {
        py.check_signals().map_err(Exit)
    }
}
