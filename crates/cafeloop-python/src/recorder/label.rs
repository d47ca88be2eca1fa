//! A call as people write it: `handle_customer('Vanilla', 'Latte')`.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyNone, PyString, PyTuple};

use super::codes::own_name;

/// Characters of one argument, at most.
const MOST_OF_ARGUMENT: usize = 24;
/// Arguments that are shown, at most.
const MOST_ARGUMENTS: usize = 6;

/// The call that made a coroutine which hasn't started; `None` if it was made without
/// arguments, or those can't be seen.
///
/// Only values whose class is one of Python's plain ones are shown: to ask others for
/// their `repr` would run anybody's code, and might show what should stay hidden.
pub(super) fn of_call(coroutine: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
    let py = coroutine.py();
    let Some(code) = coroutine.getattr_opt(intern!(py, "cr_code"))? else { return Ok(None) };
    let count = |name| code.getattr(name).and_then(|count| count.extract::<usize>());
    let arguments = count(intern!(py, "co_argcount"))? + count(intern!(py, "co_kwonlyargcount"))?;
    if arguments == 0 {
        return Ok(None);
    }
    let frame = coroutine.getattr(intern!(py, "cr_frame"))?;
    if frame.is_none() {
        return Ok(None);
    }
    let locals = frame.getattr(intern!(py, "f_locals"))?;
    let names = code.getattr(intern!(py, "co_varnames"))?.cast_into::<PyTuple>()?;
    let mut shown = Vec::new();
    for (place, name) in names.iter().take(arguments).enumerate() {
        if place == 0 && is_receiver(&name) {
            continue;
        }
        if shown.len() == MOST_ARGUMENTS {
            shown.push("…".to_owned());
            break;
        }
        shown.push(locals.get_item(name).map_or_else(|_| "…".to_owned(), |value| show(&value)));
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
    let class = value.get_type();
    class.name().map_or_else(|_| "…".into(), |name| format!("<{}>", name.to_string_lossy()))
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
