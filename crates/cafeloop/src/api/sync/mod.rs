//! Tasks that wait for one another: [`Event`], [`Lock`], [`Semaphore`],
//! [`Queue`].
//!
//! They are asyncio's, first come, first served.  All methods take `&self`, so
//! that tasks share them through an `Rc` or a reference.  They are for the tasks
//! of one loop and not `Sync`: no other thread can have a reference.
//! Dropping a future that waits gives up its place; if it had been woken
//! already, the wake-up goes to the next.

mod event;
mod lock;
mod queue;
mod semaphore;

pub use event::Event;
pub use lock::{Lock, LockGuard};
pub use queue::{PutError, Queue};
pub use semaphore::{Permit, Semaphore};
