//! The fields of `_asyncio`'s structs that CPython publishes for debuggers (since
//! 3.14), filled for our tasks: their coroutine, their name, who awaits whom, the
//! thread's list of tasks and its current task.
//!
//! On older interpreters there are none, and the functions here do nothing.

use std::ptr;

use pyo3::ffi;
use pyo3::prelude::*;

#[cfg(Py_3_14)]
use super::class::Visitor;
use super::future::Future;
use super::layout::{self, Offsets};
#[cfg(Py_3_14)]
use super::reference::Slot;
use super::reference::Strong;
use super::task::Task;
use crate::names;

/// Whether this interpreter has such fields.
#[inline]
pub(super) fn is_here() -> bool {
    layout::published().is_some()
}

/// CPython's `struct llist_node`: a ring through a head.
#[cfg(Py_3_14)]
#[repr(C)]
struct Node {
    next: *mut Node,
    previous: *mut Node,
}

/// A field of an object's struct, by its published offset.
fn field<T>(object: *mut ffi::PyObject, offset: usize) -> *mut T {
    // Within the object: `layout` has verified the offset.
    object.cast::<u8>().wrapping_add(offset).cast()
}

/// A field of this thread's struct, by its published offset.
#[cfg(Py_3_14)]
fn thread_field<T>(offset: usize) -> *mut T {
    // SAFETY: the GIL is held, so there is a thread state; it is larger than the
    // offset, which `layout` has verified.
    unsafe { ffi::PyThreadState_Get().cast::<u8>().wrapping_add(offset).cast() }
}

/// A field of the object's that holds a reference or NULL, as a slot has it.
///
/// It is one of ours to fill: the interpreter's own code, which would, doesn't run for
/// objects with an `__init__` of ours.
#[cfg(Py_3_14)]
#[inline]
fn slot<'a>(object: &'a Bound<'_, PyAny>, offset: usize) -> &'a Slot {
    // SAFETY: within the object, as `layout` has verified, for as long as that lives.
    unsafe { &*field::<Slot>(object.as_ptr(), offset) }
}

pub(super) fn begin_task(task: &Bound<'_, Task>) {
    let Some(offsets) = layout::published() else { return };
    // SAFETY: a byte within the task's struct.
    unsafe { field::<u8>(task.as_ptr(), offsets.is_task).write(1) }
}

/// Where a task has its coroutine.
#[cfg(Py_3_14)]
#[inline]
pub(super) fn coroutine<'a>(task: &'a Bound<'_, Task>) -> &'a Slot {
    slot(task.as_any(), known().coroutine)
}

/// Where a task has its name: a text, or a number of which one is made when first asked
/// for.
#[cfg(Py_3_14)]
#[inline]
pub(super) fn name<'a>(task: &'a Bound<'_, Task>) -> &'a Slot {
    slot(task.as_any(), known().name)
}

#[cfg(Py_3_14)]
#[inline]
fn known() -> &'static Offsets {
    layout::published().expect("there are no tasks of ours where it isn't known")
}

/// Shows what an object's published fields hold.
#[cfg(Py_3_14)]
pub(super) fn traverse(object: &Bound<'_, PyAny>, is_task: bool, visitor: &mut Visitor) {
    for slot in held(object, is_task) {
        visitor.slot(slot);
    }
}

/// Lets go of it.
#[cfg(Py_3_14)]
pub(super) fn clear(object: &Bound<'_, PyAny>, is_task: bool) {
    held(object, is_task).for_each(Slot::clear);
    // SAFETY: a byte within the object's struct.
    unsafe { field::<u8>(object.as_ptr(), known().awaited_by_is_set).write(0) }
}

#[cfg(Py_3_14)]
fn held<'a>(object: &'a Bound<'_, PyAny>, is_task: bool) -> impl Iterator<Item = &'a Slot> {
    let known = known();
    // Of a future only the first is there.
    let offsets = [known.awaited_by, known.coroutine, known.name];
    offsets.into_iter().take(if is_task { 3 } else { 1 }).map(move |offset| slot(object, offset))
}

// --- who awaits whom

/// `task` begins to wait for `future`.
#[inline]
pub(super) fn awaited(future: &Bound<'_, Future>, task: &Bound<'_, Task>) -> PyResult<()> {
    let Some(offsets) = layout::published() else { return Ok(()) };
    awaited_by(offsets, future.as_any(), task)
}

/// The same for one that isn't ours; it is the interpreter's, or neither.
pub(super) fn awaited_by_foreign(
    awaited: &Bound<'_, PyAny>,
    task: &Bound<'_, Task>,
) -> PyResult<()> {
    if layout::published().is_some() {
        names::future_add_to_awaited_by(task.py())?.call1((awaited, task.as_any()))?;
    }
    Ok(())
}

fn awaited_by(
    offsets: &Offsets,
    awaited: &Bound<'_, PyAny>,
    task: &Bound<'_, Task>,
) -> PyResult<()> {
    let waiter = field::<*mut ffi::PyObject>(awaited.as_ptr(), offsets.awaited_by);
    // SAFETY: a field of the future's that holds the only waiter, or NULL; several
    // are a set, which the interpreter makes.
    unsafe {
        if (*waiter).is_null() {
            *waiter = task.clone().into_ptr();
            return Ok(());
        }
    }
    names::future_add_to_awaited_by(task.py())?.call1((awaited, task.as_any()))?;
    Ok(())
}

/// `task` waits for `future` no more.
#[inline]
pub(super) fn no_longer_awaited(
    future: &Bound<'_, Future>,
    task: &Bound<'_, Task>,
) -> PyResult<()> {
    let Some(offsets) = layout::published() else { return Ok(()) };
    let waiter = field::<*mut ffi::PyObject>(future.as_ptr(), offsets.awaited_by);
    // SAFETY: as in `awaited_by`.
    unsafe {
        if (*waiter).is_null() {
            return Ok(());
        }
        if *waiter == task.as_ptr() {
            let task = waiter.replace(ptr::null_mut());
            ffi::Py_DECREF(task);
            return Ok(());
        }
    }
    names::future_discard_from_awaited_by(task.py())?.call1((future.as_any(), task.as_any()))?;
    Ok(())
}

pub(super) fn no_longer_awaited_foreign(
    awaited: &Bound<'_, PyAny>,
    task: &Bound<'_, Task>,
) -> PyResult<()> {
    if layout::published().is_some() {
        names::future_discard_from_awaited_by(task.py())?.call1((awaited, task.as_any()))?;
    }
    Ok(())
}

// --- the thread's list of tasks

/// Hangs a task in the list of this thread.
#[cfg(Py_3_14)]
#[inline]
pub(super) fn link(task: &Bound<'_, Task>) {
    let Some(offsets) = layout::published() else { return };
    let node = field::<Node>(task.as_ptr(), offsets.node);
    // SAFETY: the list is a ring of nodes through the head in this thread's struct;
    // the GIL is held, so nobody else changes it.  A node that is linked already
    // isn't linked again.
    unsafe {
        if (*node).next.is_null() {
            let head = thread_field::<Node>(offsets.tasks_head);
            let last = (*head).previous;
            node.write(Node { next: head, previous: last });
            (*last).next = node;
            (*head).previous = node;
        }
    }
}

/// Takes a task out of the list that it is in.
#[cfg(Py_3_14)]
pub(super) fn unlink(task: &Bound<'_, Task>) {
    let Some(offsets) = layout::published() else { return };
    let node = field::<Node>(task.as_ptr(), offsets.node);
    // SAFETY: as above.
    unsafe {
        if (*node).next.is_null() {
            return;
        }
        let Node { next, previous } =
            node.replace(Node { next: ptr::null_mut(), previous: ptr::null_mut() });
        (*previous).next = next;
        (*next).previous = previous;
    }
}

// --- the thread's current task

/// Makes `task` the current one of `thread`, which is this one, in the place of the
/// one returned.
#[inline]
pub(super) fn swap_running(
    thread: *mut ffi::PyThreadState,
    task: Option<Strong<Task>>,
) -> Option<Strong<Task>> {
    let offsets = layout::published()?;
    let task = task.map_or(ptr::null_mut(), Strong::into_ptr);
    // SAFETY: the GIL is held, and the thread's struct is larger than the offset, which
    // `layout` has verified; the field holds a reference to a task or NULL, and
    // exchanges it for the one that it is handed.
    unsafe {
        let running = field::<*mut ffi::PyObject>(thread.cast(), offsets.running_task);
        Strong::from_ptr(running.replace(task))
    }
}

/// Whether `task` is the current one of `thread`, which is this one.
#[inline]
pub(super) fn is_running(thread: *mut ffi::PyThreadState, task: &Bound<'_, Task>) -> bool {
    layout::published().is_some_and(|offsets| {
        // SAFETY: as in `swap_running`; read as an address.
        unsafe {
            *field::<*mut ffi::PyObject>(thread.cast(), offsets.running_task) == task.as_ptr()
        }
    })
}
