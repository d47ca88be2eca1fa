//! Freed objects that wait for their next life.
//!
//! What comes and goes with each callback costs more to allocate than to use.  And
//! CPython counts allocations to tell when to look for garbage, which those aren't.

use std::cell::Cell;
use std::ptr;

use pyo3::ffi;

/// Objects that a class keeps: as many as a busy loop has in a turn or two, and half a
/// MiB of the largest.
const KEPT: usize = 1024;

/// A list of freed objects of one class, linked through the word behind their head.
pub(super) struct Freed {
    first: Cell<*mut ffi::PyObject>,
    count: Cell<usize>,
}

impl Freed {
    pub(super) const fn none() -> Self {
        Freed { first: Cell::new(ptr::null_mut()), count: Cell::new(0) }
    }

    /// Forgets them, who are of a class that isn't used any more.
    pub(super) fn forget(&self) {
        self.first.set(ptr::null_mut());
        self.count.set(0);
    }

    #[inline]
    pub(super) fn take(&self) -> Option<*mut ffi::PyObject> {
        let object = self.first.get();
        if object.is_null() {
            return None;
        }
        // SAFETY: `put` has left the next one's address there.
        self.first.set(unsafe { link(object).read() });
        self.count.set(self.count.get() - 1);
        Some(object)
    }

    /// False if there are enough.
    ///
    /// # Safety
    ///
    /// `object` must be an object of the list's class that nobody uses any more, whose
    /// part behind the head, of at least a word, holds nothing.
    #[inline]
    pub(super) unsafe fn put(&self, object: *mut ffi::PyObject) -> bool {
        if self.count.get() >= KEPT {
            return false;
        }
        // SAFETY: the caller's promise.
        unsafe { link(object).write(self.first.get()) };
        self.first.set(object);
        self.count.set(self.count.get() + 1);
        true
    }
}

/// Where a freed object has the address of the next.
fn link(object: *mut ffi::PyObject) -> *mut *mut ffi::PyObject {
    object.cast::<u8>().wrapping_add(size_of::<ffi::PyObject>()).cast()
}
