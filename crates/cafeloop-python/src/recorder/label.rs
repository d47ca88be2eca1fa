//! A call as people write it: `handle_customer('Vanilla', 'Latte')`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyBytes, PyCFunction, PyDict, PyFloat, PyFunction, PyInt, PyList, PyNone, PyString,
    PyTuple,
};

use super::codes::own_name;
use crate::names;

/// Characters of one argument, at most.
const MOST_OF_ARGUMENT: usize = 24;
/// Arguments that are shown, at most.
const MOST_ARGUMENTS: usize = 6;
/// The flag of code that takes `*args` (`inspect.CO_VARARGS`).
const CO_VARARGS: usize = 0x04;

/// The call that made a coroutine which hasn't started; `None` if it was made without
/// arguments, or those can't be seen.
///
/// Only values whose class is one of Python's plain ones are shown, and functions by their
/// names: to ask others for their `repr` would run anybody's code, and might show what
/// should stay hidden.
pub(super) fn of_call(coroutine: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = coroutine.py();
    let Some(code) = coroutine.getattr_opt(intern!(py, "cr_code"))? else { return Ok(None) };
    let count = |name| code.getattr(name).and_then(|count| count.extract::<usize>());
    let by_place = count(intern!(py, "co_argcount"))?;
    let by_name = count(intern!(py, "co_kwonlyargcount"))?;
    let takes_more = count(intern!(py, "co_flags"))? & CO_VARARGS != 0;
    if by_place + by_name == 0 && !takes_more {
        return Ok(None);
    }
    let frame = coroutine.getattr(intern!(py, "cr_frame"))?;
    if frame.is_none() {
        return Ok(None);
    }
    let locals = frame.getattr(intern!(py, "f_locals"))?;
    let value = |name: &Bound<'_, PyAny>| {
        locals.get_item(name).map_or_else(|_| "…".to_owned(), |value| show(&value))
    };
    // Those that are given by their places, by their names, and `*args`.
    let names = code.getattr(intern!(py, "co_varnames"))?.cast_into::<PyTuple>()?;
    let mut shown: Vec<String> = names
        .iter()
        .take(by_place)
        .enumerate()
        .filter(|(place, name)| *place > 0 || !is_receiver(name))
        .map(|(_, name)| value(&name))
        .collect();
    if takes_more
        && let Ok(more) = locals.get_item(names.get_item(by_place + by_name)?)
        && let Ok(more) = more.cast_exact::<PyTuple>()
    {
        shown.extend(more.iter().take(MOST_ARGUMENTS + 1).map(|value| show(&value)));
    }
    for name in names.iter().skip(by_place).take(by_name) {
        shown.push(format!("{name}={}", value(&name)));
    }
    if shown.len() > MOST_ARGUMENTS {
        shown.truncate(MOST_ARGUMENTS);
        shown.push("…".to_owned());
    }
    let name: String = code.getattr(intern!(py, "co_qualname"))?.extract()?;
    Ok(Some(format!("{}({})", own_name(&name), shown.join(", "))))
}

fn is_receiver(name: &Bound<'_, PyAny>) -> bool {
    name.extract::<String>().is_ok_and(|name| name == "self" || name == "cls")
}

fn show(value: &Bound<'_, PyAny>) -> String {
    if is_plain(value) {
        // Cut before it is shown, or a long one would be shown whole first.
        if let Ok(text) = value.cast_exact::<PyString>()
            && text.len().is_ok_and(|length| length > MOST_OF_ARGUMENT)
        {
            let kept: String = text.to_string_lossy().chars().take(MOST_OF_ARGUMENT).collect();
            let kept = PyString::new(value.py(), &kept);
            return kept.repr().map_or_else(|_| "…".into(), |shown| format!("{shown}…"));
        }
        if value.cast_exact::<PyBytes>().is_ok_and(|bytes| bytes.as_bytes().len() > 12) {
            return "b'…'".into();
        }
        if let Ok(shown) = value.repr() {
            let shown = shown.to_string_lossy();
            return if shown.chars().count() > MOST_OF_ARGUMENT {
                shown.chars().take(MOST_OF_ARGUMENT).chain(['…']).collect()
            } else {
                shown.into_owned()
            };
        }
    }
    // Containers may hold anything.
    if value.is_exact_instance_of::<PyList>() {
        return "[…]".into();
    }
    if value.is_exact_instance_of::<PyTuple>() {
        return "(…)".into();
    }
    if value.is_exact_instance_of::<PyDict>() {
        return "{…}".into();
    }
    if let Some(name) = name_of_function(value) {
        return name;
    }
    let class = value.get_type();
    class.name().map_or_else(|_| "…".into(), |name| format!("<{}>", name.to_string_lossy()))
}

/// What `asyncio.to_thread` is to call, for example.
fn name_of_function(value: &Bound<'_, PyAny>) -> Option<String> {
    let py = value.py();
    let text = |function: &Bound<'_, PyAny>, name| function.getattr(name).ok()?.extract().ok();
    if value.is_exact_instance_of::<PyFunction>() {
        let name: String = text(value, intern!(py, "__qualname__"))?;
        return Some(own_name(&name).to_owned());
    }
    if value.is_exact_instance_of::<PyCFunction>() {
        return text(value, intern!(py, "__name__"));
    }
    if value.get_type().is(names::method_class(py).ok()?) {
        return name_of_function(&value.getattr(intern!(py, "__func__")).ok()?);
    }
    None
}

fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    // An int of more digits than Python shows raises.
    value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyBool>()
        || value.is_exact_instance_of::<PyNone>()
}
