//! The current task: what `asyncio.current_task()` finds, and what a sleep that
//! begins belongs to.

use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::class::own;
use super::published;
use super::reference::Strong;
use super::task::Task;
use crate::event_loop::EventLoop;
use crate::names;

thread_local! {
    /// The task of ours whose step runs in this thread; borrowed from that step.
    static STEPPING: Cell<*mut ffi::PyObject> = const { Cell::new(ptr::null_mut()) };
}

/// A task that is current for as long as this lives.
pub(super) struct Entered<'a, 'py> {
    stepping_before: *mut ffi::PyObject,
    asyncio: ForAsyncio<'a, 'py>,
    /// It ends in the thread in which it began.
    _in_thread: PhantomData<*const ()>,
}

/// Where asyncio looks for the current task, and what was there before.
enum ForAsyncio<'a, 'py> {
    /// A field of the thread's struct (3.14 and newer).
    Thread(Option<Strong<Task>>),
    /// The dictionary of loops, which has what was left there by the last step;
    /// cleaning up after each would cost as much as the step.
    Left,
    /// The dictionary, where another task's step goes on afterwards.
    Loop(&'a Bound<'py, Task>, Option<Bound<'py, PyAny>>),
}

/// Makes `task` the current one, for a step that a loop runs.
#[inline]
pub(super) fn enter<'a, 'py>(task: &'a Bound<'py, Task>) -> PyResult<Entered<'a, 'py>> {
    let asyncio = if published::is_here() {
        ForAsyncio::Thread(published::swap_running(Some(Strong::new(task.clone()))))
    } else {
        set_in_dictionary(task)?;
        ForAsyncio::Left
    };
    Ok(Entered::begin(task, asyncio))
}

/// Makes `task` the current one inside of another's step.
pub(super) fn swap<'a, 'py>(task: &'a Bound<'py, Task>) -> PyResult<Entered<'a, 'py>> {
    let py = task.py();
    let asyncio = if published::is_here() {
        ForAsyncio::Thread(published::swap_running(Some(Strong::new(task.clone()))))
    } else {
        let before = match own(task).future.owner.get(py) {
            Some(owner) => names::current_tasks(py)?.cast::<PyDict>()?.get_item(owner)?,
            None => None,
        };
        set_in_dictionary(task)?;
        ForAsyncio::Loop(task, before)
    };
    Ok(Entered::begin(task, asyncio))
}

impl<'a, 'py> Entered<'a, 'py> {
    fn begin(task: &Bound<'_, Task>, asyncio: ForAsyncio<'a, 'py>) -> Self {
        let stepping_before = STEPPING.replace(task.as_ptr());
        Entered { stepping_before, asyncio, _in_thread: PhantomData }
    }
}

impl Drop for Entered<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        STEPPING.set(self.stepping_before);
        match &mut self.asyncio {
            ForAsyncio::Thread(before) => drop(published::swap_running(before.take())),
            ForAsyncio::Left => {}
            ForAsyncio::Loop(task, before) => {
                let py = task.py();
                let raised = PyErr::take(py);
                if let Err(error) = restore_in_dictionary(task, before.as_ref()) {
                    error.write_unraisable(py, Some(task.as_any()));
                }
                if let Some(raised) = raised {
                    raised.restore(py);
                }
            }
        }
    }
}

fn set_in_dictionary(task: &Bound<'_, Task>) -> PyResult<()> {
    let py = task.py();
    let Some(owner) = own(task).future.owner.get(py) else { return Ok(()) };
    if let Some(engine) = owner.get().try_engine(py) {
        engine.host().leave_current(&owner);
    }
    names::current_tasks(py)?.cast::<PyDict>()?.set_item(owner, task.as_any())
}

fn restore_in_dictionary(
    task: &Bound<'_, Task>,
    before: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let py = task.py();
    let Some(owner) = own(task).future.owner.get(py) else { return Ok(()) };
    match before {
        Some(before) => names::current_tasks(py)?.cast::<PyDict>()?.set_item(owner, before),
        None => forget_in_dictionary(&owner),
    }
}

/// Takes a loop's entry out of the dictionary of current tasks.
pub(crate) fn forget(owner: &Bound<'_, EventLoop>) {
    if let Err(error) = forget_in_dictionary(owner) {
        error.write_unraisable(owner.py(), Some(owner.as_any()));
    }
}

fn forget_in_dictionary(owner: &Bound<'_, EventLoop>) -> PyResult<()> {
    let current = names::current_tasks(owner.py())?.cast::<PyDict>()?;
    if current.contains(owner)? { current.del_item(owner) } else { Ok(()) }
}

/// The task of ours whose step runs in this thread.
#[inline]
pub(super) fn stepping(py: Python<'_>) -> Option<Bound<'_, Task>> {
    let task = STEPPING.get();
    // SAFETY: set while a step of that task runs, which holds a reference.
    unsafe { Bound::from_borrowed_ptr_or_opt(py, task).map(|task| task.cast_into_unchecked()) }
}
