//! Strong references as objects laid out by hand hold them.
//!
//! PyO3's own [`Py`] asks at each drop whether this thread holds the GIL.  What
//! is kept in objects and jobs is dropped only where that is known, millions of
//! times a second, so it doesn't ask.

use std::cell::Cell;
use std::mem::ManuallyDrop;

use pyo3::ffi;
use pyo3::prelude::*;

/// A strong reference that is dropped only while the GIL is held.
///
/// It may stand in Python objects, whose deallocation holds the GIL, and in jobs,
/// which only such objects and the engine of a loop own.
pub(crate) struct Strong<T = PyAny>(ManuallyDrop<Py<T>>);

// SAFETY: a reference is used only against a proof that this thread holds the
// GIL, and dropped where its owner is: an object that is deallocated, or a loop
// whose engine runs or is closed; CPython does either with the GIL held.  The
// closures that run without it (`Python::detach`) are given no reference.
unsafe impl<T> Send for Strong<T> {}

impl<T> Strong<T> {
    #[inline]
    pub(crate) fn new(object: Bound<'_, T>) -> Self {
        Strong(ManuallyDrop::new(object.unbind()))
    }

    #[inline]
    pub(crate) fn bind<'py>(&self, py: Python<'py>) -> &Bound<'py, T> {
        self.0.bind(py)
    }

    #[inline]
    pub(crate) fn into_bound(mut self, py: Python<'_>) -> Bound<'_, T> {
        // SAFETY: `self` is forgotten at once, so the reference is taken once.
        let object = unsafe { ManuallyDrop::take(&mut self.0) };
        std::mem::forget(self);
        object.into_bound(py)
    }

    pub(crate) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.0.as_ptr()
    }

    /// The reference as C keeps it.
    pub(super) fn into_ptr(self) -> *mut ffi::PyObject {
        ManuallyDrop::new(self).0.as_ptr()
    }

    /// A reference that C kept, or NULL.
    ///
    /// # Safety
    ///
    /// `object` must be an owned reference to a `T`, or NULL.
    pub(super) unsafe fn from_ptr(object: *mut ffi::PyObject) -> Option<Self> {
        // SAFETY: the GIL is held where such references are handled, and the caller
        // promises the type.
        unsafe {
            let py = Python::assume_attached();
            let object = Bound::from_owned_ptr_or_opt(py, object)?;
            Some(Strong::new(object.cast_into_unchecked()))
        }
    }

    /// For PyO3's visitors, who show it to the garbage collector.
    pub(crate) fn as_py(&self) -> &Py<T> {
        &self.0
    }
}

impl<T> Drop for Strong<T> {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: the reference is ours, and the GIL is held (see the type).
        unsafe { ffi::Py_DECREF(self.0.as_ptr()) }
    }
}

/// A place in an object that holds a strong reference or nothing.
///
/// What is replaced is dropped after its place has the new value, because a drop
/// may run anybody's code, which may look here again.
pub(crate) struct Slot<T = PyAny>(Cell<Option<Strong<T>>>);

impl<T> Slot<T> {
    pub(crate) const fn empty() -> Self {
        Slot(Cell::new(None))
    }

    #[inline]
    pub(crate) fn holding(object: Bound<'_, T>) -> Self {
        Slot(Cell::new(Some(Strong::new(object))))
    }

    #[inline]
    pub(crate) fn get<'py>(&self, py: Python<'py>) -> Option<Bound<'py, T>> {
        self.peek(|held| held.map(|held| held.bind(py).clone()))
    }

    #[inline]
    pub(crate) fn set(&self, object: Bound<'_, T>) {
        let before = self.0.replace(Some(Strong::new(object)));
        drop(before);
    }

    /// The same, for the caller to drop what is replaced.
    #[inline]
    pub(super) fn replace(&self, object: Bound<'_, T>) -> Self {
        Slot(Cell::new(self.0.replace(Some(Strong::new(object)))))
    }

    /// What it holds, in a slot of the caller's.
    #[inline]
    pub(super) fn take_all(&self) -> Self {
        Slot(Cell::new(self.0.take()))
    }

    #[inline]
    pub(super) fn swap(&self, other: &Self) {
        self.0.swap(&other.0);
    }

    #[inline]
    pub(crate) fn take<'py>(&self, py: Python<'py>) -> Option<Bound<'py, T>> {
        self.0.take().map(|held| held.into_bound(py))
    }

    pub(crate) fn clear(&self) {
        let before = self.0.take();
        drop(before);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.peek(|held| held.is_none())
    }

    #[inline]
    pub(crate) fn holds<U>(&self, object: &Bound<'_, U>) -> bool {
        self.as_ptr() == object.as_ptr()
    }

    /// The object's address, or NULL.
    #[inline]
    pub(crate) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.peek(|held| held.map_or(std::ptr::null_mut(), Strong::as_ptr))
    }

    /// `look` must not run anybody's code, who may replace what is looked at.
    #[inline]
    pub(super) fn peek<R>(&self, look: impl FnOnce(Option<&Strong<T>>) -> R) -> R {
        // SAFETY: slots belong to whoever holds the GIL, and `look` neither lets go of it
        // nor comes back here to replace what it was given.
        look(unsafe { &*self.0.as_ptr() }.as_ref())
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Slot::empty()
    }
}
