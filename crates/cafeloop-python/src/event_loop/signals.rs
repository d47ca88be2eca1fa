//! Signals whose handlers run in the loop, and a Ctrl-C that is never late.
//!
//! CPython's own C handler writes the number of each signal into a pipe of the
//! engine's (`signal.set_wakeup_fd`), which ends the loop's wait.  The pipe is in
//! place while the loop has handlers, running or not, so that no signal is lost;
//! and while the loop runs in the main thread, because a signal that arrives
//! between the last line of Python and the kernel's wait would otherwise be
//! noticed only after that wait.

use std::os::fd::{AsRawFd, RawFd};

use pyo3::exceptions::{PyOSError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyInt};
use pyo3::{intern, wrap_pyfunction};

use super::{EventLoop, debug};
use crate::errors::engine_failed;
use crate::host::Watcher;
use crate::names;
use crate::object::{Call, Handle, Strong};

/// `signal.SIGINT`, `signal.SIG_DFL` and `errno.EINVAL` on every Linux.
const SIGINT: i32 = 2;
const SIG_DFL: i32 = 0;
const EINVAL: i32 = 22;
/// What `signal.set_wakeup_fd` takes and gives for none.
const NO_FD: RawFd = -1;

pub(super) fn add(
    slf: &Bound<'_, EventLoop>,
    signal: &Bound<'_, PyAny>,
    call: Call,
) -> PyResult<()> {
    let py = slf.py();
    debug::refuse_coroutine(&call.callback(py), "add_signal_handler")?;
    let signal = valid(signal)?;
    let engine = slf.get().engine(py)?;
    // Only the main thread may, and the error says so.
    set_wakeup_fd(py, writer(slf)?)
        .map_err(|error| PyRuntimeError::new_err(error.value(py).to_string()))?;
    let handle = Strong::new(Handle::new(slf, call, None)?);
    drop(engine.watch_signal(signal, Watcher::Handle(handle)));
    let answer = ignore(py)
        .and_then(|ignore| names::set_signal_handler(py)?.call1((signal, ignore)))
        // System calls that the signal interrupts are begun again.
        .and_then(|_| names::siginterrupt(py)?.call1((signal, false)));
    if let Err(error) = answer {
        drop(engine.unwatch_signal(signal));
        if engine.watched_signals().is_empty() {
            set_wakeup_fd(py, NO_FD)?;
        }
        return Err(not_catchable(py, error, signal));
    }
    Ok(())
}

pub(super) fn remove(slf: &EventLoop, py: Python<'_>, signal: &Bound<'_, PyAny>) -> PyResult<bool> {
    let signal = valid(signal)?;
    let Some(engine) = slf.try_engine(py) else { return Ok(false) };
    let Some(handle) = engine.unwatch_signal(signal) else { return Ok(false) };
    drop(handle);
    let default = if signal == SIGINT {
        py.import(intern!(py, "signal"))?.getattr(intern!(py, "default_int_handler"))?
    } else {
        SIG_DFL.into_pyobject(py)?.into_any()
    };
    let answer = names::set_signal_handler(py)?.call1((signal, default));
    answer.map_err(|error| not_catchable(py, error, signal))?;
    if engine.watched_signals().is_empty() && !slf.state(py).is_running() {
        set_wakeup_fd(py, NO_FD)?;
    }
    Ok(true)
}

/// Before the loop is closed.
pub(super) fn remove_all(slf: &Bound<'_, EventLoop>) -> PyResult<()> {
    let py = slf.py();
    let Some(engine) = slf.get().try_engine(py) else { return Ok(()) };
    for signal in engine.watched_signals() {
        slf.call_method1(intern!(py, "remove_signal_handler"), (signal,))?;
    }
    Ok(())
}

/// Whether the loop put its pipe in place to run.
pub(super) struct Wakeup {
    is_ours: bool,
}

impl Wakeup {
    pub(super) fn begin(slf: &Bound<'_, EventLoop>) -> PyResult<Self> {
        let py = slf.py();
        let main = names::main_thread(py)?.call0()?.getattr(intern!(py, "ident"))?;
        if !main.eq(names::current_thread_id(py)?.call0()?)? {
            return Ok(Wakeup { is_ours: false });
        }
        reset_in_children(py)?;
        let ours = writer(slf)?;
        let before = set_wakeup_fd(py, ours)?;
        let is_ours = before == NO_FD || before == ours;
        if !is_ours {
            // Somebody else wants to know of signals: that is theirs to keep.
            set_wakeup_fd(py, before)?;
        }
        Ok(Wakeup { is_ours })
    }

    pub(super) fn end(&self, owner: &Bound<'_, EventLoop>) -> PyResult<()> {
        let py = owner.py();
        let has_handlers =
            owner.get().try_engine(py).is_some_and(|engine| !engine.watched_signals().is_empty());
        if self.is_ours && !has_handlers {
            set_wakeup_fd(py, NO_FD)?;
        }
        Ok(())
    }
}

/// A child that is forked while a loop runs shares its pipe, and would report
/// its own signals to the parent.  asyncio sees to this itself since 3.12.
fn reset_in_children(py: Python<'_>) -> PyResult<()> {
    static REGISTERED: PyOnceLock<()> = PyOnceLock::new();
    REGISTERED
        .get_or_try_init(py, || {
            let options = [("after_in_child", wrap_pyfunction!(forget_wakeup_fd, py)?)];
            names::register_at_fork(py)?.call((), Some(&options.into_py_dict(py)?))?;
            Ok(())
        })
        .copied()
}

#[pyfunction]
fn forget_wakeup_fd(py: Python<'_>) -> PyResult<()> {
    set_wakeup_fd(py, NO_FD).map(drop)
}

/// What CPython calls in the main thread; the loop has the pipe.
#[pyfunction]
#[pyo3(signature = (_signal, _frame))]
fn ignore_signal(_signal: &Bound<'_, PyAny>, _frame: &Bound<'_, PyAny>) {}

fn ignore(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    Ok(wrap_pyfunction!(ignore_signal, py)?.into_any())
}

fn writer(slf: &Bound<'_, EventLoop>) -> PyResult<RawFd> {
    let engine = slf.get().engine(slf.py())?;
    engine.with_signal_writer(|fd| fd.as_raw_fd()).map_err(|error| engine_failed(&error))
}

/// Returns the descriptor that was set before.  A full pipe isn't warned of: the
/// loop is about to read it.
fn set_wakeup_fd(py: Python<'_>, fd: RawFd) -> PyResult<RawFd> {
    let options = [("warn_on_full_buffer", false)].into_py_dict(py)?;
    names::set_wakeup_fd(py)?.call((fd,), Some(&options))?.extract()
}

fn valid(signal: &Bound<'_, PyAny>) -> PyResult<i32> {
    let py = signal.py();
    if !signal.is_instance_of::<PyInt>() {
        let text = format!("sig must be an int, not {}", signal.repr()?);
        return Err(PyTypeError::new_err(text));
    }
    if !names::valid_signals(py)?.call0()?.contains(signal)? {
        return Err(PyValueError::new_err(format!("invalid signal number {signal}")));
    }
    signal.extract()
}

fn not_catchable(py: Python<'_>, error: PyErr, signal: i32) -> PyErr {
    let is_invalid = error.is_instance_of::<PyOSError>(py)
        && error
            .value(py)
            .getattr(intern!(py, "errno"))
            .is_ok_and(|no| no.eq(EINVAL).unwrap_or(false));
    if is_invalid {
        PyRuntimeError::new_err(format!("sig {signal} cannot be caught"))
    } else {
        error
    }
}
