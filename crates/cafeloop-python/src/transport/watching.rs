//! Being told when the socket is ready.

use std::cell::Cell;
use std::os::fd::RawFd;

use cafeloop::engine::Interest;
use pyo3::PyClass;
use pyo3::prelude::*;
use pyo3::pyclass::boolean_struct::True;

use super::endpoint::Endpoint;
use crate::errors;
use crate::host::Watcher;

/// The native half of a transport, for which the loop watches a socket.
pub(crate) trait Watching: PyClass<Frozen = True> + Sync {
    fn endpoint<'py>(&'py self, py: Python<'py>) -> &'py Endpoint;

    /// Whom the engine is to tell.
    fn watcher(own: Py<Self>, interest: Interest) -> Watcher;
}

/// What the engine has been asked to watch for a connection, and by which number.
///
/// The number is what the engine is asked to forget, also when the socket's owner
/// has closed it; whether it is another's by then, the engine is told to check.
#[derive(Default)]
pub(super) struct Watched {
    reading: Cell<Option<RawFd>>,
    sending: Cell<Option<RawFd>>,
}

impl Watched {
    fn side(&self, interest: Interest) -> &Cell<Option<RawFd>> {
        match interest {
            Interest::Read => &self.reading,
            Interest::Write => &self.sending,
        }
    }

    pub(super) fn is_watching(&self, interest: Interest) -> bool {
        self.side(interest).get().is_some()
    }

    /// Has `own` told from now on, if it isn't.
    pub(super) fn begin<T: Watching>(
        &self,
        own: &Bound<'_, T>,
        interest: Interest,
    ) -> PyResult<()> {
        let py = own.py();
        if self.is_watching(interest) {
            return Ok(());
        }
        let endpoint = own.get().endpoint(py);
        let engine = endpoint.try_engine(py).ok_or_else(errors::loop_is_closed)?;
        let fd = endpoint.fd(py);
        let before = engine.watch(fd, interest, T::watcher(own.clone().unbind(), interest));
        let before = before.map_err(|error| errors::os_error(py, &error))?;
        self.side(interest).set(Some(fd));
        // Whoever watched a number that was closed, and is this one's now.
        before.map_or(Ok(()), |before| before.replaced(py))
    }

    pub(super) fn end<T: Watching>(&self, own: &Bound<'_, T>, interest: Interest) {
        let Some(fd) = self.side(interest).take() else { return };
        if let Some(engine) = own.get().endpoint(own.py()).try_engine(own.py()) {
            let is_own = |watcher: &Watcher| watcher.is_of(own.as_any());
            let watcher = engine.unwatch_if(fd, interest, is_own);
            drop(watcher);
        }
    }
}
