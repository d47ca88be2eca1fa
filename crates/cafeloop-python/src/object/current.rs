//! The current task: what `asyncio.current_task()` finds, and what a sleep that
//! begins belongs to.

use std::cell::{Cell, RefCell};
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
use crate::gil::Gil;
use crate::names;

/// Whose steps run, in each thread.
///
/// Not a variable of the thread's: to find such a one from an extension module costs
/// a call of the dynamic linker's, which is as much as all the rest of a `sleep(0)`
/// spends on knowing its task.
static STEPPING: Gil<Stepping> = Gil::new(Stepping {
    last: Cell::new(Step { thread: ptr::null_mut(), task: ptr::null_mut() }),
    others: RefCell::new(Vec::new()),
});

struct Stepping {
    /// The thread that entered or left a step last.
    last: Cell<Step>,
    /// Threads that are inside of a step which another's has interrupted.
    others: RefCell<Vec<Step>>,
}

/// The task of ours whose step runs in a thread, borrowed from that step; or NULL.
#[derive(Clone, Copy)]
struct Step {
    thread: *mut ffi::PyThreadState,
    task: *mut ffi::PyObject,
}

impl Stepping {
    /// What runs in `thread`.
    #[inline]
    fn task_in(&self, thread: *mut ffi::PyThreadState) -> *mut ffi::PyObject {
        let last = self.last.get();
        if last.thread == thread {
            return last.task;
        }
        let others = self.others.borrow();
        others.iter().find(|step| step.thread == thread).map_or(ptr::null_mut(), |step| step.task)
    }

    /// Has `task` run in `thread`, in the place of the one that it returns.
    #[inline]
    fn replace(
        &self,
        thread: *mut ffi::PyThreadState,
        task: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        let last = self.last.replace(Step { thread, task });
        if last.thread == thread { last.task } else { self.change_thread(last, thread) }
    }

    #[cold]
    fn change_thread(&self, last: Step, thread: *mut ffi::PyThreadState) -> *mut ffi::PyObject {
        let mut others = self.others.borrow_mut();
        let place = others.iter().position(|step| step.thread == thread);
        let before = place.map_or(ptr::null_mut(), |place| others.swap_remove(place).task);
        if !last.task.is_null() {
            others.push(last);
        }
        before
    }
}

/// A task that is current for as long as this lives.
pub(super) struct Entered<'a, 'py> {
    thread: *mut ffi::PyThreadState,
    stepping_before: *mut ffi::PyObject,
    asyncio: ForAsyncio<'py>,
    task: &'a Bound<'py, Task>,
    /// It ends in the thread in which it began.
    _in_thread: PhantomData<*const ()>,
}

/// Where asyncio looks for the current task, and what was there before.
enum ForAsyncio<'py> {
    /// A field of the thread's struct (3.14 and newer).
    Thread(Option<Strong<Task>>),
    /// The dictionary of loops, which has what was left there by the last step;
    /// cleaning up after each would cost as much as the step.
    Left,
    /// The dictionary, where another task's step goes on afterwards.
    Loop(Option<Bound<'py, PyAny>>),
}

/// Makes `task` the current one, for a step that a loop runs.
#[inline(always)]
pub(super) fn enter<'a, 'py>(task: &'a Bound<'py, Task>) -> PyResult<Entered<'a, 'py>> {
    let thread = this_thread(task.py());
    let asyncio = if published::is_here() {
        ForAsyncio::Thread(published::swap_running(thread, Some(Strong::new(task.clone()))))
    } else {
        set_in_dictionary(task)?;
        ForAsyncio::Left
    };
    Ok(Entered::begin(thread, task, asyncio))
}

/// Makes `task` the current one inside of another's step.
pub(super) fn swap<'a, 'py>(task: &'a Bound<'py, Task>) -> PyResult<Entered<'a, 'py>> {
    let py = task.py();
    let thread = this_thread(py);
    let asyncio = if published::is_here() {
        ForAsyncio::Thread(published::swap_running(thread, Some(Strong::new(task.clone()))))
    } else {
        let before = match own(task).future.owner.get(py) {
            Some(owner) => names::current_tasks(py)?.cast::<PyDict>()?.get_item(owner)?,
            None => None,
        };
        set_in_dictionary(task)?;
        ForAsyncio::Loop(before)
    };
    Ok(Entered::begin(thread, task, asyncio))
}

#[inline]
fn this_thread(_py: Python<'_>) -> *mut ffi::PyThreadState {
    // SAFETY: the GIL is held, so there is a thread state.
    unsafe { ffi::PyThreadState_Get() }
}

impl<'a, 'py> Entered<'a, 'py> {
    #[inline(always)]
    fn begin(
        thread: *mut ffi::PyThreadState,
        task: &'a Bound<'py, Task>,
        asyncio: ForAsyncio<'py>,
    ) -> Self {
        let stepping_before = STEPPING.get(task.py()).replace(thread, task.as_ptr());
        Entered { thread, stepping_before, asyncio, task, _in_thread: PhantomData }
    }
}

impl Drop for Entered<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        let py = self.task.py();
        STEPPING.get(py).replace(self.thread, self.stepping_before);
        match &mut self.asyncio {
            ForAsyncio::Thread(before) => {
                drop(published::swap_running(self.thread, before.take()));
            }
            ForAsyncio::Left => {}
            ForAsyncio::Loop(before) => {
                let raised = PyErr::take(py);
                if let Err(error) = restore_in_dictionary(self.task, before.as_ref()) {
                    error.write_unraisable(py, Some(self.task.as_any()));
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

/// The task of ours whose step runs in this thread; none if inside of that step another
/// task runs, which the interpreter has started eagerly (3.12 and newer).
#[inline]
pub(super) fn stepping(py: Python<'_>) -> Option<Bound<'_, Task>> {
    let thread = this_thread(py);
    let task = STEPPING.get(py).task_in(thread);
    // SAFETY: set while a step of that task runs, which holds a reference.
    let task: Bound<'_, Task> = unsafe {
        Bound::from_borrowed_ptr_or_opt(py, task).map(|task| task.cast_into_unchecked())?
    };
    is_innermost(thread, &task).then_some(task)
}

/// Whether asyncio, too, takes the task whose step runs for the current one.
#[inline]
fn is_innermost(thread: *mut ffi::PyThreadState, task: &Bound<'_, Task>) -> bool {
    if published::is_here() {
        return published::is_running(thread, task);
    }
    !cfg!(Py_3_12) || is_in_dictionary(task).unwrap_or(false)
}

fn is_in_dictionary(task: &Bound<'_, Task>) -> PyResult<bool> {
    let py = task.py();
    let Some(owner) = own(task).future.owner.get(py) else { return Ok(false) };
    let current = names::current_tasks(py)?.cast::<PyDict>()?.get_item(owner)?;
    Ok(current.is_some_and(|current| current.is(task)))
}
