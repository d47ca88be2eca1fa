//! What time it is for a loop: the machine's, or a time of its own.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::sys;

/// A loop's clock.  Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Real,
    /// Nanoseconds since the clock was made.
    Virtual(Rc<Cell<u64>>),
}

impl Clock {
    /// The machine's monotonic clock, which is Python's `time.monotonic()`.
    pub fn real() -> Self {
        Clock { kind: Kind::Real }
    }

    /// A clock that starts at zero and stands still while jobs run; when nothing
    /// can happen before the next deadline, it is that deadline at once.
    ///
    /// "Nothing can happen" is no runnable job, no work handed to a thread and
    /// no descriptor watched: what the outside does can't be foreseen, so with a
    /// descriptor watched the loop waits as it would by the real clock.
    pub fn virtual_time() -> Self {
        Clock { kind: Kind::Virtual(Rc::new(Cell::new(0))) }
    }

    /// Whether this is a [`virtual_time`](Clock::virtual_time) clock.
    pub fn is_virtual(&self) -> bool {
        matches!(self.kind, Kind::Virtual(_))
    }

    /// Nanoseconds since the clock's beginning; never less than before.
    pub fn now_ns(&self) -> u64 {
        match &self.kind {
            Kind::Real => sys::monotonic_ns(),
            Kind::Virtual(now_ns) => now_ns.get(),
        }
    }

    /// The deadline `delay` from now; one too far to count is never reached.
    pub fn deadline_ns(&self, delay: Duration) -> u64 {
        let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.now_ns().saturating_add(delay_ns)
    }

    /// Lets a virtual clock jump; a real one goes by itself.
    pub(super) fn advance_to(&self, deadline_ns: u64) {
        if let Kind::Virtual(now_ns) = &self.kind {
            now_ns.set(now_ns.get().max(deadline_ns));
        }
    }
}
