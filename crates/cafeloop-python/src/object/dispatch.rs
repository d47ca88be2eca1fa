//! The C functions behind asyncio's own methods, once there are objects of ours:
//! they look whose object they are called on, and call asyncio's function or ours.
//!
//! CPython doesn't tell a function which method it is.  So there is one for each
//! place in the table of methods, in each of the conventions that asyncio's have.
//! For objects of asyncio's they cost a comparison; objects of ours find their own
//! methods, and come here only by way of asyncio's classes.

use std::ffi::{CStr, c_int, c_void};
use std::ptr;
use std::sync::OnceLock;

use pyo3::exceptions::PyAttributeError;
use pyo3::ffi;

use super::class::enter;

/// Whose objects a method of asyncio's may be called on.
#[derive(Clone, Copy)]
pub(super) struct Whose {
    /// The class that has the method.
    pub(super) asyncios: *mut ffi::PyTypeObject,
    /// The classes of ours that derive from it, or from one that does.
    pub(super) ours: [*mut ffi::PyTypeObject; 3],
}

impl Whose {
    /// Whether an instance of asyncio's class is one of ours.
    ///
    /// # Safety
    ///
    /// `object` must be an object.
    #[inline]
    unsafe fn is_ours(&self, object: *mut ffi::PyObject) -> bool {
        // SAFETY: a class is alive while it has instances, and so are its bases.
        unsafe {
            let mut class = ffi::Py_TYPE(object);
            // Ours have a larger struct than their bases, so that a class derived
            // from one of them has it on this path, whatever else it derives from.
            while class != self.asyncios && !class.is_null() {
                if self.ours.contains(&class) {
                    return true;
                }
                class = (*class).tp_base;
            }
            false
        }
    }
}

/// A method, an attribute or a slot of asyncio's, and what it is for objects of ours.
pub(super) struct Pair<T> {
    pub(super) whose: Whose,
    pub(super) theirs: T,
    pub(super) ours: T,
}

// SAFETY: it is only read, and what it refers to lives for ever: functions, texts,
// and classes that are never let go.
unsafe impl<T> Sync for Pair<T> {}
// SAFETY: as above.
unsafe impl<T> Send for Pair<T> {}

// --- methods

/// asyncio has 29 on Python 3.15.
const METHOD_PLACES: usize = 32;

static METHODS: [OnceLock<Pair<ffi::PyMethodDef>>; METHOD_PLACES] =
    [const { OnceLock::new() }; METHOD_PLACES];

/// Asyncio's entry for a method with another function, which has a place of its
/// own; or what is wrong.
pub(super) fn method(
    place: usize,
    pair: Pair<ffi::PyMethodDef>,
) -> Result<ffi::PyMethodDef, &'static str> {
    let theirs = pair.theirs;
    let functions: [ffi::PyMethodDefPointer; METHOD_PLACES] = match theirs.ml_flags {
        ffi::METH_NOARGS => in_each_place!(PyCFunction, no_args),
        ffi::METH_O => in_each_place!(PyCFunction, one_arg),
        WITH_ARGS => in_each_place!(PyCFunctionFastWithKeywords, with_args),
        WITH_CLASS => in_each_place!(PyCMethod, with_class),
        _ => return Err("is called in a way that isn't known"),
    };
    let Some((ml_meth, filled)) = functions.get(place).zip(METHODS.get(place)) else {
        return Err("is one method more than there is room for");
    };
    filled.set(pair).map_err(|_| "has a place that is another's")?;
    Ok(ffi::PyMethodDef { ml_meth: *ml_meth, ..theirs })
}

const WITH_ARGS: c_int = ffi::METH_FASTCALL | ffi::METH_KEYWORDS;
const WITH_CLASS: c_int = WITH_ARGS | ffi::METH_METHOD;

/// One function for each place.
macro_rules! in_each_place {
    ($variant:ident, $function:ident) => {
        in_each_place!($variant, $function, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
            16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31)
    };
    ($variant:ident, $function:ident, $($place:literal)*) => {
        [$(ffi::PyMethodDefPointer { $variant: $function::<$place> }),*]
    };
}
use in_each_place;

unsafe extern "C" fn no_args<const PLACE: usize>(
    object: *mut ffi::PyObject,
    unused: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let method = in_place(&METHODS[PLACE]);
    // SAFETY: CPython calls a class's methods on its instances, in the convention of
    // their entry, which is that of asyncio's function too.
    unsafe {
        if method.whose.is_ours(object) {
            return call_ours(method, object, ptr::null(), 0, ptr::null_mut());
        }
        (method.theirs.ml_meth.PyCFunction)(object, unused)
    }
}

unsafe extern "C" fn one_arg<const PLACE: usize>(
    object: *mut ffi::PyObject,
    argument: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let method = in_place(&METHODS[PLACE]);
    // SAFETY: as above.
    unsafe {
        if method.whose.is_ours(object) {
            return call_ours(method, object, &raw const argument, 1, ptr::null_mut());
        }
        (method.theirs.ml_meth.PyCFunction)(object, argument)
    }
}

unsafe extern "C" fn with_args<const PLACE: usize>(
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let method = in_place(&METHODS[PLACE]);
    // SAFETY: as above.
    unsafe {
        if method.whose.is_ours(object) {
            return call_ours(method, object, args, count, names);
        }
        (method.theirs.ml_meth.PyCFunctionFastWithKeywords)(object, args, count, names)
    }
}

unsafe extern "C" fn with_class<const PLACE: usize>(
    object: *mut ffi::PyObject,
    class: *mut ffi::PyTypeObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let method = in_place(&METHODS[PLACE]);
    // SAFETY: as above.
    unsafe {
        if method.whose.is_ours(object) {
            return call_ours(method, object, args, count, names);
        }
        (method.theirs.ml_meth.PyCMethod)(object, class, args, count, names)
    }
}

#[inline]
fn in_place<T>(place: &'static OnceLock<Pair<T>>) -> &'static Pair<T> {
    place.get().expect("a place is filled before its function is given away")
}

/// Calls our method, whose convention may be another: CPython sees to that.
///
/// # Safety
///
/// `object` must be one of ours, and the others the arguments of a call.
#[cold]
unsafe fn call_ours(
    method: &'static Pair<ffi::PyMethodDef>,
    object: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: the entry lives for ever and CPython only reads it; the rest is the
    // caller's promise.
    unsafe {
        let ours = (&raw const method.ours).cast_mut();
        let function = ffi::PyCFunction_NewEx(ours, object, ptr::null_mut());
        if function.is_null() {
            return function;
        }
        let answer = ffi::PyObject_Vectorcall(function, args, count.cast_unsigned(), names);
        ffi::Py_DECREF(function);
        answer
    }
}

// --- attributes, whose functions are told which attribute it is

/// Asyncio's entry for an attribute with other functions.
pub(super) fn attribute(pair: Pair<ffi::PyGetSetDef>) -> ffi::PyGetSetDef {
    let theirs = pair.theirs;
    ffi::PyGetSetDef {
        get: Some(get),
        set: theirs.set.map(|_| set as ffi::setter),
        closure: ptr::from_mut(Box::leak(Box::new(pair))).cast(),
        ..theirs
    }
}

/// The entry for an object, by the closure that `attribute` gave to the other.
///
/// # Safety
///
/// `object` must be an object, and `closure` that.
unsafe fn attribute_of(object: *mut ffi::PyObject, closure: *mut c_void) -> ffi::PyGetSetDef {
    // SAFETY: the caller's promise.
    unsafe {
        let pair = &*closure.cast::<Pair<ffi::PyGetSetDef>>();
        if pair.whose.is_ours(object) { pair.ours } else { pair.theirs }
    }
}

unsafe extern "C" fn get(object: *mut ffi::PyObject, closure: *mut c_void) -> *mut ffi::PyObject {
    // SAFETY: CPython gets the attributes of a class of its instances, by the
    // functions and the closure of their entry.
    unsafe {
        let attribute = attribute_of(object, closure);
        match attribute.get {
            Some(get) => get(object, attribute.closure),
            None => enter(ptr::null_mut(), |_| {
                Err(PyAttributeError::new_err("attribute is not readable"))
            }),
        }
    }
}

unsafe extern "C" fn set(
    object: *mut ffi::PyObject,
    value: *mut ffi::PyObject,
    closure: *mut c_void,
) -> c_int {
    // SAFETY: as above.
    unsafe {
        let attribute = attribute_of(object, closure);
        match attribute.set {
            Some(set) => set(object, value, attribute.closure),
            None => enter(-1, |_| Err(PyAttributeError::new_err("attribute is not writable"))),
        }
    }
}

// --- slots, of which each class of asyncio's has five that special methods call

static SLOTS: [OnceLock<Pair<*mut c_void>>; 10] = [const { OnceLock::new() }; 10];

/// Another function for the slot of a special method; or what is wrong.
pub(super) fn slot(
    class: ClassOf,
    name: &CStr,
    pair: Pair<*mut c_void>,
) -> Result<*mut c_void, &'static str> {
    let functions: [(&CStr, ClassOf, *mut c_void); 10] = [
        (c"__init__", ClassOf::Futures, initialise::<0> as *mut c_void),
        (c"__del__", ClassOf::Futures, finalise::<1> as *mut c_void),
        (c"__repr__", ClassOf::Futures, unary::<2> as *mut c_void),
        (c"__iter__", ClassOf::Futures, unary::<3> as *mut c_void),
        (c"__await__", ClassOf::Futures, unary::<4> as *mut c_void),
        (c"__init__", ClassOf::Tasks, initialise::<5> as *mut c_void),
        (c"__del__", ClassOf::Tasks, finalise::<6> as *mut c_void),
        (c"__repr__", ClassOf::Tasks, unary::<7> as *mut c_void),
        (c"__iter__", ClassOf::Tasks, unary::<8> as *mut c_void),
        (c"__await__", ClassOf::Tasks, unary::<9> as *mut c_void),
    ];
    let place = functions.iter().position(|known| known.0 == name && known.1 == class);
    let place = place.ok_or("is a special method that isn't known")?;
    SLOTS[place].set(pair).map_err(|_| "has a place that is another's")?;
    Ok(functions[place].2)
}

/// A class of asyncio's, by what its instances are.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum ClassOf {
    Futures,
    Tasks,
}

/// # Safety
///
/// `object` must be an object.
#[inline]
unsafe fn slot_of<const PLACE: usize>(object: *mut ffi::PyObject) -> *mut c_void {
    let pair = in_place(&SLOTS[PLACE]);
    // SAFETY: the caller's promise.
    if unsafe { pair.whose.is_ours(object) } { pair.ours } else { pair.theirs }
}

unsafe extern "C" fn initialise<const PLACE: usize>(
    object: *mut ffi::PyObject,
    args: *mut ffi::PyObject,
    kwargs: *mut ffi::PyObject,
) -> c_int {
    // SAFETY: CPython calls a class's slots on its instances; both functions are of
    // this slot, and so of its type.
    unsafe {
        let slot: ffi::initproc = std::mem::transmute(slot_of::<PLACE>(object));
        slot(object, args, kwargs)
    }
}

unsafe extern "C" fn finalise<const PLACE: usize>(object: *mut ffi::PyObject) {
    // SAFETY: as above.
    unsafe {
        let slot: ffi::destructor = std::mem::transmute(slot_of::<PLACE>(object));
        slot(object);
    }
}

unsafe extern "C" fn unary<const PLACE: usize>(object: *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let slot: ffi::unaryfunc = std::mem::transmute(slot_of::<PLACE>(object));
        slot(object)
    }
}
