#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

/// As a fuzzer sees it, with which the tests of `io` share what drives its machines.
#[cfg(test)]
extern crate self as cafeloop;

mod api;
#[doc(hidden)]
pub mod engine;
mod error;
#[doc(hidden)]
pub mod io;
pub mod net;
#[allow(unsafe_code, reason = "the one room that talks to the kernel")]
mod sys;
mod task;

pub use api::sync;
pub use api::sync::{Event, Lock, Queue, Semaphore};
pub use api::{
    CollectAll, Gather, GroupError, IntoTask, Runner, Sleep, Task, TaskGroup, Timeout, TryGather,
    create_task, gather, now, run, sleep, task_group, timeout, to_thread, try_gather, yield_now,
};
pub use cafeloop_flow as flow;
pub use engine::{Clock, Foreign};
pub use error::Error;
pub use task::{Join, ToThread};

/// The project's front page, whose Rust is compiled with the examples here.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct FrontPage;
