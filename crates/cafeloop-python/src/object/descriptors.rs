//! What `_asyncio.Future` and `_asyncio.Task` have under their methods' names, made
//! to know objects of ours.
//!
//! `asyncio.Future.set_result(future, x)` calls such a descriptor, whose C function
//! reads the struct of the base, which is empty in objects of ours.  So when our
//! classes are made, the descriptors are given functions that look first (see
//! `dispatch.rs`).  They stay the objects that they are, with their names, signatures
//! and documentation; the classes and asyncio's own C code aren't touched.
//!
//! It must never happen by halves: what isn't as it is known leaves all as it is.

use std::ffi::{CStr, CString, c_char, c_void};

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::class::finalizer;
use super::dispatch::{self, ClassOf, Pair, Whose};
use super::future::Future;
use super::task::Task;
use super::{future_face, task_face};

/// Members of asyncio's classes that know objects of ours as they are: they are
/// about the class, or read a field that we fill (`published.rs`).
const LEFT_ALONE: [&CStr; 5] =
    [c"__new__", c"__class_getitem__", c"__doc__", c"__module__", c"_asyncio_awaited_by"];

/// A descriptor and what it is to refer to; once it does, what it referred to.
pub(super) enum Change {
    Method(*mut ffi::PyMethodDescrObject, *mut ffi::PyMethodDef),
    Attribute(*mut ffi::PyGetSetDescrObject, *mut ffi::PyGetSetDef),
    Slot(*mut ffi::PyWrapperDescrObject, *mut c_void),
}

impl Change {
    /// Makes the change, or takes it back.
    pub(super) fn exchange(&mut self) {
        // SAFETY: the GIL is held.  The descriptors live as long as their classes,
        // for ever; and what they refer to then is of the type that they had, and
        // does for asyncio's objects what that did.
        unsafe {
            match self {
                Change::Method(descriptor, entry) => {
                    std::mem::swap(&mut (**descriptor).d_method, entry);
                }
                Change::Attribute(descriptor, entry) => {
                    std::mem::swap(&mut (**descriptor).d_getset, entry);
                }
                Change::Slot(descriptor, function) => {
                    std::mem::swap(&mut (**descriptor).d_wrapped, function);
                }
            }
        }
    }
}

/// All changes that have the methods of asyncio's classes know objects of the
/// classes in `ours`; or, as an error, what isn't as it is known.
pub(super) fn changes(
    future: &Bound<'_, PyType>,
    task: &Bound<'_, PyType>,
    ours: [*mut ffi::PyTypeObject; 3],
) -> PyResult<Vec<Change>> {
    let mut changes = Vec::new();
    let mut place = 0..;
    for (class, face) in [(future, Face::of_futures()), (task, Face::of_tasks())] {
        let whose = Whose { asyncios: class.as_type_ptr(), ours };
        let members = class.getattr(intern!(class.py(), "__dict__"))?;
        for member in members.call_method0(intern!(class.py(), "items"))?.try_iter()? {
            let (name, member): (Bound<'_, PyString>, Bound<'_, PyAny>) = member?.extract()?;
            let name = CString::new(name.to_str()?)?;
            if LEFT_ALONE.contains(&name.as_c_str()) {
                continue;
            }
            changes.push(change(&member, &name, &face, whose, &mut place).map_err(|what| {
                let text = format!("{name:?} of {class} {what}");
                PyRuntimeError::new_err(text)
            })?);
        }
    }
    Ok(changes)
}

/// How the descriptor under a name is to be changed, or what is wrong with it.
fn change(
    member: &Bound<'_, PyAny>,
    name: &CStr,
    face: &Face,
    whose: Whose,
    place: &mut impl Iterator<Item = usize>,
) -> Result<Change, &'static str> {
    const FOREIGN: &str = "is another's";
    const UNKNOWN: &str = "isn't known";
    let kind = member.get_type().as_type_ptr();
    // SAFETY: PyO3 declares descriptors as this version of CPython does
    // (Include/cpython/descrobject.h), and each is of the struct of its class.
    // That what it refers to has its name is looked at all the same.
    unsafe {
        let is_its = |known| {
            (*member.as_ptr().cast::<ffi::PyDescrObject>()).d_type == whose.asyncios
                && is_named(known, name)
        };
        if kind == &raw mut ffi::PyMethodDescr_Type {
            let descriptor = member.as_ptr().cast::<ffi::PyMethodDescrObject>();
            let theirs = *(*descriptor).d_method;
            if !is_its(theirs.ml_name) {
                return Err(FOREIGN);
            }
            let ours = face.method(name).ok_or(UNKNOWN)?;
            let place = place.next().unwrap_or(usize::MAX);
            let entry = dispatch::method(place, Pair { whose, theirs, ours })?;
            Ok(Change::Method(descriptor, Box::leak(Box::new(entry))))
        } else if kind == &raw mut ffi::PyGetSetDescr_Type {
            let descriptor = member.as_ptr().cast::<ffi::PyGetSetDescrObject>();
            let theirs = *(*descriptor).d_getset;
            if !is_its(theirs.name) {
                return Err(FOREIGN);
            }
            let ours = face.attribute(name).ok_or(UNKNOWN)?;
            let entry = dispatch::attribute(Pair { whose, theirs, ours });
            Ok(Change::Attribute(descriptor, Box::leak(Box::new(entry))))
        } else if kind == &raw mut ffi::PyWrapperDescr_Type {
            let descriptor = member.as_ptr().cast::<ffi::PyWrapperDescrObject>();
            let theirs = (*descriptor).d_wrapped;
            if !is_its((*(*descriptor).d_base).name) {
                return Err(FOREIGN);
            }
            let ours = face.slot(name).ok_or(UNKNOWN)?;
            let function = dispatch::slot(face.class, name, Pair { whose, theirs, ours })?;
            Ok(Change::Slot(descriptor, function))
        } else {
            Err("is of a kind that isn't known")
        }
    }
}

/// # Safety
///
/// `known` must be a C string.
unsafe fn is_named(known: *const c_char, name: &CStr) -> bool {
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(known) == name }
}

/// What objects of ours have in the place of a class's members.
struct Face {
    class: ClassOf,
    methods: Vec<ffi::PyMethodDef>,
    attributes: Vec<ffi::PyGetSetDef>,
    slots: Vec<ffi::PyType_Slot>,
    finalizer: *mut c_void,
}

impl Face {
    /// For `_asyncio.Future`: tasks and gatherings too are the futures that they
    /// are, and not what they make of its methods.
    fn of_futures() -> Self {
        let mut methods = future_face::methods();
        methods.extend(future_face::own_methods());
        Face {
            class: ClassOf::Futures,
            methods,
            attributes: future_face::attributes(),
            slots: future_face::own_slots(),
            finalizer: finalizer::<Future>(),
        }
    }

    fn of_tasks() -> Self {
        Face {
            class: ClassOf::Tasks,
            methods: task_face::methods(),
            attributes: task_face::attributes(),
            slots: task_face::slots(),
            finalizer: finalizer::<Task>(),
        }
    }

    fn method(&self, name: &CStr) -> Option<ffi::PyMethodDef> {
        // SAFETY: names in the tables are C strings.
        self.methods.iter().find(|known| unsafe { is_named(known.ml_name, name) }).copied()
    }

    fn attribute(&self, name: &CStr) -> Option<ffi::PyGetSetDef> {
        // SAFETY: as above.
        self.attributes.iter().find(|known| unsafe { is_named(known.name, name) }).copied()
    }

    fn slot(&self, name: &CStr) -> Option<*mut c_void> {
        let slot = match name.to_bytes() {
            b"__del__" => return Some(self.finalizer),
            b"__init__" => ffi::Py_tp_init,
            b"__repr__" => ffi::Py_tp_repr,
            // By its name too `__await__` gives an iterator.
            b"__iter__" | b"__await__" => ffi::Py_tp_iter,
            _ => return None,
        };
        self.slots.iter().find(|known| known.slot == slot).map(|known| known.pfunc)
    }
}
