//! Classes of small objects that come and go with each callback: derived from
//! nothing, and from a free list.
//!
//! Their instances are the head of any object with our own part behind it.  They have
//! room for what the garbage collector keeps about an object, but it is told of one
//! only when that is asked for: see [`track`].

use std::cell::Cell;
use std::ffi::{CStr, c_int, c_uint, c_void};
use std::marker::PhantomData;
use std::mem::ManuallyDrop;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

use super::class::{FLAGS, Laid, Visitor, own, own_ptr, slot, table};
use super::freed::Freed;
use crate::gil::Gil;

/// Bytes from the address of such an object to its own part.
pub(super) const OWN_OFFSET: usize = size_of::<ffi::PyObject>();

/// What such a class does that isn't a method.
///
/// # Safety
///
/// `offset()` of [`Laid`] is [`OWN_OFFSET`], and `freed` is the class's own.
pub(super) unsafe trait Pooled: Laid {
    /// Whether the collector has been told of the object, by [`track`].  Before, it holds
    /// nothing that may refer back, or somebody else shows what it holds.
    fn tracked(own: &Self::Own) -> &Cell<bool>;

    /// Where freed objects wait for their next life.
    fn freed() -> &'static Gil<Freed>;

    /// Who refers to the object weakly, if that is possible.
    fn weak_references(_own: &Self::Own) -> Option<&Cell<*mut ffi::PyObject>> {
        None
    }

    /// Shows what the own part refers to.
    fn traverse(own: &Self::Own, visitor: &mut Visitor);

    /// Lets go of what may be part of a cycle.
    fn clear(own: &Self::Own);

    /// What there is to be said when the object is about to go.
    fn ends(_py: Python<'_>, _own: &Self::Own) {}
}

/// A class of pooled objects, once it is made.
pub(super) struct PooledClass<T> {
    class: Py<PyType>,
    instances: PhantomData<fn() -> T>,
}

impl<T: Pooled> PooledClass<T> {
    /// Makes the class `name`, which Python code can't call; derived, if from anything,
    /// from another such class, with whose own part `T`'s begins.
    pub(super) fn make(
        py: Python<'_>,
        name: &'static CStr,
        base: Option<&Bound<'_, PyType>>,
        methods: Vec<ffi::PyMethodDef>,
        attributes: Vec<ffi::PyGetSetDef>,
        mut members: Vec<ffi::PyMemberDef>,
        mut slots: Vec<ffi::PyType_Slot>,
    ) -> PyResult<Self> {
        const {
            assert!(align_of::<T::Own>() <= align_of::<ffi::PyObject>());
            assert!(size_of::<T::Own>() >= size_of::<*mut ffi::PyObject>());
        }
        // SAFETY: a member consists of pointers and integers, for which zero is valid.
        members.push(unsafe { std::mem::zeroed() });
        slots.extend([
            slot(ffi::Py_tp_dealloc, deallocate::<T> as *mut c_void),
            slot(ffi::Py_tp_traverse, traverse::<T> as *mut c_void),
            slot(ffi::Py_tp_clear, clear::<T> as *mut c_void),
            slot(ffi::Py_tp_methods, table(methods, |end| end.ml_name.is_null()).cast()),
            slot(ffi::Py_tp_getset, table(attributes, |end| end.name.is_null()).cast()),
            // CPython copies these into the class.
            slot(ffi::Py_tp_members, members.as_mut_ptr().cast()),
            slot(0, ptr::null_mut()),
        ]);
        let mut spec = ffi::PyType_Spec {
            name: name.as_ptr(),
            basicsize: c_int::try_from(OWN_OFFSET + size_of::<T::Own>())
                .expect("an object has less than 2 GiB"),
            itemsize: 0,
            #[allow(clippy::cast_possible_truncation, reason = "the field has 32 bits")]
            flags: (FLAGS | ffi::Py_TPFLAGS_DISALLOW_INSTANTIATION) as c_uint,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the spec is complete, its slots end with a zero, and the tables
        // that they name live for ever.
        let class = unsafe {
            let base = base.map_or(ptr::null_mut(), Bound::as_ptr);
            let class = ffi::PyType_FromSpecWithBases(&raw mut spec, base);
            Bound::from_owned_ptr_or_err(py, class)?
        };
        Ok(PooledClass { class: class.cast_into::<PyType>()?.unbind(), instances: PhantomData })
    }

    pub(super) fn as_type<'py>(&self, py: Python<'py>) -> &Bound<'py, PyType> {
        self.class.bind(py)
    }

    /// A new object with the own part that `make` gives.
    #[inline(always)]
    pub(super) fn create<'py>(
        &self,
        py: Python<'py>,
        make: impl FnOnce() -> T::Own,
    ) -> PyResult<Bound<'py, T>> {
        Ok(self.room(py)?.fill(make()))
    }

    /// Room for a new object, which can fail, whereas to fill it can't.
    #[inline(always)]
    pub(super) fn room<'py>(&self, py: Python<'py>) -> PyResult<Room<'py, T>> {
        // SAFETY: the class is one of ours, whose objects have room for an own part;
        // one that was freed is of just this class.
        let object = unsafe {
            let class = self.class.as_ptr().cast();
            match T::freed().get(py).take() {
                Some(freed) => ffi::PyObject_Init(freed, class),
                None => ffi::PyObject_GC_New(class),
            }
        };
        if object.is_null() {
            return Err(PyErr::fetch(py));
        }
        Ok(Room { object, py, instance: PhantomData })
    }

    /// `object` as an instance of just this class, and of none derived from it.
    #[inline]
    pub(super) fn cast_exact<'a, 'py, U>(
        &self,
        object: &'a Bound<'py, U>,
    ) -> Option<&'a Bound<'py, T>> {
        // SAFETY: its type is the class that `make` made.
        unsafe {
            (ffi::Py_TYPE(object.as_ptr()).cast() == self.class.as_ptr())
                .then(|| object.as_any().cast_unchecked())
        }
    }
}

/// An object of a pooled class without its own part.
pub(super) struct Room<'py, T: Pooled> {
    object: *mut ffi::PyObject,
    py: Python<'py>,
    instance: PhantomData<fn() -> T>,
}

impl<'py, T: Pooled> Room<'py, T> {
    #[inline(always)]
    pub(super) fn fill(self, own: T::Own) -> Bound<'py, T> {
        let room = ManuallyDrop::new(self);
        // SAFETY: it has room for an own part, and is whole with that; the reference
        // that came with it is handed on.
        unsafe {
            own_ptr::<T>(room.object).write(own);
            Bound::from_owned_ptr(room.py, room.object).cast_into_unchecked()
        }
    }
}

impl<T: Pooled> Drop for Room<'_, T> {
    #[cold]
    fn drop(&mut self) {
        // SAFETY: nobody else has it, and its own part holds nothing.
        unsafe { free::<T>(self.py, self.object) }
    }
}

/// Has the garbage collector see an object from now on.
#[inline]
pub(super) fn track<T: Pooled>(object: &Bound<'_, T>) {
    if !T::tracked(own(object)).replace(true) {
        // SAFETY: an object of a class with room for the collector's part, and whole.
        unsafe { ffi::PyObject_GC_Track(object.as_ptr().cast()) }
    }
}

// --- what CPython calls

unsafe extern "C" fn deallocate<T: Pooled>(object: *mut ffi::PyObject) {
    // SAFETY: CPython calls this once for an object of ours that nobody refers to,
    // with the GIL held.
    unsafe {
        let py = Python::assume_attached();
        let own = own_ptr::<T>(object);
        T::ends(py, &*own);
        if T::tracked(&*own).get() {
            ffi::PyObject_GC_UnTrack(object.cast());
        }
        if T::weak_references(&*own).is_some_and(|first| !first.get().is_null()) {
            ffi::PyObject_ClearWeakRefs(object);
        }
        ptr::drop_in_place(own);
        free::<T>(py, object);
    }
}

/// Keeps an object for its next life, or frees it.
///
/// # Safety
///
/// It must be an object of `T`'s class or of one derived from it, that nobody uses any
/// more and the collector doesn't know, and whose own part holds nothing.
#[inline(always)]
unsafe fn free<T: Pooled>(py: Python<'_>, object: *mut ffi::PyObject) {
    // SAFETY: the caller's promise.
    unsafe {
        let class = ffi::Py_TYPE(object);
        let is_exact = (*class).tp_dealloc.is_some_and(|theirs| {
            let ours: ffi::destructor = deallocate::<T>;
            ptr::fn_addr_eq(theirs, ours)
        });
        if !is_exact || !T::freed().get(py).put(object) {
            let free = (*class).tp_free.expect("a class that is ready can free");
            free(object.cast());
        }
        // An instance holds its class; a derived class's own part of this function,
        // CPython's, leaves it to us to let go of it.
        ffi::Py_DECREF(class.cast());
    }
}

unsafe extern "C" fn traverse<T: Pooled>(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: CPython calls this for an object of ours, with the GIL held; what is
    // called here looks at references only.
    unsafe {
        let mut visitor = Visitor::new(visit, argument);
        visitor.see(ffi::Py_TYPE(object).cast());
        T::traverse(&*own_ptr::<T>(object), &mut visitor);
        visitor.answer()
    }
}

unsafe extern "C" fn clear<T: Pooled>(object: *mut ffi::PyObject) -> c_int {
    // SAFETY: as above; the collector holds a reference meanwhile.
    unsafe { T::clear(&*own_ptr::<T>(object)) };
    0
}
