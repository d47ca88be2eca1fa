//! `asyncio.sleep`, `asyncio.gather` and `TaskGroup.create_task` with a shortcut for
//! tasks of ours.
//!
//! They stay the functions that they are: for `inspect`, for mocks, for whoever
//! has imported them before.  Only the C function by which CPython calls them is
//! ours (`PyFunction_SetVectorcall`, since Python 3.12); it looks whether a task of
//! ours is calling, in the usual way, and leaves all else to the function's code.

use std::ptr;
use std::sync::OnceLock;

use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyFunction;

use super::class::enter_quickly;
use super::method::Arguments;
use super::{gather, sleep, task_in_group};

unsafe extern "C" {
    /// Sets the C function by which a Python function is called.
    fn PyFunction_SetVectorcall(function: *mut ffi::PyObject, call: ffi::vectorcallfunc);
}

/// The C function that runs a Python function's code: what all had before.
static RUN_CODE: OnceLock<ffi::vectorcallfunc> = OnceLock::new();

/// Gives `asyncio.sleep`, `asyncio.gather` and `asyncio.TaskGroup.create_task`, which these
/// are, their shortcuts.
#[pyfunction]
pub(crate) fn _put_shortcuts(
    sleep: &Bound<'_, PyFunction>,
    gather: &Bound<'_, PyFunction>,
    create_task: &Bound<'_, PyFunction>,
) -> PyResult<()> {
    // SAFETY: it is an object, and the GIL is held.
    let run_code = unsafe { ffi::PyVectorcall_Function(sleep.as_ptr()) };
    let run_code =
        run_code.ok_or_else(|| PyRuntimeError::new_err("asyncio.sleep has no vectorcall"))?;
    RUN_CODE.get_or_init(|| run_code);
    set_call(sleep, call_sleep);
    set_call(gather, call_gather);
    set_call(create_task, call_create_task);
    Ok(())
}

/// Takes them back.
#[pyfunction]
pub(crate) fn _remove_shortcuts(
    sleep: &Bound<'_, PyFunction>,
    gather: &Bound<'_, PyFunction>,
    create_task: &Bound<'_, PyFunction>,
) {
    if let Some(&run_code) = RUN_CODE.get() {
        for function in [sleep, gather, create_task] {
            set_call(function, run_code);
        }
    }
}

fn set_call(function: &Bound<'_, PyFunction>, call: ffi::vectorcallfunc) {
    // SAFETY: it is a Python function, and the GIL is held.
    unsafe { PyFunction_SetVectorcall(function.as_ptr(), call) }
}

/// Runs the function's code with the arguments that it was called with.
unsafe fn run_code(
    function: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    let run_code = RUN_CODE.get().expect("set before the shortcuts are");
    // SAFETY: what CPython would have called, with what it would have passed.
    unsafe { run_code(function, args, count, names) }
}

unsafe extern "C" fn call_sleep(
    function: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls this as the function's vectorcall, so the GIL is held and
    // there are as many arguments as it says; all is handed on as it came.
    unsafe {
        if ffi::PyVectorcall_NARGS(count) == 1 && names.is_null() {
            let sleep = enter_quickly(Some(ptr::null_mut()), |py| {
                let delay = Borrowed::from_ptr(py, *args);
                Ok(sleep::native(&delay)?.map(Bound::into_ptr))
            });
            if let Some(sleep) = sleep {
                return sleep;
            }
        }
        run_code(function, args, count, names)
    }
}

unsafe extern "C" fn call_gather(
    function: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let gathering = enter_quickly(Some(ptr::null_mut()), |py| {
            let count = ffi::PyVectorcall_NARGS(count);
            let arguments = Arguments::new(py, args, count, names);
            Ok(gather::native(py, arguments)?.map(Bound::into_ptr))
        });
        gathering.unwrap_or_else(|| run_code(function, args, count, names))
    }
}

unsafe extern "C" fn call_create_task(
    function: *mut ffi::PyObject,
    args: *const *mut ffi::PyObject,
    count: usize,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: as above.
    unsafe {
        let task = enter_quickly(Some(ptr::null_mut()), |py| {
            let count = ffi::PyVectorcall_NARGS(count);
            let arguments = Arguments::new(py, args, count, names);
            let function = Borrowed::from_ptr(py, function);
            Ok(task_in_group::create(&function, arguments)?.map(Bound::into_ptr))
        });
        task.unwrap_or_else(|| run_code(function, args, count, names))
    }
}
