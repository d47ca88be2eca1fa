//! What debug mode checks and measures.

use std::time::Instant;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::EventLoop;
use super::state::State;
use crate::names;
use crate::object::{Call, Handle, seek_origins};

/// Frames that debug mode keeps of where a coroutine was made
/// (`asyncio.constants.DEBUG_STACK_DEPTH`).
const ORIGIN_DEPTH: i32 = 10;

pub(super) fn set(slf: &Bound<'_, EventLoop>, enabled: bool) -> PyResult<()> {
    let state = slf.get().state(slf.py());
    state.debug.set(enabled);
    if state.runs_elsewhere(slf.py()) {
        // Origins are tracked by thread: the loop's own has to see to it.
        slf.call_method1(
            intern!(slf.py(), "call_soon_threadsafe"),
            (slf.getattr("set_debug")?, enabled),
        )?;
    } else if state.is_running() {
        track_origins(slf.py(), state, enabled)?;
    }
    Ok(())
}

/// Has coroutines remember where they were made, for the warning about one that
/// is never awaited; or goes back to how it was.
pub(super) fn track_origins(py: Python<'_>, state: &State, enabled: bool) -> PyResult<()> {
    if enabled == state.origin_depth_before.get().is_some() {
        return Ok(());
    }
    let depth = if enabled {
        let before = names::get_origin_tracking_depth(py)?.call0()?.extract()?;
        state.origin_depth_before.set(Some(before));
        ORIGIN_DEPTH
    } else {
        state.origin_depth_before.take().unwrap_or_default()
    };
    names::set_origin_tracking_depth(py)?.call1((depth,))?;
    seek_origins(py, enabled);
    Ok(())
}

/// In debug mode, refuses a call from another thread than the loop's.
#[inline]
pub(super) fn check_thread(slf: &Bound<'_, EventLoop>) -> PyResult<()> {
    let state = slf.get().state(slf.py());
    if state.debug.get() && state.runs_elsewhere(slf.py()) {
        return Err(PyRuntimeError::new_err(
            "Non-thread-safe operation invoked on an event loop other than the current one",
        ));
    }
    Ok(())
}

/// In debug mode, refuses what can't be a callback.
pub(super) fn check_callback(
    slf: &Bound<'_, EventLoop>,
    callback: &Bound<'_, PyAny>,
    method: &str,
) -> PyResult<()> {
    if !slf.get().is_debug(slf.py()) {
        return Ok(());
    }
    refuse_coroutine(callback, method)?;
    if !callback.is_callable() {
        let text =
            format!("a callable object was expected by {method}(), got {}", callback.repr()?);
        return Err(PyTypeError::new_err(text));
    }
    Ok(())
}

pub(super) fn refuse_coroutine(callback: &Bound<'_, PyAny>, method: &str) -> PyResult<()> {
    let py = callback.py();
    for is_coroutine in [names::is_coroutine(py)?, names::is_coroutine_function(py)?] {
        if is_coroutine.call1((callback,))?.is_truthy()? {
            let text = format!("coroutines cannot be used with {method}()");
            return Err(PyTypeError::new_err(text));
        }
    }
    Ok(())
}

/// Runs `handle` by calling `run`, and logs it if that took too long.
pub(crate) fn watch_slow(
    owner: &Bound<'_, EventLoop>,
    handle: &Bound<'_, Handle>,
    run: impl FnOnce() -> PyResult<()>,
) -> PyResult<()> {
    let state = owner.get().state(owner.py());
    drop(state.current_handle.replace(Some(handle.as_any().clone().unbind())));
    let run_here = || {
        let outcome = run();
        drop(state.current_handle.take());
        outcome
    };
    time(owner, || describe(handle), run_here)
}

/// Calls `run`, and logs what it was if that took too long.
pub(crate) fn time<'py>(
    owner: &Bound<'py, EventLoop>,
    what: impl FnOnce() -> PyResult<Bound<'py, PyAny>>,
    run: impl FnOnce() -> PyResult<()>,
) -> PyResult<()> {
    let py = owner.py();
    let state = owner.get().state(py);
    let began = Instant::now();
    let outcome = run();
    let took = began.elapsed().as_secs_f64();
    if took >= state.slow_callback_duration.get() {
        let what = what()?;
        let text = "Executing %s took %.3f seconds";
        names::logger(py)?.call_method1(intern!(py, "warning"), (text, what, took))?;
    }
    outcome
}

/// A callback as messages show it.  Since Python 3.13 its arguments, which may be
/// secrets, are shown in debug mode only.
pub(crate) fn show_call(owner: &Bound<'_, EventLoop>, call: &Call) -> PyResult<String> {
    let py = owner.py();
    let options = PyDict::new(py);
    if cfg!(Py_3_13) {
        options.set_item(intern!(py, "debug"), owner.get().is_debug(py))?;
    }
    let call = (call.callback(py), call.args(py)?);
    names::format_callback_source(py)?.call(call, Some(&options))?.extract()
}

/// A task's step is shown as the task.
fn describe<'py>(handle: &Bound<'py, Handle>) -> PyResult<Bound<'py, PyAny>> {
    let py = handle.py();
    let callback = handle.as_any().getattr(intern!(py, "_callback"))?;
    if let Some(owner) = callback.getattr_opt(intern!(py, "__self__"))?
        && owner.is_instance(names::task_class(py)?)?
    {
        return Ok(owner.repr()?.into_any());
    }
    Ok(handle.as_any().str()?.into_any())
}
