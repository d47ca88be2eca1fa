//! A number of permits.

use std::fmt;

use crate::task::{Held, Permits};

/// Lets at most a number of a thread's tasks in at once.
///
/// A permit that comes back goes to the task that has waited longest; nobody
/// else can have it in between.
///
/// Source: [`asyncio.Semaphore`](https://docs.python.org/3/library/asyncio-sync.html#asyncio.Semaphore).
/// As permits come back by being dropped, it is also `BoundedSemaphore`.
///
/// # Examples
///
/// Four coffees, two machines:
///
/// ```
/// use cafeloop::{Clock, Runner, Semaphore, gather, now, sleep};
/// use std::{rc::Rc, time::Duration};
///
/// Runner::new().clock(Clock::virtual_time()).run(async {
///     let machines = Rc::new(Semaphore::new(2));
///     let coffees = (0..4).map(|_| {
///         let machines = machines.clone();
///         async move {
///             let _machine = machines.acquire().await;
///             sleep(Duration::from_secs(5)).await;
///         }
///     });
///     gather(coffees).await?;
///     assert_eq!(now(), Duration::from_secs(10));
///     Ok::<(), cafeloop::Error>(())
/// })??;
/// # Ok::<(), cafeloop::Error>(())
/// ```
pub struct Semaphore {
    permits: Permits,
}

impl Semaphore {
    /// A semaphore with this many permits.
    pub fn new(permits: usize) -> Self {
        Semaphore { permits: Permits::new(permits) }
    }

    /// A permit, when it is one's turn; it goes back when it is dropped.
    ///
    /// Dropping the future gives up the place in the queue.
    pub async fn acquire(&self) -> Permit<'_> {
        Permit { _held: self.permits.acquire().await }
    }

    /// A permit, if one can be had without waiting.
    pub fn try_acquire(&self) -> Option<Permit<'_>> {
        self.permits.try_acquire().map(|held| Permit { _held: held })
    }

    /// Whether a permit can only be had by waiting.
    pub fn locked(&self) -> bool {
        self.permits.free() == 0
    }
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Semaphore").field("free", &self.permits.free()).finish_non_exhaustive()
    }
}

/// One of a [`Semaphore`]'s permits, which goes back when this is dropped.
#[must_use = "the permit goes back when this is dropped"]
pub struct Permit<'a> {
    _held: Held<'a>,
}

impl fmt::Debug for Permit<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}
