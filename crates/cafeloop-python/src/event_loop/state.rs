//! What a loop holds.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use cafeloop::engine::{Clock, Engine};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyType};
use pyo3::{PyTraverseError, PyVisit};

use crate::errors::engine_failed;
use crate::ffi::PythonThread;
use crate::host::{Job, Python3};
use crate::names;
use crate::object;
use crate::transport::Transports;

/// asyncio's own default, in seconds.
const SLOW_CALLBACK_DURATION: f64 = 0.1;

/// A loop's own data.  No cell stays borrowed while Python code runs.
pub(super) struct State {
    /// Gone once the loop is closed.
    pub(super) engine: RefCell<Option<Rc<Engine<Python3>>>>,
    /// The engine's, which a closed loop still tells the time by.
    pub(super) clock: RefCell<Clock>,
    /// The thread that runs the loop, while one does.
    pub(super) thread: Cell<Option<PythonThread>>,
    /// What Python calls it, for those who ask a loop in which thread it runs.
    pub(super) thread_ident: Cell<Option<u64>>,
    /// Who uses which descriptor.
    pub(super) transports: Transports,
    pub(super) task_factory: RefCell<Option<Py<PyAny>>>,
    /// Which of its methods are still ours.
    pub(super) plain: Plain,
    pub(super) debug: Cell<bool>,
    pub(super) slow_callback_duration: Cell<f64>,
    /// Kept in debug mode only, for the exception handler.
    pub(super) current_handle: RefCell<Option<Py<PyAny>>>,
    /// The depth of coroutine origin tracking to go back to, while the loop
    /// tracks origins itself.
    pub(super) origin_depth_before: Cell<Option<i32>>,
}

/// What a subclass hasn't overridden: only then may native objects do it without
/// calling the method.
#[derive(Clone, Copy)]
pub(super) struct Plain {
    /// `call_soon`: else futures and tasks are the interpreter's, which call it.
    pub(super) queues: bool,
    /// `time`, `call_at` and `call_later`.
    pub(super) keeps_time: bool,
    /// `create_task`.
    pub(super) creates: bool,
}

impl Plain {
    fn of(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let has_our = |name| object::is_plain_method(class, &PyString::new(class.py(), name));
        Ok(Plain {
            queues: has_our("call_soon")?,
            keeps_time: has_our("time")? && has_our("call_at")? && has_our("call_later")?,
            creates: has_our("create_task")?,
        })
    }
}

impl State {
    pub(super) fn new(class: &Bound<'_, PyType>) -> PyResult<Self> {
        let py = class.py();
        let clock = Clock::real();
        Ok(State {
            engine: RefCell::new(Some(Rc::new(new_engine(clock.clone())?))),
            clock: RefCell::new(clock),
            thread: Cell::new(None),
            thread_ident: Cell::new(None),
            transports: Transports::default(),
            task_factory: RefCell::new(None),
            plain: Plain::of(class)?,
            debug: Cell::new(names::is_debug_mode(py)?.call0()?.is_truthy()?),
            slow_callback_duration: Cell::new(SLOW_CALLBACK_DURATION),
            current_handle: RefCell::new(None),
            origin_depth_before: Cell::new(None),
        })
    }

    /// Goes by another clock from now on: by a new engine.
    pub(super) fn set_clock(&self, clock: Clock) -> PyResult<()> {
        let engine = new_engine(clock.clone())?;
        let before = (self.engine.replace(Some(Rc::new(engine))), self.clock.replace(clock));
        drop(before);
        Ok(())
    }

    pub(super) fn is_running(&self) -> bool {
        self.thread.get().is_some()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.engine.borrow().is_none()
    }

    /// Whether another thread than this one runs the loop.
    #[inline]
    pub(super) fn runs_elsewhere(&self, py: Python<'_>) -> bool {
        self.thread.get().is_some_and(|thread| thread != PythonThread::current(py))
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        if let Ok(factory) = self.task_factory.try_borrow() {
            visit.call(&*factory)?;
        }
        let Ok(engine) = self.engine.try_borrow() else { return Ok(()) };
        let Some(engine) = &*engine else { return Ok(()) };
        // The first refusal ends the traversal; the engine shows all it holds.
        let refused = Cell::new(None);
        let note = |answer: Result<(), PyTraverseError>| {
            if let Some(error) = refused.take().or(answer.err()) {
                refused.set(Some(error));
            }
        };
        let job = |job: &Job| note(job.traverse(visit));
        engine.for_each_held(job, |watcher| note(watcher.traverse(visit)));
        refused.into_inner().map_or(Ok(()), Err)
    }

    /// Breaks the cycles that garbage may hang in.
    pub(super) fn clear(&self) {
        let held = (self.engine.take(), self.task_factory.take(), self.current_handle.take());
        // Dropped here, when nothing is borrowed.
        drop(held);
    }
}

fn new_engine(clock: Clock) -> PyResult<Engine<Python3>> {
    Engine::new(Python3::default(), clock, None).map_err(|error| engine_failed(&error))
}
