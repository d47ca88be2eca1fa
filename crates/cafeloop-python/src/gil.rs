//! Plain data that belongs to whoever holds the GIL.
//!
//! An event loop may be made in one thread, run in another and looked at from a
//! third, but never by two at once: that is what the GIL is for.  [`Gil`] turns
//! the proof of holding it into access, so that loops and handles need neither
//! locks nor atomics.
//!
//! Its users must not keep a `RefCell` borrowed while Python code runs: another
//! thread may run then.  (That would be a panic, not a data race.)

use pyo3::PyVisit;
use pyo3::prelude::*;

use crate::ffi::Shared;

/// A value that only the thread that holds the GIL may touch.
pub(crate) struct Gil<T>(Shared<T>);

impl<T> Gil<T> {
    pub(crate) const fn new(value: T) -> Self {
        Gil(Shared::new(value))
    }

    #[inline]
    pub(crate) fn get<'a>(&'a self, py: Python<'a>) -> &'a T {
        self.0.with_gil(py)
    }

    /// For `__traverse__`, which runs with the GIL held but may not use it.
    pub(crate) fn visited<'a>(&'a self, visit: &'a PyVisit<'_>) -> &'a T {
        self.0.in_traverse(visit)
    }
}
