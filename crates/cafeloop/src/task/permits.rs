//! A number of permits, handed out in the order in which they are asked for.
//!
//! A permit that comes back while somebody waits goes to whoever has waited
//! longest, without being free in between: so nobody can come from outside and
//! take it first, as with asyncio's `Semaphore`.  It follows that permits are
//! free only while nobody waits.

use std::cell::Cell;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::waiters::{Waiters, Waiting};

/// A number of permits.
pub(crate) struct Permits {
    free: Cell<usize>,
    waiters: Waiters,
}

impl Permits {
    pub(crate) fn new(free: usize) -> Self {
        Permits { free: Cell::new(free), waiters: Waiters::default() }
    }

    /// How many can be had at once.
    pub(crate) fn free(&self) -> usize {
        self.free.get()
    }

    /// A permit, if one is free.
    pub(crate) fn try_acquire(&self) -> Option<Held<'_>> {
        let left = self.free.get().checked_sub(1)?;
        self.free.set(left);
        Some(Held { permits: self })
    }

    /// A permit, when it is one's turn.
    pub(crate) fn acquire(&self) -> Acquire<'_> {
        Acquire { permits: self, waiting: None }
    }

    /// Gives a permit, back or in addition.
    pub(crate) fn release(&self) {
        if !self.waiters.wake_first() {
            self.free.set(self.free.get() + 1);
        }
    }

    /// Gives a permit to each who waits now.
    pub(crate) fn release_to_all(&self) {
        self.waiters.wake_all();
    }
}

/// A permit, which goes back when this is dropped.
pub(crate) struct Held<'a> {
    permits: &'a Permits,
}

impl Held<'_> {
    /// Keeps the permit for good.
    pub(crate) fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.permits.release();
    }
}

/// Waits for a permit.  Dropped between getting one and being told so, it gives
/// it to the next.
pub(crate) struct Acquire<'a> {
    permits: &'a Permits,
    /// `None` until it has to wait.
    waiting: Option<Waiting<'a>>,
}

impl<'a> Future for Acquire<'a> {
    type Output = Held<'a>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Held<'a>> {
        let permits = self.permits;
        if self.waiting.is_none()
            && let Some(held) = permits.try_acquire()
        {
            return Poll::Ready(held);
        }
        let waiting = self.waiting.get_or_insert_with(|| permits.waiters.wait());
        ready!(Pin::new(waiting).poll(context));
        Poll::Ready(Held { permits })
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if self.waiting.as_mut().is_some_and(Waiting::leave) {
            self.permits.release();
        }
    }
}
