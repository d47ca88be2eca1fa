//! How a Python job runs: the engine's host.

use std::cell::RefCell;

use cafeloop::engine::Host;
use pyo3::prelude::*;

use crate::errors::Exit;
use crate::object::Handle;
use crate::seconds::to_nanoseconds;

/// Python as the language that an engine serves.
#[derive(Default)]
pub(crate) struct Python3 {
    /// The `time` method of a loop whose class, or user, has put another in the
    /// place of ours; only while the loop runs.
    time: RefCell<Option<Py<PyAny>>>,
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
    type Job = Py<Handle>;
    /// Told each time, until it is taken out by whoever put it in.
    type Watcher = Py<Handle>;
    type Scope<'s> = Python<'s>;
    type Exit = Exit;

    fn run(&self, py: Python<'_>, job: Py<Handle>) -> Result<(), Exit> {
        Handle::run(job.bind(py)).map_err(Exit)
    }

    fn ready(&self, py: Python<'_>, watcher: &mut Option<Py<Handle>>) -> Option<Py<Handle>> {
        watcher.as_ref().map(|handle| handle.clone_ref(py))
    }

    fn block<R: Send>(&self, py: Python<'_>, wait: impl FnOnce() -> R + Send) -> R {
        py.detach(wait)
    }

    fn now_ns(&self, py: Python<'_>) -> Result<Option<u64>, Exit> {
        let time = self.time.borrow().as_ref().map(|time| time.clone_ref(py));
        let Some(time) = time else { return Ok(None) };
        let seconds = time.bind(py).call0().and_then(|seconds| seconds.extract());
        seconds.and_then(to_nanoseconds).map(Some).map_err(Exit)
    }

    fn interrupted(&self, py: Python<'_>) -> Result<(), Exit> {
        py.check_signals().map_err(Exit)
    }
}
