//! All tasks of ours that are pending: for `asyncio.all_tasks()`.
//!
//! Since Python 3.14 each thread has a list of its tasks, in which ours hang too.
//! Before, asyncio keeps a WeakSet, in which an entry costs more than the rest of
//! a task; there ours stand in a slab, which the WeakSet is made to show as well
//! (`python/cafeloop/_all_tasks.py`).

use std::cell::{Cell, RefCell};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyList;
use slab::Slab;

#[cfg(Py_3_14)]
use super::published;
use super::task::Task;
use crate::gil::Gil;

/// Where a task stands among all.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// In its thread's list.
    #[cfg(Py_3_14)]
    Linked,
    /// At this key of the slab.
    #[cfg(not(Py_3_14))]
    Slab(usize),
}

/// Addresses of tasks, borrowed: a task leaves when it is done or deallocated.
static TASKS: Gil<RefCell<Slab<*mut ffi::PyObject>>> = Gil::new(RefCell::new(Slab::new()));

/// How many tasks have been named by number.
static NUMBERED: Gil<Cell<u64>> = Gil::new(Cell::new(0));

#[cfg(Py_3_14)]
pub(super) fn join(task: &Bound<'_, Task>) -> Place {
    published::link(task);
    Place::Linked
}

#[cfg(not(Py_3_14))]
pub(super) fn join(task: &Bound<'_, Task>) -> Place {
    Place::Slab(TASKS.get(task.py()).borrow_mut().insert(task.as_ptr()))
}

pub(super) fn leave(task: &Bound<'_, Task>, place: Place) {
    match place {
        #[cfg(Py_3_14)]
        Place::Linked => published::unlink(task),
        #[cfg(not(Py_3_14))]
        Place::Slab(key) => drop(TASKS.get(task.py()).borrow_mut().try_remove(key)),
    }
}

pub(super) fn next_number(py: Python<'_>) -> u64 {
    let numbered = NUMBERED.get(py);
    numbered.set(numbered.get() + 1);
    numbered.get()
}

/// The pending tasks of all loops that run tasks of ours (before 3.14).
#[pyfunction]
pub(crate) fn _native_tasks(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let tasks: Vec<Bound<'_, PyAny>> = TASKS
        .get(py)
        .borrow()
        .iter()
        // SAFETY: whoever is here hasn't been deallocated.
        .map(|(_, &task)| unsafe { Bound::from_borrowed_ptr(py, task) })
        .collect();
    PyList::new(py, tasks)
}
