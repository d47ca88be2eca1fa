//! The atomics and locks of this crate, so that the model checker can put its
//! own in their place (`RUSTFLAGS="--cfg loom"`).

#[cfg(not(loom))]
pub(super) use std::sync::atomic::{AtomicBool, Ordering};
#[cfg(not(loom))]
pub(super) use std::sync::{Mutex, MutexGuard};

#[cfg(loom)]
pub(super) use loom::sync::atomic::{AtomicBool, Ordering};
#[cfg(loom)]
pub(super) use loom::sync::{Mutex, MutexGuard};
