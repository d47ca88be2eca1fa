//! Beans: the work that an event loop can't hide.

use std::hint;
use std::time::{Duration, Instant};

use clap::ValueEnum;

/// How beans are ground.
#[derive(Clone, Copy, Debug)]
pub struct Grind {
    /// For how long, before each coffee.
    pub time: Duration,
    /// By whom.
    pub on: GrindOn,
}

/// Where beans are ground.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum GrindOn {
    /// By the barista, who serves nobody meanwhile
    Loop,
    /// By a pool of threads, while the barista goes on; the synchronous café has none
    Threads,
}

/// Grinds beans: keeps a CPU busy for `time`.
///
/// A sleep would let the CPU do something else, and the café would look as if
/// work were no worse than waiting.
pub fn grind(time: Duration) {
    let start = Instant::now();
    while start.elapsed() < time {
        hint::spin_loop();
    }
}
