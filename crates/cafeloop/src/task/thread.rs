//! A thread's result, on its way to the task that waits for it.
//!
//! ```text
//! ToThread ── submits ──> the pool: works ── Parcel ──> Receipt, a task ──> ToThread
//! ```

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;

use crate::engine::Working;
use crate::error::Error;

use super::body::spawn;
use super::current::current;
use super::join::Join;

/// What [`to_thread`](crate::to_thread) gives.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ToThread<T> {
    state: State<T>,
}

enum State<T> {
    Idle {
        parcel: Arc<Parcel<T>>,
        work: Box<dyn FnOnce() + Send>,
    },
    /// A task receives the result: so it is told when the thread is done, and a
    /// virtual clock goes on, even if nobody happens to poll this future.
    Waiting(Join<T>),
    Over,
}

impl<T: Send + 'static> ToThread<T> {
    pub(crate) fn new(work: impl FnOnce() -> T + Send + 'static) -> Self {
        let parcel = Arc::new(Parcel::new());
        let sender = Arc::downgrade(&parcel);
        ToThread { state: State::Idle { parcel, work: Box::new(move || deliver(&sender, work)) } }
    }
}

impl<T: Send + 'static> Future for ToThread<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut receiver = match std::mem::replace(&mut self.state, State::Over) {
            State::Idle { parcel, work } => {
                let its_loop = current();
                let receipt = Receipt { parcel, _working: its_loop.submit(work)? };
                Join::new(spawn(&its_loop, receipt, |outcome| outcome?))
            }
            State::Waiting(receiver) => receiver,
            State::Over => panic!("`ToThread` was polled after it had given its result"),
        };
        let polled = Pin::new(&mut receiver).poll(context);
        if polled.is_pending() {
            self.state = State::Waiting(receiver);
        }
        polled
    }
}

impl<T> Drop for ToThread<T> {
    fn drop(&mut self) {
        if let State::Waiting(receiver) = &self.state {
            receiver.cancel();
        }
    }
}

impl<T> fmt::Debug for ToThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToThread").finish_non_exhaustive()
    }
}

/// A result on its way from a thread to the loop.
struct Parcel<T> {
    transit: Mutex<Transit<T>>,
}

enum Transit<T> {
    Underway(Waker),
    Arrived(thread::Result<T>),
    Taken,
}

impl<T> Parcel<T> {
    fn new() -> Self {
        Parcel { transit: Mutex::new(Transit::Underway(Waker::noop().clone())) }
    }

    /// Changes what is underway into `next`, and gives what it was.
    fn replace(&self, next: Transit<T>) -> Transit<T> {
        std::mem::replace(&mut *self.lock(), next)
    }

    fn lock(&self) -> MutexGuard<'_, Transit<T>> {
        // Nobody's code runs under the lock, so a poisoned one is still whole.
        self.transit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread: works, unless nobody waits any more, and sends the result.
fn deliver<T>(parcel: &Weak<Parcel<T>>, work: impl FnOnce() -> T) {
    // Work that nobody waits for may panic when it is dropped, its result too.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if parcel.strong_count() == 0 {
            return;
        }
        let result = catch_unwind(AssertUnwindSafe(work));
        let Some(parcel) = parcel.upgrade() else { return };
        if let Transit::Underway(waker) = parcel.replace(Transit::Arrived(result)) {
            // The loop's hold on the parcel should be the last.
            drop(parcel);
            waker.wake();
        }
    }));
}

/// The loop's side: waits for the parcel.
struct Receipt<T> {
    parcel: Arc<Parcel<T>>,
    /// Holds a virtual clock.
    _working: Working,
}

impl<T> Future for Receipt<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = context.waker().clone();
        let mut transit = self.parcel.lock();
        if let Transit::Underway(old) = &mut *transit {
            // Both are this task's own waker: no stranger's code.
            *old = waker;
            return Poll::Pending;
        }
        let arrived = std::mem::replace(&mut *transit, Transit::Taken);
        drop(transit);
        match arrived {
            Transit::Arrived(result) => Poll::Ready(result.map_err(Error::panicked)),
            Transit::Underway(_) | Transit::Taken => unreachable!("a parcel is taken once"),
        }
    }
}
