//! Being told when the socket is ready.

use std::cell::Cell;
use std::io;
use std::os::fd::RawFd;

use cafeloop::engine::Interest;
use pyo3::prelude::*;

use super::Stream;
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

    /// Has `stream` told; again, if it is told already.
    pub(super) fn begin(&self, stream: &Bound<'_, Stream>, interest: Interest) -> io::Result<()> {
        let py = stream.py();
        if self.is_watching(interest) {
            return Ok(());
        }
        let Some(engine) = stream.get().try_engine(py) else { return Ok(()) };
        let own = stream.clone().unbind();
        let watcher = match interest {
            Interest::Read => Watcher::Reader(own),
            Interest::Write => Watcher::Sender(own),
        };
        let fd = stream.get().fd(py);
        let before = engine.watch(fd, interest, watcher)?;
        self.side(interest).set(Some(fd));
        if let Some(before) = before {
            // Whoever watched a number that was closed and is ours now.
            before.replaced(py).map_err(io::Error::other)?;
        }
        Ok(())
    }

    pub(super) fn end(&self, stream: &Bound<'_, Stream>, interest: Interest) {
        let Some(fd) = self.side(interest).take() else { return };
        if let Some(engine) = stream.get().try_engine(stream.py()) {
            let watcher = engine.unwatch_if(fd, interest, |watcher| watcher.is_of(stream));
            drop(watcher);
        }
    }
}
