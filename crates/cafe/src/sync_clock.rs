//! The synchronous café's clock: with no loop, there is no loop's clock to ask.

use std::cell::Cell;
use std::thread;
use std::time::{Duration, Instant};

/// A clock that its café waits by, since it was made.
#[derive(Debug)]
pub enum SyncClock {
    /// The computer's.
    Real(Instant),
    /// One that goes only while somebody sleeps, and then at once.
    Virtual(Cell<Duration>),
}

impl SyncClock {
    /// The computer's clock.
    pub fn real() -> Self {
        SyncClock::Real(Instant::now())
    }

    /// A clock on which a sleep takes its time, but no time passes here.
    pub fn virtual_time() -> Self {
        SyncClock::Virtual(Cell::new(Duration::ZERO))
    }

    /// The time since the clock was made.
    pub fn now(&self) -> Duration {
        match self {
            SyncClock::Real(start) => start.elapsed(),
            SyncClock::Virtual(now) => now.get(),
        }
    }

    /// Stops everything until `time` is over.
    pub fn sleep(&self, time: Duration) {
        match self {
            SyncClock::Real(_) => thread::sleep(time),
            SyncClock::Virtual(now) => now.set(now.get() + time),
        }
    }
}
