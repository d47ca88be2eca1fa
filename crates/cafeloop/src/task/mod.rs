//! Rust futures as tasks of a loop.
//!
//! ```text
//! host     what the engine runs for Rust and whom it tells, and the list of tasks
//! current  the loop that runs on this thread
//! cell     what a task and its handle share: its state, its outcome
//! body     what is polled: the future, and how it ends
//! join     waiting for the outcome
//! thread   waiting for work that a thread does
//! heard    what whoever listens hears of all this
//! waiters  who waits for an event, in order; permits: for one of a number
//! ```
//!
//! # Protocol
//!
//! A task is two allocations.  async-task's holds the future within its
//! [`Body`](body) and is reached through wakers, which are `Send` and the only
//! part of a task that other threads may hold.  The [`TaskCell`] is reached
//! through `Rc`s, of the body, of the loop's list and of the handle; it belongs
//! to the loop's thread.
//!
//! ```text
//! spawn ──> Live ──────────── ready, panicked or cancelled ──> Done ──> Taken
//!           waker, waiter, cancelling?                         outcome
//! ```
//!
//! 1. **Waking never polls.**  A wake-up queues the task for the next turn: on
//!    the loop's thread by a push, from others by a post.
//! 2. **Cancelling is asking.**  It sets a mark and wakes; the body, which looks
//!    at the mark before it polls, drops the future instead.  So a future is
//!    dropped at an `.await` of its own task, never under the feet of whoever
//!    cancels, not even when that is the task itself.
//! 3. **The future is gone before anybody hears of the outcome**, so whoever
//!    waited finds its locks released and its descriptors closed.
//! 4. **One waiter.**  A handle is not `Clone`, so at most one party waits: a
//!    task, or a gatherer that wants to be told by number.  It hears of the
//!    outcome once, in the turn in which the task ended.
//! 5. **No cell stays borrowed while anybody's code runs**: futures, wakers and
//!    outcomes are polled, woken and dropped outside of it.
//! 6. **A loop ends after its tasks.**  The list holds all that live; the end of
//!    a run cancels them until none is left.  After that a waker finds nothing
//!    to do, on whatever thread it is woken or dropped.

mod body;
mod cell;
mod current;
mod heard;
mod host;
mod join;
mod permits;
mod thread;
mod waiters;

pub(crate) use body::spawn;
pub(crate) use cell::{Observer, TaskCell};
pub(crate) use current::{Entered, Loop, current, try_current};
pub(crate) use heard::{BLOCK_THRESHOLD_NS, Kind, Place, WAIT_THRESHOLD_NS, waits_for};
pub(crate) use host::{Job, Listed, RustHost, Watcher};
pub use join::Join;
pub(crate) use permits::{Held, Permits};
pub use thread::ToThread;
pub(crate) use waiters::Waiters;
