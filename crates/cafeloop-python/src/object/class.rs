//! Classes made from C structs: what PyO3 can't derive from `_asyncio`'s.
//!
//! An instance is the base's struct, as large as that is in this interpreter, with our
//! own part behind it or within (`layout.rs`).  This file makes such classes, finds an object's
//! own part, and turns the calls of CPython into calls of safe functions, which
//! take `&Bound<T>` and return `PyResult`.  An error becomes a Python exception,
//! and so does a panic.

use std::ffi::{CStr, c_int, c_uint, c_ulong, c_void};
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;

use pyo3::panic::PanicException;
use pyo3::prelude::*;
use pyo3::types::PyType;
use pyo3::{ffi, intern};

use super::freed::Freed;
use super::layout;
#[cfg(Py_3_14)]
use super::published;
use super::reference::{Slot, Strong};
use crate::ffi::has_dictionary;
use crate::gil::Gil;

/// What instances of a class of ours have, beside what they have of their base's.
///
/// # Safety
///
/// A `Bound<Self>` exists only for objects whose own part, of type `Own` and
/// written by [`Class::allocate`], is `offset()` bytes behind their address.
pub(super) unsafe trait Laid: Sized {
    type Own;

    /// Bytes from an object's address to its own part.
    fn offset() -> usize;
}

/// An object's own part.
#[inline]
pub(super) fn own<'a, T: Laid>(object: &'a Bound<'_, T>) -> &'a T::Own {
    // SAFETY: `Laid` promises that the own part is there; it lives as long as the
    // object, and is changed through cells only.
    unsafe { &*own_ptr::<T>(object.as_ptr()) }
}

#[inline]
pub(super) fn own_ptr<T: Laid>(object: *mut ffi::PyObject) -> *mut T::Own {
    // In bounds: `offset()` is less than the size of the object.
    object.cast::<u8>().wrapping_add(T::offset()).cast()
}

/// Shows an object's references to CPython's garbage collector.
pub(super) struct Visitor {
    visit: ffi::visitproc,
    argument: *mut c_void,
    answer: c_int,
}

impl Visitor {
    pub(super) fn new(visit: ffi::visitproc, argument: *mut c_void) -> Self {
        Visitor { visit, argument, answer: 0 }
    }

    /// What the visiting came to, for CPython.
    pub(super) fn answer(&self) -> c_int {
        self.answer
    }

    pub(super) fn slot<T>(&mut self, slot: &Slot<T>) {
        self.see(slot.as_ptr());
    }

    pub(super) fn strong<T>(&mut self, held: &Strong<T>) {
        self.see(held.as_ptr());
    }

    pub(super) fn see(&mut self, object: *mut ffi::PyObject) {
        if self.answer == 0 && !object.is_null() {
            // SAFETY: called during `tp_traverse`, with what that was given.
            self.answer = unsafe { (self.visit)(object, self.argument) };
        }
    }
}

/// What a class does that isn't a method.
pub(super) trait Behaviour: Laid {
    /// The class's name in Python, with its module.
    const NAME: &'static CStr;

    /// Whether instances are tasks to the interpreter, with the published fields of those.
    #[cfg(Py_3_14)]
    const IS_TASK: bool = false;

    /// The own part of a new object.
    fn new() -> Self::Own;

    /// Where freed objects of just this class wait for their next life.
    fn freed() -> &'static Gil<Freed>;

    /// Shows what the own part refers to.
    fn traverse(own: &Self::Own, visitor: &mut Visitor);

    /// Lets go of what may be part of a cycle.
    fn clear(own: &Self::Own);

    /// Whether [`finalize`](Behaviour::finalize) has something to say.
    fn wants_finalizer(own: &Self::Own) -> bool;

    /// What is reported when the object is about to go.  It must not fail.
    fn finalize(object: &Bound<'_, Self>);
}

/// A class of ours, once it is made.
pub(super) struct Class<T> {
    class: Py<PyType>,
    instances: PhantomData<fn() -> T>,
}

impl<T: Behaviour> Class<T> {
    /// Makes the class, derived from `base`, whose instances have `base_bytes`
    /// bytes before the own part.
    pub(super) fn make(
        base: &Bound<'_, PyType>,
        methods: Vec<ffi::PyMethodDef>,
        attributes: Vec<ffi::PyGetSetDef>,
        mut slots: Vec<ffi::PyType_Slot>,
    ) -> PyResult<Self> {
        let py = base.py();
        slots.extend([
            slot(ffi::Py_tp_new, new_object::<T> as *mut c_void),
            slot(ffi::Py_tp_alloc, make_room::<T> as *mut c_void),
            slot(ffi::Py_tp_free, keep_or_free::<T> as *mut c_void),
            slot(ffi::Py_tp_dealloc, deallocate::<T> as *mut c_void),
            slot(ffi::Py_tp_traverse, traverse::<T> as *mut c_void),
            slot(ffi::Py_tp_clear, clear::<T> as *mut c_void),
            slot(ffi::Py_tp_finalize, finalize::<T> as *mut c_void),
            slot(ffi::Py_tp_methods, table(methods, |end| end.ml_name.is_null()).cast()),
            slot(ffi::Py_tp_getset, table(attributes, |end| end.name.is_null()).cast()),
            slot(0, ptr::null_mut()),
        ]);
        // A word more than the base's at least: so CPython never takes a class that is derived
        // from ours and from another of the base's for one of the latter only.
        let base_bytes: usize = base.getattr(intern!(py, "__basicsize__"))?.extract()?;
        let least = base_bytes + size_of::<usize>();
        let size = least.max(T::offset() + size_of::<T::Own>());
        let mut spec = ffi::PyType_Spec {
            name: T::NAME.as_ptr(),
            basicsize: c_int::try_from(size).expect("an object has less than 2 GiB"),
            itemsize: 0,
            #[allow(clippy::cast_possible_truncation, reason = "the field has 32 bits")]
            flags: FLAGS as c_uint,
            slots: slots.as_mut_ptr(),
        };
        // SAFETY: the spec is complete, its slots end with a zero, and the tables
        // that they name live for ever.
        let class = unsafe {
            let class = ffi::PyType_FromSpecWithBases(&raw mut spec, base.as_ptr());
            Bound::from_owned_ptr_or_err(py, class)?
        };
        #[cfg(Py_3_14)]
        if layout::is_within() {
            have_no_inline_values(class.as_ptr().cast());
        }
        Ok(Class { class: class.cast_into::<PyType>()?.unbind(), instances: PhantomData })
    }

    /// The class itself.
    pub(super) fn class<'py>(&self, py: Python<'py>) -> &Bound<'py, PyType> {
        self.class.bind(py)
    }

    /// A new object, without its `__init__`.
    #[inline]
    pub(super) fn create<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, T>> {
        // SAFETY: the class is one of ours, and `allocate` writes the own part.
        unsafe {
            let object = allocate::<T>(self.class.as_ptr().cast());
            Ok(Bound::from_owned_ptr_or_err(py, object)?.cast_into_unchecked())
        }
    }

    /// The class as CPython has it.
    pub(super) fn as_type_ptr(&self) -> *mut ffi::PyTypeObject {
        self.class.as_ptr().cast()
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

pub(super) const FLAGS: c_ulong =
    ffi::Py_TPFLAGS_DEFAULT | ffi::Py_TPFLAGS_HAVE_GC | ffi::Py_TPFLAGS_BASETYPE;

/// Has CPython make no room for attributes in instances of a class that has none yet, but a
/// dictionary when one is set.
///
/// So nothing of an instance's life is outside of its struct but two references, to its
/// dictionary and to who refers to it weakly, which are NULL once both are cleared.
#[cfg(Py_3_14)]
fn have_no_inline_values(class: *mut ffi::PyTypeObject) {
    /// `Py_TPFLAGS_INLINE_VALUES` of CPython's Include/object.h, since 3.13.
    const INLINE_VALUES: c_ulong = 1 << 2;
    // SAFETY: the class was made just now; CPython looks at the flag where it makes an
    // instance, or looks for its attributes.
    unsafe { (*class).tp_flags &= !INLINE_VALUES };
}

pub(super) fn slot(slot: c_int, function: *mut c_void) -> ffi::PyType_Slot {
    ffi::PyType_Slot { slot, pfunc: function }
}

/// A table as C has it: ended by zeros, and there for ever, as its class is.
pub(super) fn table<E>(mut entries: Vec<E>, is_end: fn(&E) -> bool) -> *mut E {
    // SAFETY: both tables consist of pointers and integers, for which zero is valid.
    entries.push(unsafe { std::mem::zeroed() });
    debug_assert_eq!(entries.iter().position(is_end), Some(entries.len() - 1));
    Box::leak(entries.into_boxed_slice()).as_mut_ptr()
}

// --- what CPython calls

/// # Safety
///
/// `class` must be a class of `T`'s, or one derived from it, and the GIL held.
#[inline]
unsafe fn allocate<T: Behaviour>(class: *mut ffi::PyTypeObject) -> *mut ffi::PyObject {
    // SAFETY: the caller's promise; every class has `tp_alloc`, which makes room
    // for `tp_basicsize` bytes, the own part included.
    unsafe {
        let allocate = (*class).tp_alloc.expect("a class that is ready can allocate");
        let object = allocate(class, 0);
        if !object.is_null() {
            own_ptr::<T>(object).write(T::new());
        }
        object
    }
}

/// Room for an object, zeroed and known to the garbage collector, as CPython's own
/// `PyType_GenericAlloc` makes it.
unsafe extern "C" fn make_room<T: Behaviour>(
    class: *mut ffi::PyTypeObject,
    items: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    // SAFETY: CPython and `allocate` call the `tp_alloc` of just this class, since
    // classes derived in Python have their own; what was freed is of this class too.
    unsafe {
        let py = Python::assume_attached();
        let Some(freed) = T::freed().get(py).take() else {
            return ffi::PyType_GenericAlloc(class, items);
        };
        let head = size_of::<ffi::PyObject>();
        let bytes = T::offset() + size_of::<T::Own>() - head;
        freed.cast::<u8>().add(head).write_bytes(0, bytes);
        let object = ffi::PyObject_Init(freed, class);
        ffi::PyObject_GC_Track(object.cast());
        object
    }
}

/// What is done at last with an object of just this class, which holds nothing any more.
unsafe extern "C" fn keep_or_free<T: Behaviour>(object: *mut c_void) {
    // SAFETY: CPython calls the `tp_free` of just this class, as above.
    unsafe {
        let py = Python::assume_attached();
        let freed: *mut ffi::PyObject = object.cast();
        if !can_live_again(freed) || !T::freed().get(py).put(freed) {
            ffi::PyObject_GC_Del(object);
        }
    }
}

/// Whether nothing is left of an object's life outside of its struct.
///
/// # Safety
///
/// `object` must be one of the garbage collector's that it isn't told of any more.
unsafe fn can_live_again(object: *mut ffi::PyObject) -> bool {
    // SAFETY: the caller's promise.  Before each such object stands what the collector
    // keeps of it, two words, of which the second tells whether it was finalized.
    unsafe {
        if ffi::PyObject_GC_IsFinalized(object) != 0 {
            object.cast::<usize>().sub(1).write(0);
        }
        ffi::PyObject_GC_IsFinalized(object) == 0
            && (layout::is_within() || !has_dictionary(object))
    }
}

unsafe extern "C" fn new_object<T: Behaviour>(
    class: *mut ffi::PyTypeObject,
    _args: *mut ffi::PyObject,
    _kwargs: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls `tp_new` for this class or a derived one.
    unsafe { allocate::<T>(class) }
}

/// The base's struct, whose slots ours call on.
unsafe fn base_of<T: Behaviour>(object: *mut ffi::PyObject) -> *mut ffi::PyTypeObject {
    // SAFETY: the object's class is ours or derived from it, so going up meets the
    // class that has our `tp_dealloc`, and above it one that hasn't.
    unsafe {
        let ours: ffi::destructor = deallocate::<T>;
        let mut class = ffi::Py_TYPE(object);
        while (*class).tp_dealloc.is_none_or(|theirs| !ptr::fn_addr_eq(theirs, ours)) {
            class = (*class).tp_base;
        }
        while (*class).tp_dealloc.is_some_and(|theirs| ptr::fn_addr_eq(theirs, ours)) {
            class = (*class).tp_base;
        }
        class
    }
}

unsafe extern "C" fn deallocate<T: Behaviour>(object: *mut ffi::PyObject) {
    // SAFETY: CPython calls this once for an object of ours that nobody refers to.
    // The own part is dropped in place and left as one that refers to nothing,
    // because the base, which frees the object, calls our finalizer once more.
    unsafe {
        let own = own_ptr::<T>(object);
        if T::wants_finalizer(&*own) && ffi::PyObject_CallFinalizerFromDealloc(object) < 0 {
            return;
        }
        ffi::PyObject_GC_UnTrack(object.cast());
        #[cfg(Py_3_14)]
        if layout::is_within() {
            return deallocate_all::<T>(object);
        }
        ptr::drop_in_place(own);
        own.write(T::new());
        let (class, base) = (ffi::Py_TYPE(object), base_of::<T>(object));
        let free = (*base).tp_dealloc.expect("the base can be deallocated");
        free(object);
        // An instance holds its class.  A base that is a static type, as `_asyncio`'s
        // are before 3.12, doesn't know that, and leaves it to us to let go of it.
        if (*base).tp_flags & ffi::Py_TPFLAGS_HEAPTYPE == 0 {
            ffi::Py_DECREF(class.cast());
        }
    }
}

/// Does what the base would too, but for the fields that our own part stands in the place of.
///
/// # Safety
///
/// As for `deallocate`, for an object that the garbage collector isn't told of any more.
#[cfg(Py_3_14)]
unsafe fn deallocate_all<T: Behaviour>(object: *mut ffi::PyObject) {
    // SAFETY: the caller's promise; nobody refers to the object, so that what is run by
    // letting go of others can't reach it.
    unsafe {
        let class = ffi::Py_TYPE(object);
        ffi::PyObject_ClearWeakRefs(object);
        ptr::drop_in_place(own_ptr::<T>(object));
        let py = Python::assume_attached();
        published::clear(&Borrowed::from_ptr(py, object), T::IS_TASK);
        PyObject_ClearManagedDict(object);
        let free = (*class).tp_free.expect("a class that is ready can free");
        free(object.cast());
        ffi::Py_DECREF(class.cast());
    }
}

// SAFETY: declared as in CPython's Include/cpython/object.h; PyO3 has no declarations.
#[cfg(Py_3_14)]
unsafe extern "C" {
    fn PyObject_VisitManagedDict(
        object: *mut ffi::PyObject,
        visit: ffi::visitproc,
        argument: *mut c_void,
    ) -> c_int;

    fn PyObject_ClearManagedDict(object: *mut ffi::PyObject);
}

unsafe extern "C" fn traverse<T: Behaviour>(
    object: *mut ffi::PyObject,
    visit: ffi::visitproc,
    argument: *mut c_void,
) -> c_int {
    // SAFETY: CPython calls this for an object of ours, with the GIL held; what is
    // called here looks at references only.
    unsafe {
        #[cfg(Py_3_14)]
        if layout::is_within() {
            let mut visitor = Visitor::new(visit, argument);
            visitor.see(ffi::Py_TYPE(object).cast());
            let py = Python::assume_attached();
            published::traverse(&Borrowed::from_ptr(py, object), T::IS_TASK, &mut visitor);
            T::traverse(&*own_ptr::<T>(object), &mut visitor);
            return match visitor.answer {
                0 => PyObject_VisitManagedDict(object, visit, argument),
                answer => answer,
            };
        }
        if let Some(base) = (*base_of::<T>(object)).tp_traverse {
            let answer = base(object, visit, argument);
            if answer != 0 {
                return answer;
            }
        }
        let mut visitor = Visitor::new(visit, argument);
        T::traverse(&*own_ptr::<T>(object), &mut visitor);
        visitor.answer
    }
}

unsafe extern "C" fn clear<T: Behaviour>(object: *mut ffi::PyObject) -> c_int {
    // SAFETY: as above; the collector holds a reference meanwhile.
    unsafe {
        #[cfg(Py_3_14)]
        if layout::is_within() {
            let py = Python::assume_attached();
            published::clear(&Borrowed::from_ptr(py, object), T::IS_TASK);
            PyObject_ClearManagedDict(object);
            T::clear(&*own_ptr::<T>(object));
            return 0;
        }
        if let Some(base) = (*base_of::<T>(object)).tp_clear {
            base(object);
        }
        T::clear(&*own_ptr::<T>(object));
    }
    0
}

/// The slot behind `__del__`.
pub(super) fn finalizer<T: Behaviour>() -> *mut c_void {
    finalize::<T> as *mut c_void
}

unsafe extern "C" fn finalize<T: Behaviour>(object: *mut ffi::PyObject) {
    // SAFETY: CPython calls this for an object of ours, with the GIL held.
    unsafe {
        if !T::wants_finalizer(&*own_ptr::<T>(object)) {
            return;
        }
        enter((), |py| {
            // Whatever is being raised goes on when this has been said.
            let raised = PyErr::take(py);
            T::finalize(&receiver(py, object));
            if let Some(raised) = raised {
                raised.restore(py);
            }
            Ok(())
        });
    }
}

/// Calls `body`; what it raises, or panics with, is the Python exception that is
/// set when `failed` is returned.
pub(super) fn enter<R>(failed: R, body: impl FnOnce(Python<'_>) -> PyResult<R>) -> R {
    let mut body = Some(body);
    let mut call = |py: Python<'_>| body.take().and_then(|body| caught(py, body));
    let answer = Python::try_attach(&mut call).unwrap_or_else(|| {
        // PyO3 attaches to no interpreter that is at its very end, where finalizers are
        // called, and through them anything.
        // SAFETY: CPython calls what is here, and holds the GIL.
        call(unsafe { Python::assume_attached() })
    });
    answer.unwrap_or(failed)
}

/// The same for what runs with each `await`: it doesn't tell PyO3 that the GIL is
/// held.  A [`Py`] that `body` drops may live until PyO3 next learns of it.
///
/// # Safety
///
/// The GIL must be held.
#[inline]
pub(super) unsafe fn enter_quickly<R>(
    failed: R,
    body: impl FnOnce(Python<'_>) -> PyResult<R>,
) -> R {
    // SAFETY: the caller's promise.
    let py = unsafe { Python::assume_attached() };
    caught(py, body).unwrap_or(failed)
}

#[inline]
fn caught<R>(py: Python<'_>, body: impl FnOnce(Python<'_>) -> PyResult<R>) -> Option<R> {
    let error = match catch_unwind(AssertUnwindSafe(|| body(py))) {
        Ok(Ok(answer)) => return Some(answer),
        Ok(Err(error)) => error,
        Err(panic) => PanicException::new_err((panic_text(&*panic),)),
    };
    error.restore(py);
    None
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(ToString::to_string)).unwrap_or_default()
}

/// The object that CPython calls a method or a slot of.
///
/// # Safety
///
/// `object` must be an instance of `T`'s class or of one derived from it.
#[inline]
pub(super) unsafe fn receiver<T>(py: Python<'_>, object: *mut ffi::PyObject) -> Bound<'_, T> {
    // SAFETY: the caller's promise.
    unsafe { Bound::from_borrowed_ptr(py, object).cast_into_unchecked() }
}
