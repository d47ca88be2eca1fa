//! A pipe of signal numbers: a handler writes them, the loop reads them.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::pipe::{PipeFlags, pipe_with};

/// Signal numbers taken by one read.  A full read is followed by another turn's.
const NUMBERS_PER_READ: usize = 64;

/// Both ends of a pipe that never blocks; a signal is one byte, its number.
///
/// That is what Python's `signal.set_wakeup_fd` writes, and all that a handler
/// may safely do (`signal-safety(7)`).
pub(crate) struct SignalPipe {
    reader: OwnedFd,
    writer: OwnedFd,
}

impl SignalPipe {
    pub(crate) fn new() -> io::Result<Self> {
        let (reader, writer) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
        Ok(SignalPipe { reader, writer })
    }

    /// Where the handler writes.
    pub(crate) fn writer(&self) -> BorrowedFd<'_> {
        self.writer.as_fd()
    }

    /// Hands over the numbers that have come, in order.
    pub(crate) fn drain(&self, mut each: impl FnMut(i32)) {
        let mut numbers = [0u8; NUMBERS_PER_READ];
        // An empty pipe is an error of the kernel's and an answer to us.
        if let Ok(count) = rustix::io::read(&self.reader, &mut numbers) {
            for number in &numbers[..count] {
                each(i32::from(*number));
            }
        }
    }
}

impl AsRawFd for SignalPipe {
    fn as_raw_fd(&self) -> RawFd {
        self.reader.as_raw_fd()
    }
}
