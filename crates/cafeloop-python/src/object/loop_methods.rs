//! The methods of a loop that run per callback, in the form that costs least: without
//! PyO3's own handling of arguments, and without telling it that the GIL is held.
//!
//! What they do is in `event_loop/`.

use std::cell::RefCell;
use std::ptr;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};

use super::method::{hot, no_args};
use crate::event_loop::EventLoop;
use crate::gil::Gil;

/// All that were added to a class.
static ADDED: Gil<RefCell<Vec<Py<PyAny>>>> = Gil::new(RefCell::new(Vec::new()));

/// Adds them to the class of loops, where PyO3 has put the others, or to one derived
/// from it: CPython calls a method more directly if its class is just that of the object,
/// which saves a twentieth of a `call_soon`.
#[pyfunction]
#[pyo3(name = "_add_loop_methods")]
pub(crate) fn add_to(class_: &Bound<'_, PyType>) -> PyResult<()> {
    let (py, class) = (class_.py(), class_);
    if !class.is_subclass_of::<EventLoop>()? {
        return Err(PyTypeError::new_err("these are methods of loops"));
    }
    for method in Box::leak(Box::new(methods())) {
        // SAFETY: the class is one whose instances the methods take, and their
        // definitions live for ever.
        let (name, descriptor) = unsafe {
            let name = std::ffi::CStr::from_ptr(method.ml_name);
            let descriptor = ffi::PyDescr_NewMethod(class.as_ptr().cast(), ptr::from_mut(method));
            (name, Bound::from_owned_ptr_or_err(py, descriptor)?)
        };
        class.setattr(name, &descriptor)?;
        ADDED.get(py).borrow_mut().push(descriptor.unbind());
    }
    Ok(())
}

/// Whether what a class has by this name is one of these: nobody has overridden it.
pub(crate) fn is_plain(class: &Bound<'_, PyType>, name: &Bound<'_, PyString>) -> PyResult<bool> {
    let found = class.getattr(name)?;
    let is_one = ADDED.get(class.py()).borrow().iter().any(|added| added.is(&found));
    Ok(is_one && found.getattr(intern!(class.py(), "__name__"))?.eq(name)?)
}

fn methods() -> [ffi::PyMethodDef; 10] {
    [
        hot!(
            EventLoop,
            c"call_soon",
            EventLoop::call_soon,
            c"call_soon($self, /, callback, *args, context=None)\n--\n\n"
        ),
        hot!(
            EventLoop,
            c"call_soon_threadsafe",
            EventLoop::call_soon_threadsafe,
            c"call_soon_threadsafe($self, /, callback, *args, context=None)\n--\n\n"
        ),
        hot!(
            EventLoop,
            c"call_later",
            EventLoop::call_later,
            c"call_later($self, /, delay, callback, *args, context=None)\n--\n\n"
        ),
        hot!(
            EventLoop,
            c"call_at",
            EventLoop::call_at,
            c"call_at($self, /, when, callback, *args, context=None)\n--\n\n"
        ),
        hot!(
            EventLoop,
            c"create_task",
            EventLoop::create_task,
            c"create_task($self, /, coro, *, name=None, context=None, **kwargs)\n--\n\n"
        ),
        hot!(EventLoop, c"create_future", EventLoop::create_future),
        no_args!(EventLoop, c"time", EventLoop::time),
        hot!(EventLoop, c"_receive", EventLoop::receive, c"_receive($self, sock, n, /)\n--\n\n"),
        hot!(
            EventLoop,
            c"_receive_into",
            EventLoop::receive_into,
            c"_receive_into($self, sock, buf, /)\n--\n\n"
        ),
        hot!(EventLoop, c"_send", EventLoop::send, c"_send($self, sock, data, /)\n--\n\n"),
    ]
}
