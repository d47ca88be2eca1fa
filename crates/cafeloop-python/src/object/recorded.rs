//! What a recorder asks of our objects: numbers, what a task waits for, how it ended.

use pyo3::prelude::*;

use super::class::own;
use super::classes;
use super::future::{Future, State};
use super::gather;
use super::sleep::{self, Sleep};
use super::task::{self, Task, as_future};
use super::task_name;

/// What has become of a task.
pub(crate) enum Outcome<'py> {
    Pending,
    Returned,
    Raised(Option<Bound<'py, PyAny>>),
    Cancelled,
}

/// What a task waits for.
pub(crate) enum Awaits<'py> {
    /// It lets others run.
    Turn,
    /// A sleep of so many seconds.
    Sleep(f64),
    Task(Bound<'py, Task>),
    /// So many tasks or futures.
    Gathered(usize),
    /// A future of ours, by the number that it was given.
    Future(u32),
    /// Anything else that behaves like a future.
    Foreign,
}

/// The number by which a recording knows a future or a task; 0 if it has none.
#[inline]
pub(crate) fn number(future: &Bound<'_, Future>) -> u32 {
    own(future).recorded_as.get()
}

/// The same of a task.
#[inline]
pub(crate) fn task_number(task: &Bound<'_, Task>) -> u32 {
    number(as_future(task))
}

pub(crate) fn set_task_number(task: &Bound<'_, Task>, number: u32) {
    own(as_future(task)).recorded_as.set(number);
}

/// The number of a future that may be anybody's; 0 if it has none.
pub(crate) fn future_number(future: &Bound<'_, PyAny>) -> u32 {
    let classes = classes::made(future.py());
    classes.and_then(|classes| classes.future.cast_exact(future)).map_or(0, number)
}

/// Numbers a future of ours; false if it is another's.
pub(crate) fn set_number(future: &Bound<'_, PyAny>, number: u32) -> bool {
    let classes = classes::made(future.py());
    let Some(ours) = classes.and_then(|classes| classes.future.cast_exact(future)) else {
        return false;
    };
    own(ours).recorded_as.set(number);
    true
}

/// `object` as a task of ours.
pub(crate) fn as_task<'a, 'py>(object: &'a Bound<'py, PyAny>) -> Option<&'a Bound<'py, Task>> {
    let classes = classes::made(object.py())?;
    if object.is_instance(classes.task.class(object.py())).unwrap_or(false) {
        // SAFETY: the class of ours, or one derived from it, whose objects have the
        // same own part.
        return Some(unsafe { object.cast_unchecked() });
    }
    None
}

/// What the task runs.
pub(crate) fn coroutine_of<'py>(task: &Bound<'py, Task>) -> Option<Bound<'py, PyAny>> {
    task::coroutine(task).get(task.py())
}

/// Its name, if somebody has given it one.
pub(crate) fn given_name<'py>(task: &Bound<'py, Task>) -> Option<Bound<'py, PyAny>> {
    if task_name::is_number(task) {
        return None;
    }
    // A number that somebody has asked for is a text.
    task_name::get(task).filter(|name| !name.extract().is_ok_and(is_number))
}

/// Whether a task's name is one that asyncio gives to those that have none.
pub(crate) fn is_number(name: &str) -> bool {
    name.strip_prefix("Task-").is_some_and(|rest| rest.bytes().all(|it| it.is_ascii_digit()))
}

pub(crate) fn outcome<'py>(task: &Bound<'py, Task>) -> Outcome<'py> {
    let future = &own(task).future;
    match future.state() {
        State::Pending => Outcome::Pending,
        State::Finished => Outcome::Returned,
        State::Failed => Outcome::Raised(future.outcome(task.py(), State::Failed)),
        State::Cancelled => Outcome::Cancelled,
    }
}

pub(crate) fn awaits<'py>(task: &Bound<'py, Task>) -> Awaits<'py> {
    let py = task.py();
    let Some(awaited) = own(task).waits_for(py) else { return Awaits::Turn };
    if let Some(sleep) = sleep::cast(&awaited) {
        return Awaits::Sleep(Sleep::delay(sleep));
    }
    let Some(classes) = classes::made(py) else { return Awaits::Foreign };
    if let Some(other) = classes.task.cast_exact(&awaited) {
        return Awaits::Task(other.clone());
    }
    if let Some(gathering) = classes.gathering.cast_exact(&awaited) {
        return Awaits::Gathered(gather::children_count(gathering));
    }
    match classes.future.cast_exact(&awaited) {
        Some(future) => Awaits::Future(number(future)),
        None => Awaits::Foreign,
    }
}
