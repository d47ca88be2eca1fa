//! What a job is about to look at, on its way into the processor's cache.
//!
//! With many thousands of timers or tasks the objects of the next job are in main
//! memory, and to wait for them costs more than what is done with them.

use pyo3::prelude::*;

use super::class::{Laid, own_ptr};
use super::reference::Strong;
use super::task::Task;
use crate::ffi::prefetch;

/// Bytes that a processor fetches at once.
const LINE: usize = 64;

/// Fetches an object.
#[inline]
#[allow(private_bounds, reason = "only objects laid out here can be fetched")]
pub(crate) fn fetch<T: Laid>(object: &Strong<T>) {
    let object = object.as_ptr();
    prefetch(object);
    let own: *const u8 = own_ptr::<T>(object).cast();
    let lines = (own.addr() % LINE + size_of::<T::Own>()).div_ceil(LINE);
    for line in 0..lines {
        prefetch(own.wrapping_add(line * LINE));
    }
    // Where a task's published fields are.
    #[cfg(Py_3_14)]
    prefetch(object.cast::<u8>().wrapping_add(2 * LINE));
}

/// Fetches the coroutine of a task that was itself fetched a moment ago.
#[inline]
pub(crate) fn fetch_coroutine(task: &Strong<Task>) {
    // SAFETY: who has jobs holds the GIL.
    let py = unsafe { Python::assume_attached() };
    let coroutine: *const u8 = super::task::coroutine(task.bind(py)).as_ptr().cast();
    for line in 0..3 {
        prefetch(coroutine.wrapping_add(line * LINE));
    }
}
