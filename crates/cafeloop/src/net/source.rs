//! A socket that is tried, and tried again when it is ready.

use std::io;
use std::os::fd::AsRawFd;
use std::pin::Pin;
use std::task::{Context, Poll};

use cafeloop_flow::Awaited;

use crate::engine::Interest;
use crate::task::{Held, Permits, Watcher, current, try_current};

/// A non-blocking socket of which each side is used by one task at a time.
///
/// The engine has room for one watcher a side.  Others wait for their turn here:
/// so two tasks may write to one socket, and what each writes stays whole.
pub(super) struct Source<S: AsRawFd> {
    socket: S,
    reading: Side,
    writing: Side,
}

struct Side {
    interest: Interest,
    turn: Permits,
    /// Belongs to whose turn it is.
    watcher: Watcher,
}

impl Side {
    fn new(interest: Interest) -> Self {
        Side { interest, turn: Permits::new(1), watcher: Watcher::default() }
    }
}

impl<S: AsRawFd> Source<S> {
    /// `socket` must not block.
    pub(super) fn new(socket: S) -> Self {
        let (reading, writing) = (Side::new(Interest::Read), Side::new(Interest::Write));
        Source { socket, reading, writing }
    }

    pub(super) fn socket(&self) -> &S {
        &self.socket
    }

    /// Waits for one's turn on a side.
    pub(super) async fn turn(&self, interest: Interest) -> Turn<'_, S> {
        let side = match interest {
            Interest::Read => &self.reading,
            Interest::Write => &self.writing,
        };
        Turn { socket: &self.socket, side, _held: side.turn.acquire().await }
    }
}

impl<S: AsRawFd> Drop for Source<S> {
    fn drop(&mut self) {
        // Nobody watches any more, but the kernel may not have been told yet; and
        // the number is about to be closed.  A loop that has ended knows nothing
        // of it.
        if let Some(its_loop) = try_current() {
            drop(its_loop.forget(self.socket.as_raw_fd()));
        }
    }
}

/// One's turn on a side of a socket.
pub(super) struct Turn<'a, S: AsRawFd> {
    socket: &'a S,
    side: &'a Side,
    _held: Held<'a>,
}

impl<S: AsRawFd> Turn<'_, S> {
    /// Makes `call`, and makes it again each time that the socket is ready, until
    /// it is done.  Dropping the future between two calls loses nothing.
    pub(super) fn attempt<R, C>(&mut self, call: C) -> Attempt<'_, S, C>
    where
        C: FnMut(&S) -> io::Result<R>,
    {
        Attempt { socket: self.socket, side: self.side, call }
    }
}

/// What [`Turn::attempt`] gives.
pub(super) struct Attempt<'a, S: AsRawFd, C> {
    socket: &'a S,
    side: &'a Side,
    call: C,
}

// Nothing in it is pinned: the call is made, never polled.
impl<S: AsRawFd, C> Unpin for Attempt<'_, S, C> {}

impl<S: AsRawFd, C, R> Future for Attempt<'_, S, C>
where
    C: FnMut(&S) -> io::Result<R>,
{
    type Output = io::Result<R>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<R>> {
        let this = &mut *self;
        loop {
            match (this.call)(this.socket) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                answer => return Poll::Ready(answer),
            }
        }
        let watcher = &this.side.watcher;
        drop(watcher.set(context.waker().clone()));
        if !watcher.is_watching() {
            let (fd, watcher) = (this.socket.as_raw_fd(), watcher.clone());
            drop(current().watch(fd, this.side.interest, watcher)?);
        }
        let its_loop = current();
        let fd = u32::try_from(this.socket.as_raw_fd()).unwrap_or(u32::MAX);
        its_loop.tell(|_| its_loop.host().heard.waits(Awaited::Descriptor(fd), None));
        Poll::Pending
    }
}

impl<S: AsRawFd, C> Drop for Attempt<'_, S, C> {
    fn drop(&mut self) {
        // It was told, as a rule, and then the engine has let go of it.
        if self.side.watcher.is_watching()
            && let Some(its_loop) = try_current()
        {
            drop(its_loop.unwatch(self.socket.as_raw_fd(), self.side.interest));
        }
        drop(self.side.watcher.take());
    }
}
