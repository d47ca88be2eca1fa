//! The Rust face: asyncio's vocabulary, written against the engine's border and
//! `task/`.  A file is a noun; sockets have a room of their own, `net/`.

mod gather;
mod group;
mod run;
pub mod sync;
mod task;
mod thread;
mod time;
mod timeout;

pub use gather::{CollectAll, Gather, IntoTask, TryGather, gather, try_gather};
pub use group::{GroupError, TaskGroup, task_group};
pub use run::{Runner, run};
pub use task::{Task, create_task};
pub use thread::to_thread;
pub use time::{Sleep, now, sleep, yield_now};
pub use timeout::{Timeout, timeout};
