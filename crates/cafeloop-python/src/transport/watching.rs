//! Being told when the socket is ready.

use std::cell::Cell;
use std::os::fd::RawFd;

use cafeloop::engine::Interest;
use pyo3::prelude::*;

use super::Stream;
use crate::errors;
use crate::host::Watcher;

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

    /// Has `stream` told from now on, if it isn't.
    pub(super) fn begin(&self, stream: &Bound<'_, Stream>, interest: Interest) -> PyResult<()> {
        let py = stream.py();
        if self.is_watching(interest) {
            return Ok(());
        }
        let engine = stream.get().try_engine(py).ok_or_else(errors::loop_is_closed)?;
        let own = stream.clone().unbind();
        let watcher = match interest {
            Interest::Read => Watcher::Reader(own),
            Interest::Write => Watcher::Sender(own),
        };
        let fd = stream.get().fd(py);
        let before = engine.watch(fd, interest, watcher);
        let before = before.map_err(|error| errors::os_error(py, &error))?;
        self.side(interest).set(Some(fd));
        // Whoever watched a number that was closed, and is this one's now.
        before.map_or(Ok(()), |before| before.replaced(py))
    }

    pub(super) fn end(&self, stream: &Bound<'_, Stream>, interest: Interest) {
        let Some(fd) = self.side(interest).take() else { return };
        if let Some(engine) = stream.get().try_engine(stream.py()) {
            let watcher = engine.unwatch_if(fd, interest, |watcher| watcher.is_of(stream));
            drop(watcher);
        }
    }
}
