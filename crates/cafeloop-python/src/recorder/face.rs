//! What Python sees of a recording: the native half of `cafeloop.record`.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::thread::JoinHandle;

use cafeloop::flow::{Metadata, Recorder};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;

use super::recording::{Options, Recording, metadata};
use super::threads::Threads;
use super::{set_current, tap};
use crate::errors::os_error_of_file;
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::names;

/// A recording: made, then going on, then over.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct FlowRecording {
    state: Gil<RefCell<State>>,
}

enum State {
    Made(Box<Recorder>, Options),
    Going(Rc<Recording>, Option<JoinHandle<Option<Threads>>>),
    /// Nobody looks after it, while the process forks.
    Resting(Rc<Recording>, Option<Threads>),
    Over,
}

#[pymethods]
impl FlowRecording {
    /// With a file, everything is written to it; else the newest events are kept in
    /// `ring_bytes`.  `parent` is the process whose recording this is a part of, or 0;
    /// `command` is the program, and its arguments.
    /// Thresholds and the interval are in seconds; 0 samples no threads.  Without a
    /// watchdog no thread is started: nobody then sees where a loop is blocked, samples
    /// threads, or has the file written now and then.
    #[new]
    #[pyo3(signature = (*, file, ring_bytes, arguments, wait_threshold, block_threshold, sample_interval, watchdog, parent, command))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        file: Option<PathBuf>,
        ring_bytes: usize,
        arguments: bool,
        wait_threshold: f64,
        block_threshold: f64,
        sample_interval: f64,
        watchdog: bool,
        parent: u32,
        command: Vec<String>,
    ) -> PyResult<Self> {
        let options = Options {
            has_watchdog: watchdog,
            shows_arguments: arguments,
            wait_threshold_ns: nanoseconds(wait_threshold),
            block_threshold_ns: nanoseconds(block_threshold),
            sample_interval_ns: nanoseconds(sample_interval),
        };
        let metadata = metadata(options, parent, command);
        let recorder = match file {
            None => Recorder::ring(metadata, ring_bytes),
            Some(path) => {
                open(&path, metadata).map_err(|error| os_error_of_file(py, &error, &path))?
            }
        };
        Ok(FlowRecording {
            state: Gil::new(RefCell::new(State::Made(Box::new(recorder), options))),
        })
    }

    /// Begins; `owner`, if it isn't None, is a loop that runs in this thread.
    fn start(&self, py: Python<'_>, owner: Option<&Bound<'_, EventLoop>>) -> PyResult<()> {
        if super::is_on() {
            return Err(PyRuntimeError::new_err("this process is being recorded already"));
        }
        let state = self.state.get(py);
        let State::Made(recorder, options) = state.replace(State::Over) else {
            return Err(PyRuntimeError::new_err("a recording can't begin twice"));
        };
        let recording = Rc::new(Recording::new(py, *recorder, options)?);
        let threads = recording.watch.threads(main_thread(py)?);
        let watchdog = options.has_watchdog.then(|| recording.watch.start(threads)).transpose()?;
        state.replace(State::Going(recording.clone(), watchdog));
        set_current(py, Some(recording.clone()));
        if let Some(owner) = owner {
            tap::attach(&recording, owner);
        }
        Ok(())
    }

    /// Ends; what still waits is told of.  A second time it does nothing.
    fn stop(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.state.get(py).replace(State::Over);
        let (recording, watchdog) = match state {
            State::Going(recording, watchdog) => (recording, watchdog),
            State::Resting(recording, _) => (recording, None),
            State::Made(..) | State::Over => return Ok(()),
        };
        let told = recording.tell_last_waits(py);
        recording.detach(py);
        recording.watch.end();
        // It may be waiting for the GIL.
        py.detach(|| drop(watchdog.map(JoinHandle::join)));
        set_current(py, None);
        let empty = Recorder::ring(Metadata::default(), 0);
        let recorder = recording.recorder.replace(empty);
        recorder.finish(recording.now_ns())?;
        told
    }

    /// Writes what a ring holds to a file; the recording goes on.
    #[allow(clippy::needless_pass_by_value, reason = "as PyO3 extracts it")]
    fn dump(&self, py: Python<'_>, file: PathBuf) -> PyResult<()> {
        let Some(recording) = self.going(py) else {
            return Err(PyRuntimeError::new_err("the recording isn't going on"));
        };
        let snapshot = recording.snapshot(py)?;
        let dump = || {
            let mut out = io::BufWriter::new(File::create(&file)?);
            recording.recorder.borrow().dump(&mut out, recording.now_ns(), &snapshot)?;
            out.flush()
        };
        dump().map_err(|error| os_error_of_file(py, &error, &file))
    }

    /// Writes what has been buffered for the file.
    fn flush(&self, py: Python<'_>) {
        if let Some(recording) = self.going(py) {
            recording.recorder.borrow_mut().flush();
        }
    }

    /// Before the process forks: a thread besides those of the program's own would make
    /// the interpreter warn of it.
    fn rest(&self, py: Python<'_>) {
        let state = self.state.get(py);
        match state.replace(State::Over) {
            State::Going(recording, Some(watchdog)) => {
                recording.watch.rest();
                state.replace(State::Resting(recording, None));
                let threads = py.detach(|| watchdog.join().ok().flatten());
                if let State::Resting(_, place) = &mut *state.borrow_mut() {
                    *place = threads;
                }
            }
            other => drop(state.replace(other)),
        }
    }

    /// After that, in the process that has forked.
    fn go_on(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.state.get(py);
        match state.replace(State::Over) {
            State::Resting(recording, threads) => {
                let watchdog = recording.watch.start(threads)?;
                state.replace(State::Going(recording, Some(watchdog)));
            }
            other => drop(state.replace(other)),
        }
        Ok(())
    }

    /// In a process that was forked while it went on: it goes on in the parent alone.
    fn forget(&self, py: Python<'_>) {
        let state = self.state.get(py).replace(State::Over);
        // There is no thread here that looks after it.
        if let State::Going(recording, _) | State::Resting(recording, _) = state {
            recording.detach(py);
            set_current(py, None);
        }
    }
}

impl FlowRecording {
    /// What goes on, if it does.
    fn going(&self, py: Python<'_>) -> Option<Rc<Recording>> {
        match &*self.state.get(py).borrow() {
            State::Going(recording, _) | State::Resting(recording, _) => Some(recording.clone()),
            State::Made(..) | State::Over => None,
        }
    }
}

fn main_thread(py: Python<'_>) -> PyResult<u64> {
    names::main_thread(py)?.call0()?.getattr(intern!(py, "ident"))?.extract()
}

fn open(path: &Path, metadata: Metadata) -> io::Result<Recorder> {
    Recorder::stream(metadata, Box::new(File::create(path)?))
}

/// Seconds as the recorder has them; less than none is none.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a cast saturates")]
fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9) as u64
}
