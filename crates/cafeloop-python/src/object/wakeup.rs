//! The done callback by which futures that aren't ours wake a task of ours.

use std::ptr;

use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;

use super::class::{enter, receiver};
use super::task::Task;
use super::{published, step};

/// A table as C has it, which CPython only reads.
struct Definition(ffi::PyMethodDef);

// SAFETY: nobody writes to it.
unsafe impl Sync for Definition {}

/// By the name under which asyncio's own shows in the `repr` of futures.
static WAKE_UP: Definition = Definition(ffi::PyMethodDef {
    ml_name: c"task_wakeup".as_ptr(),
    ml_meth: ffi::PyMethodDefPointer { PyCFunction: wake_up },
    ml_flags: ffi::METH_O,
    ml_doc: ptr::null(),
});

/// The callback for one task: a function bound to it, which the garbage collector
/// sees through.
pub(super) fn bound_to<'py>(task: &Bound<'py, Task>) -> PyResult<Bound<'py, PyAny>> {
    // SAFETY: the definition lives for ever, and the task is an object.
    unsafe {
        let definition = (&raw const WAKE_UP.0).cast_mut();
        let function = ffi::PyCFunction_NewEx(definition, task.as_ptr(), ptr::null_mut());
        Bound::from_owned_ptr_or_err(task.py(), function)
    }
}

unsafe extern "C" fn wake_up(
    task: *mut ffi::PyObject,
    future: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    enter(ptr::null_mut(), |py| {
        // SAFETY: the function is made by `bound_to` only, and is called with one
        // argument.
        let (task, future) =
            unsafe { (receiver::<Task>(py, task), Bound::from_borrowed_ptr(py, future)) };
        published::no_longer_awaited_foreign(&future, &task)?;
        let error = match future.call_method0(intern!(py, "result")) {
            Ok(_) => None,
            Err(error) => Some(error.into_value(py).into_bound(py).into_any()),
        };
        // The one who calls has entered the task's context.
        step::run_in_context(&task, error)?;
        Ok(py.None().into_ptr())
    })
}
