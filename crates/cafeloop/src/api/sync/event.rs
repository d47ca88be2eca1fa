//! Something that happens once, or happens again.

use std::cell::Cell;
use std::fmt;

use crate::task::Waiters;

/// A flag that tasks of one thread wait for.
///
/// Source: [`asyncio.Event`](https://docs.python.org/3/library/asyncio-sync.html#asyncio.Event).
///
/// # Examples
///
/// ```
/// use cafeloop::{Event, create_task};
/// use std::rc::Rc;
///
/// cafeloop::run(async {
///     let open = Rc::new(Event::new());
///     let customer = create_task({
///         let open = open.clone();
///         async move { open.wait().await }
///     });
///     open.set();
///     customer.await
/// })??;
/// # Ok::<(), cafeloop::Error>(())
/// ```
#[derive(Default)]
pub struct Event {
    set: Cell<bool>,
    waiters: Waiters,
}

impl Event {
    /// An event that isn't set.
    pub fn new() -> Self {
        Event::default()
    }

    /// Sets it: all who wait now go on, in the order in which they came, even if
    /// it is cleared before their turn.
    pub fn set(&self) {
        self.set.set(true);
        self.waiters.wake_all();
    }

    /// Clears it: whoever comes to wait from now on waits.
    pub fn clear(&self) {
        self.set.set(false);
    }

    /// Whether it is set.
    pub fn is_set(&self) -> bool {
        self.set.get()
    }

    /// Waits until it is set; not at all if it is.
    ///
    /// Dropping the future gives up the wait.
    pub async fn wait(&self) {
        if !self.is_set() {
            self.waiters.wait().await;
        }
    }
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Event").field("set", &self.is_set()).finish_non_exhaustive()
    }
}
