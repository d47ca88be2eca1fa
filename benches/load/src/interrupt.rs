//! Ctrl-C as a descriptor: the run ends between two requests, and is reported.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use signal_hook::consts::SIGINT;
use signal_hook::low_level::pipe;

/// Readable when the program was asked to end.
pub(crate) struct Interrupt(UnixStream);

impl Interrupt {
    /// From here on SIGINT doesn't end the process by itself.
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = UnixStream::pair()?;
        pipe::register(SIGINT, writer)?;
        Ok(Interrupt(reader))
    }
}

impl AsFd for Interrupt {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}
