//! One task at a time.

use std::fmt;

use crate::task::{Held, Permits};

/// Lets one of a thread's tasks in at a time, across its `.await`s.
///
/// Between two `.await`s a task is alone anyway, since all run on one thread; a
/// lock is for what must not be interleaved with others' turns.  It guards no
/// data of its own: put a `RefCell` beside it.  A lock that comes free goes to
/// the task that has waited longest.
///
/// Source: [`asyncio.Lock`](https://docs.python.org/3/library/asyncio-sync.html#asyncio.Lock).
///
/// # Examples
///
/// ```
/// use cafeloop::{Lock, gather, yield_now};
/// use std::{cell::Cell, rc::Rc};
///
/// cafeloop::run(async {
///     let till = Rc::new((Lock::new(), Cell::new(0)));
///     let customers = [3, 4].map(|price| {
///         let till = till.clone();
///         async move {
///             let _guard = till.0.acquire().await;
///             let before = till.1.get();
///             yield_now().await; // without the lock, one payment would be lost
///             till.1.set(before + price);
///         }
///     });
///     gather(customers).await?;
///     assert_eq!(till.1.get(), 7);
///     Ok::<(), cafeloop::Error>(())
/// })??;
/// # Ok::<(), cafeloop::Error>(())
/// ```
pub struct Lock {
    permits: Permits,
}

impl Lock {
    /// A lock that is free.
    pub fn new() -> Self {
        Lock { permits: Permits::new(1) }
    }

    /// Takes the lock, when it is one's turn; it comes free when the guard is
    /// dropped.
    ///
    /// Dropping the future gives up the place in the queue.
    pub async fn acquire(&self) -> LockGuard<'_> {
        LockGuard { _held: self.permits.acquire().await }
    }

    /// Takes the lock, if it is free.
    pub fn try_acquire(&self) -> Option<LockGuard<'_>> {
        self.permits.try_acquire().map(|held| LockGuard { _held: held })
    }

    /// Whether somebody has the lock.
    pub fn locked(&self) -> bool {
        self.permits.free() == 0
    }
}

impl Default for Lock {
    fn default() -> Self {
        Lock::new()
    }
}

impl fmt::Debug for Lock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lock").field("locked", &self.locked()).finish_non_exhaustive()
    }
}

/// A [`Lock`] that was taken; it comes free when this is dropped.
#[must_use = "the lock comes free when this is dropped"]
pub struct LockGuard<'a> {
    _held: Held<'a>,
}

impl fmt::Debug for LockGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LockGuard").finish_non_exhaustive()
    }
}
