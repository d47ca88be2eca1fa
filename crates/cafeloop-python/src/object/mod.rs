//! The objects that a loop hands out.

mod handle;

pub(crate) use handle::{Call, Handle, TimerHandle};
