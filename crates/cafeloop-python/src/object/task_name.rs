//! A task's name: a text, or the number that a text is made of when first asked for.

use pyo3::prelude::*;
use pyo3::types::PyString;

use super::all_tasks;
#[cfg(not(Py_3_14))]
use super::class::own;
#[cfg(Py_3_14)]
use super::published;
#[cfg(not(Py_3_14))]
use super::reference::Strong;
use super::task::Task;

/// As a task has it before Python 3.14; since then, as an object in a published field.
#[cfg(not(Py_3_14))]
pub(super) enum Name {
    Number(u64),
    Text(Strong),
}

/// Names a task; without a name, by the number of tasks that had none.
pub(super) fn set(task: &Bound<'_, Task>, name: Option<Bound<'_, PyAny>>) -> PyResult<()> {
    let py = task.py();
    match name.filter(|name| !name.is_none()) {
        None => put_number(task, all_tasks::next_number(py))?,
        Some(name) if name.is_exact_instance_of::<PyString>() => put_text(task, name),
        Some(name) => put_text(task, name.str()?.into_any()),
    }
    Ok(())
}

#[cfg(Py_3_14)]
fn put_number(task: &Bound<'_, Task>, number: u64) -> PyResult<()> {
    published::name(task).set(number.into_pyobject(task.py())?.into_any());
    Ok(())
}

#[cfg(not(Py_3_14))]
#[allow(clippy::unnecessary_wraps, reason = "the other has to make an object")]
fn put_number(task: &Bound<'_, Task>, number: u64) -> PyResult<()> {
    let before = own(task).name.replace(Some(Name::Number(number)));
    drop(before);
    Ok(())
}

#[cfg(Py_3_14)]
fn put_text(task: &Bound<'_, Task>, text: Bound<'_, PyAny>) {
    published::name(task).set(text);
}

#[cfg(not(Py_3_14))]
fn put_text(task: &Bound<'_, Task>, text: Bound<'_, PyAny>) {
    let before = own(task).name.replace(Some(Name::Text(Strong::new(text))));
    drop(before);
}

/// The number of a task that was made without a name, if nobody has asked for that.
#[cfg(Py_3_14)]
fn number(task: &Bound<'_, Task>) -> Option<u64> {
    published::name(task).get(task.py())?.extract().ok()
}

#[cfg(not(Py_3_14))]
fn number(task: &Bound<'_, Task>) -> Option<u64> {
    let own = own(task);
    let name = own.name.take();
    let number = if let Some(Name::Number(number)) = name { Some(number) } else { None };
    own.name.set(name);
    number
}

#[cfg(Py_3_14)]
fn text<'py>(task: &Bound<'py, Task>) -> Option<Bound<'py, PyAny>> {
    published::name(task).get(task.py())
}

#[cfg(not(Py_3_14))]
fn text<'py>(task: &Bound<'py, Task>) -> Option<Bound<'py, PyAny>> {
    let own = own(task);
    let name = own.name.take();
    let text =
        if let Some(Name::Text(text)) = &name { Some(text.bind(task.py()).clone()) } else { None };
    own.name.set(name);
    text
}

/// Whether it was made without a name, and nobody has asked for its number.
pub(super) fn is_number(task: &Bound<'_, Task>) -> bool {
    number(task).is_some()
}

/// The name, as a text from now on; none before `__init__`.
pub(super) fn get<'py>(task: &Bound<'py, Task>) -> Option<Bound<'py, PyAny>> {
    if let Some(number) = number(task) {
        put_text(task, PyString::new(task.py(), &format!("Task-{number}")).into_any());
    }
    text(task)
}
