//! An eventfd: what another thread writes to end the loop's wait.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::retry_on_intr;

/// A descriptor that is readable from [`wake`](Waker::wake) until
/// [`reset`](Waker::reset).  Any thread may use it.
pub(crate) struct Waker {
    eventfd: OwnedFd,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Self> {
        let eventfd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Waker { eventfd })
    }

    /// Makes the descriptor readable.
    pub(crate) fn wake(&self) {
        // The one error that an eventfd can give is that its counter is full, and then it
        // is readable already.  Linux interrupts no write to one; whoever supervises
        // system calls may, and then the loop would sleep on.
        let _ = retry_on_intr(|| rustix::io::write(&self.eventfd, &1u64.to_ne_bytes()));
    }

    /// Makes it unreadable again.
    pub(crate) fn reset(&self) {
        // Nothing to read is what this is for.
        let _ = rustix::io::read(&self.eventfd, &mut [0u8; 8]);
    }
}

impl AsRawFd for Waker {
    fn as_raw_fd(&self) -> RawFd {
        self.eventfd.as_raw_fd()
    }
}
