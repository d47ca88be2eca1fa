//! Running a loop, stopping it and closing it.

use cafeloop::engine::Clock;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::signals::Wakeup;
use super::{EventLoop, debug, signals};
use crate::ffi::{PythonThread, has_own_attribute};
use crate::{names, object, recorder};

pub(super) fn run_forever(slf: &Bound<'_, EventLoop>) -> PyResult<()> {
    let py = slf.py();
    let engine = slf.get().engine(py)?;
    check_not_running(slf)?;
    let _running = Running::begin(slf)?;
    engine.run(py).map_err(|exit| exit.0)
}

pub(super) fn run_until_complete<'py>(
    slf: &Bound<'py, EventLoop>,
    future: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    slf.get().engine(py)?;
    check_not_running(slf)?;
    let is_ours = !names::is_future(py)?.call1((future,))?.is_truthy()?;
    let options = PyDict::new(py);
    options.set_item(intern!(py, "loop"), slf)?;
    let future = names::ensure_future(py)?.call((future,), Some(&options))?;
    if is_ours {
        // If it is still pending at the end, the error below says so already.
        future.setattr(intern!(py, "_log_destroy_pending"), false)?;
    }
    // asyncio's own, by which libraries tell the main task (anyio).
    let stop = names::run_until_complete_cb(py)?;
    future.call_method1(intern!(py, "add_done_callback"), (stop,))?;
    let outcome = slf.call_method0(intern!(py, "run_forever"));
    future.call_method1(intern!(py, "remove_done_callback"), (stop,))?;
    let is_done = || future.call_method0(intern!(py, "done"))?.is_truthy();
    if let Err(error) = outcome {
        if is_ours && is_done()? && !future.call_method0(intern!(py, "cancelled"))?.is_truthy()? {
            // The exception that left the loop is the task's own: retrieved.
            future.call_method0(intern!(py, "exception"))?;
        }
        return Err(error);
    }
    if !is_done()? {
        return Err(PyRuntimeError::new_err("Event loop stopped before Future completed."));
    }
    future.call_method0(intern!(py, "result"))
}

pub(super) fn stop(slf: &EventLoop, py: Python<'_>) {
    if let Some(engine) = slf.try_engine(py) {
        engine.stop();
    }
}

pub(super) fn close(slf: &Bound<'_, EventLoop>) -> PyResult<()> {
    let py = slf.py();
    let state = slf.get().state(py);
    if state.is_running() {
        return Err(PyRuntimeError::new_err("Cannot close a running event loop"));
    }
    signals::remove_all(slf)?;
    // Dropping the engine closes its descriptors and drops what was queued.
    let engine = state.engine.take();
    drop(engine);
    Ok(())
}

/// Has the loop, which hasn't been used yet, go by another clock.
pub(super) fn set_clock(slf: &Bound<'_, EventLoop>, clock: Clock) -> PyResult<()> {
    let py = slf.py();
    let engine = slf.get().engine(py)?;
    check_not_running(slf)?;
    if !engine.is_idle() {
        return Err(PyRuntimeError::new_err("A loop that is in use can't be given a clock"));
    }
    slf.get().state(py).set_clock(clock)
}

fn check_not_running(slf: &Bound<'_, EventLoop>) -> PyResult<()> {
    let py = slf.py();
    if slf.get().state(py).is_running() {
        return Err(PyRuntimeError::new_err("This event loop is already running"));
    }
    if !names::get_running_loop(py)?.call0()?.is_none() {
        return Err(PyRuntimeError::new_err(
            "Cannot run the event loop while another loop is running",
        ));
    }
    Ok(())
}

/// The `time` method of a loop that doesn't have ours.
fn own_time(slf: &Bound<'_, EventLoop>) -> PyResult<Option<Py<PyAny>>> {
    let py = slf.py();
    let name = intern!(py, "time");
    let is_ours = object::is_plain_method(&slf.get_type(), name)? && !has_own_attribute(slf, name)?;
    if is_ours { Ok(None) } else { slf.getattr(name).map(|time| Some(time.unbind())) }
}

/// A loop that runs in this thread, and what the thread was before.
struct Running<'a, 'py> {
    slf: &'a Bound<'py, EventLoop>,
    asyncgen_hooks_before: Bound<'py, PyAny>,
    wakeup: Wakeup,
}

impl<'a, 'py> Running<'a, 'py> {
    fn begin(slf: &'a Bound<'py, EventLoop>) -> PyResult<Self> {
        let py = slf.py();
        let state = slf.get().state(py);
        let asyncgen_hooks_before = names::get_asyncgen_hooks(py)?.call0()?;
        let running = Running { slf, asyncgen_hooks_before, wakeup: Wakeup::begin(slf)? };
        state.thread.set(Some(PythonThread::current(py)));
        state.thread_ident.set(Some(names::current_thread_id(py)?.call0()?.extract()?));
        let time = own_time(slf)?;
        let engine = slf.get().engine(py)?;
        engine.host().set_time(time);
        engine.host().turns_end.set_running(true);
        debug::track_origins(py, state, state.debug.get())?;
        let hooks = (
            slf.getattr(intern!(py, "_asyncgen_firstiter_hook"))?,
            slf.getattr(intern!(py, "_asyncgen_finalizer_hook"))?,
        );
        names::set_asyncgen_hooks(py)?.call1(hooks)?;
        names::set_running_loop(py)?.call1((slf,))?;
        if recorder::is_on() {
            recorder::loop_begins(slf);
        }
        Ok(running)
    }

    fn end(&self) -> PyResult<()> {
        let py = self.slf.py();
        let state = self.slf.get().state(py);
        state.thread.set(None);
        state.thread_ident.set(None);
        if recorder::is_on() {
            recorder::loop_ends(self.slf);
        }
        if let Some(engine) = self.slf.get().try_engine(py) {
            engine.host().set_time(None);
            engine.host().rest(py);
            // A turn that was left early has put off what it wrote.
            engine.host().turns_end.set_running(false);
            engine.host().turns_end.come(py, || {})?;
        }
        debug::track_origins(py, state, false)?;
        names::set_running_loop(py)?.call1((py.None(),))?;
        let hooks = &self.asyncgen_hooks_before;
        names::set_asyncgen_hooks(py)?.call1((hooks.get_item(0)?, hooks.get_item(1)?))?;
        self.wakeup.end(self.slf)
    }
}

impl Drop for Running<'_, '_> {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            error.write_unraisable(self.slf.py(), Some(self.slf.as_any()));
        }
    }
}
