//! How a Python job runs: the engine's host.

use cafeloop::engine::Host;
use pyo3::prelude::*;

use crate::errors::Exit;
use crate::object::Handle;

/// Python as the language that an engine serves.
pub(crate) struct Python3;

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

    fn interrupted(&self, py: Python<'_>) -> Result<(), Exit> {
        py.check_signals().map_err(Exit)
    }
}
