//! Tasks that aren't ours: the interpreter's, where a loop runs those, and others'.
//!
//! Their steps are callbacks, which are known by their names.  No task is held: one
//! that is gone gives up its number.

use std::cell::RefCell;
use std::collections::HashMap;

use cafeloop::flow::{Awaited, StepEnd, TaskEnd, TaskId};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::recording::Recording;
use crate::{names, object};

/// A task's number, by its address.
#[derive(Default)]
pub(super) struct Foreign {
    known: RefCell<HashMap<usize, (u32, Py<PyWeakrefReference>)>>,
    /// The numbers of those that haven't begun, where a name may come after the task.
    #[cfg(not(Py_3_13))]
    new: RefCell<std::collections::HashSet<TaskId>>,
}

impl Foreign {
    /// A task that has been told of.
    pub(super) fn known(&self, task: &Bound<'_, PyAny>) -> Option<TaskId> {
        let known = self.known.borrow();
        let (number, reference) = known.get(&(task.as_ptr() as usize))?;
        // Another may have its address by now.
        let is_same = reference.bind(task.py()).upgrade().is_some_and(|own| own.is(task));
        if is_same { TaskId::new(u64::from(*number)) } else { None }
    }

    /// Numbers a task; `None` if it can't be told whether that is still there.
    pub(super) fn number(&self, task: &Bound<'_, PyAny>) -> Option<TaskId> {
        let py = task.py();
        let reference = PyWeakrefReference::new(task).ok()?.unbind();
        let number = Recording::new_number(py);
        let mut known = self.known.borrow_mut();
        if known.len() >= 64 && known.len().is_power_of_two() {
            let gone: Vec<usize> = known
                .iter()
                .filter(|(_, (_, reference))| reference.bind(py).upgrade().is_none())
                .map(|(address, _)| *address)
                .collect();
            for address in gone {
                known.remove(&address);
            }
        }
        known.insert(task.as_ptr() as usize, (number, reference));
        let id = TaskId::new(number.into());
        #[cfg(not(Py_3_13))]
        self.new.borrow_mut().extend(id);
        id
    }

    /// The name that a task has been given since it was told of, if it begins now:
    /// before Python 3.13 asyncio names a task when the loop has made it.
    #[cfg(not(Py_3_13))]
    pub(super) fn late_name(&self, id: TaskId, task: &Bound<'_, PyAny>) -> Option<String> {
        let is_new = self.new.borrow_mut().remove(&id);
        if is_new { given_name(task)?.extract().ok() } else { None }
    }

    /// A task that is done is told of no more.
    pub(super) fn forget(&self, task: &Bound<'_, PyAny>) {
        let entry = self.known.borrow_mut().remove(&(task.as_ptr() as usize));
        drop(entry);
    }
}

/// The task whose step a callback is.
pub(super) fn task_of_step<'py>(callback: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    find_task(callback).ok().flatten()
}

fn find_task<'py>(callback: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = callback.py();
    let class = callback.get_type();
    let is_step = match &*class.name()?.to_string_lossy() {
        "TaskStepMethWrapper" | "TaskWakeupMethWrapper" => true,
        "method" | "builtin_function_or_method" => {
            let name: String = callback.getattr(intern!(py, "__name__"))?.extract()?;
            matches!(name.as_str(), "task_wakeup" | "__step" | "__wakeup")
        }
        _ => false,
    };
    if !is_step {
        return Ok(None);
    }
    let task = callback.getattr(intern!(py, "__self__"))?;
    Ok(if task.is_instance(names::task_class(py)?)? { Some(task) } else { None })
}

pub(super) fn coroutine_of<'py>(task: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let coroutine = task.call_method0(intern!(task.py(), "get_coro")).ok()?;
    if coroutine.is_none() { None } else { Some(coroutine) }
}

/// Its name, if that isn't a number's.
pub(super) fn given_name<'py>(task: &Bound<'py, PyAny>) -> Option<Bound<'py, PyAny>> {
    let name = task.call_method0(intern!(task.py(), "get_name")).ok()?;
    let text: String = name.extract().ok()?;
    if object::is_number(&text) { None } else { Some(name) }
}

/// How a step ended, and the task with it, if it did.
pub(super) fn outcome(
    recording: &Recording,
    task: &Bound<'_, PyAny>,
) -> PyResult<(StepEnd, Option<TaskEnd>)> {
    let py = task.py();
    if !task.call_method0(intern!(py, "done"))?.is_truthy()? {
        return Ok((StepEnd::Suspended(awaited(recording, task)?), None));
    }
    if task.call_method0(intern!(py, "cancelled"))?.is_truthy()? {
        return Ok((StepEnd::Raised, Some(TaskEnd::Cancelled)));
    }
    // Not by exception(), which would count as having asked for it.
    let error = task.getattr(intern!(py, "_exception"))?;
    Ok(if error.is_none() {
        (StepEnd::Returned, Some(TaskEnd::Returned))
    } else {
        (StepEnd::Raised, Some(TaskEnd::Raised(recording.class_of(&error))))
    })
}

/// The number of the future that a task waits for; 0 if it has none.
pub(super) fn future_number(task: &Bound<'_, PyAny>) -> u32 {
    let awaited = task.getattr(intern!(task.py(), "_fut_waiter"));
    awaited.map_or(0, |awaited| object::future_number(&awaited))
}

fn awaited(recording: &Recording, task: &Bound<'_, PyAny>) -> PyResult<Awaited> {
    let py = task.py();
    let awaited = task.getattr(intern!(py, "_fut_waiter"))?;
    if awaited.is_none() {
        return Ok(Awaited::Turn);
    }
    if awaited.is_instance(names::task_class(py)?)? {
        return Ok(recording.foreign.known(&awaited).map_or(Awaited::Future, Awaited::Task));
    }
    if let Some(work) = recording.known_work(object::future_number(&awaited)) {
        return Ok(Awaited::Work(work));
    }
    if let Some(children) = awaited.getattr_opt(intern!(py, "_children"))? {
        return Ok(Awaited::Gathered { children: children.len()? as u64 });
    }
    Ok(Awaited::Future)
}
