//! The event loop itself, generic over the language that it serves.
//!
//! This file is the border: what is named here is all that the rest of the
//! crate, and the Python crate, may use.  It is public for them and promises no
//! stability to others.
//!
//! ```text
//! host      what the engine needs from the language it serves
//! core      the state of a loop: its own thread's, no lock, no atomic
//! turn      one turn, phase by phase
//! ready     jobs to run           order     where a seed chooses it
//! timers    jobs that wait for a deadline
//! registry  descriptors watched   signals   signals watched
//! shared    what other threads may touch, and inbox, their one door
//! blocking  threads for work that blocks
//! clock     what time it is       foresight what a virtual one may jump over
//! probe     where it is said what happens
//! ```
//!
//! # A turn
//!
//! As asyncio's (`BaseEventLoop._run_once` in CPython): wait for descriptors, at
//! most until the nearest deadline and not at all if a job is ready; queue the
//! jobs of the descriptors that are ready, then those of the timers that are
//! due, in deadline order; run the jobs that are queued now.  What they queue
//! runs in the next turn.  When they have run, the host does what they put off until
//! then: asyncio has no such phase, and none of its own order is changed by it.

mod blocking;
mod clock;
mod core;
mod foresight;
mod host;
mod inbox;
mod order;
mod primitives;
mod probe;
mod ready;
mod registry;
mod shared;
mod signals;
#[cfg(all(test, not(loom)))]
mod tests;
mod timers;
mod turn;

pub use self::clock::{Clock, Foreign, thread_time_ns};
pub use self::core::{Engine, Expected, Working};
pub use self::host::Host;
pub use self::probe::Moment;
pub use self::registry::Interest;
pub use self::shared::Remote;
pub use self::timers::TimerKey;
