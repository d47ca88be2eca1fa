//! What the tests share: a loop that goes by a virtual clock, and a log.

#![allow(dead_code, reason = "each test binary uses its own part")]

use std::cell::{Cell, RefCell};
use std::fmt::Display;
use std::rc::Rc;
use std::time::Duration;

use cafeloop::{Clock, Runner};

/// Runs `main` by a virtual clock.
pub(crate) fn run<F: Future + 'static>(main: F) -> F::Output {
    Runner::new().clock(Clock::virtual_time()).run(main).expect("a loop can be opened")
}

pub(crate) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What happened, in order.  Clones are the same log.
#[derive(Clone, Default)]
pub(crate) struct Log {
    entries: Rc<RefCell<Vec<String>>>,
}

impl Log {
    pub(crate) fn note(&self, entry: impl Display) {
        self.entries.borrow_mut().push(entry.to_string());
    }

    /// The entries so far, which are then forgotten.
    pub(crate) fn take(&self) -> Vec<String> {
        self.entries.take()
    }

    /// Notes `entry` when the result is dropped.
    pub(crate) fn note_drop(&self, entry: impl Display) -> NoteDrop {
        NoteDrop { log: self.clone(), entry: entry.to_string() }
    }
}

pub(crate) struct NoteDrop {
    log: Log,
    entry: String,
}

impl Drop for NoteDrop {
    fn drop(&mut self) {
        self.log.note(&self.entry);
    }
}

/// A future that is never ready and that nothing wakes.
pub(crate) async fn forever() {
    std::future::pending::<()>().await;
}

/// A flag that clones share.
#[derive(Clone, Default)]
pub(crate) struct Flag {
    raised: Rc<Cell<bool>>,
}

impl Flag {
    pub(crate) fn raise(&self) {
        self.raised.set(true);
    }

    pub(crate) fn is_raised(&self) -> bool {
        self.raised.get()
    }
}
