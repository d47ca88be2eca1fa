//! The class behind `cafeloop.Loop`: its contents page.
//!
//! ```text
//! state      what a loop holds            lifecycle  running, stopping, closing
//! schedule   callbacks and timers         create     futures and tasks
//! watch      descriptors                  signals    signals, and Ctrl-C
//! debug      the checks of debug mode     report     what callbacks raised
//! operation  receiving and sending on a user's socket
//! ```
//!
//! What runs once per loop, per executor job or per error is Python, in
//! `python/cafeloop/_loop.py`, which derives `cafeloop.Loop` from this class and
//! from `asyncio.AbstractEventLoop`.

mod create;
pub(crate) mod debug;
mod lifecycle;
mod operation;
pub(crate) mod report;
mod schedule;
mod signals;
mod state;
mod watch;

use std::rc::Rc;

use cafeloop::engine::{Engine, Interest, TimerKey};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyTuple, PyType};
use pyo3::{PyTraverseError, PyVisit};

pub(crate) use self::operation::Operation;
use self::state::State;
use crate::clock::{Hold, Holding, VirtualClock};
use crate::errors;
use crate::gil::Gil;
use crate::host::{Job, Python3};
use crate::object::{Arguments, Call, Future, Handle};
use crate::transport::Transports;

/// An event loop's engine as a Python object.
///
/// Any thread that holds the GIL may call it.  As on asyncio's loops, what isn't
/// said to be thread-safe belongs to the thread that runs the loop.
#[pyclass(frozen, subclass, weakref, module = "cafeloop")]
pub(crate) struct EventLoop {
    state: Gil<State>,
}

impl EventLoop {
    fn state<'py>(&'py self, py: Python<'py>) -> &'py State {
        self.state.get(py)
    }

    /// The engine, or asyncio's error if the loop is closed.
    fn engine(&self, py: Python<'_>) -> PyResult<Rc<Engine<Python3>>> {
        self.try_engine(py).ok_or_else(errors::loop_is_closed)
    }

    /// asyncio's error if the loop is closed.
    #[inline]
    fn refuse_closed(&self, py: Python<'_>) -> PyResult<()> {
        if self.state(py).is_closed() { Err(errors::loop_is_closed()) } else { Ok(()) }
    }

    /// The engine, unless the loop is closed.
    pub(crate) fn try_engine(&self, py: Python<'_>) -> Option<Rc<Engine<Python3>>> {
        self.state(py).engine.borrow().clone()
    }

    pub(crate) fn transports<'py>(&'py self, py: Python<'py>) -> &'py Transports {
        &self.state(py).transports
    }

    #[inline]
    pub(crate) fn is_debug(&self, py: Python<'_>) -> bool {
        self.state(py).debug.get()
    }

    /// Whether this thread is the one that runs the loop.
    pub(crate) fn runs_here(&self, py: Python<'_>) -> bool {
        self.state(py).is_running() && !self.state(py).runs_elsewhere(py)
    }

    /// Whether a task of the loop's can be made without asking anybody.
    pub(crate) fn creates_natively(slf: &Bound<'_, Self>) -> PyResult<bool> {
        create::is_native(slf)
    }

    /// Whether native jobs may take the place of handles: nobody looks at each, and no
    /// class has a `call_soon` of its own.
    #[inline]
    pub(crate) fn queues_natively(&self, py: Python<'_>) -> bool {
        self.state(py).plain.queues && !self.is_debug(py)
    }

    /// Has `job` run in the next turn; what `call_soon` does for native objects.
    #[inline(always)]
    pub(crate) fn queue(slf: &Bound<'_, Self>, job: Job) -> PyResult<()> {
        schedule::queue(slf, job)
    }

    /// Takes back the job of a timer; `None` if it has fired already.
    pub(crate) fn cancel_timer(slf: &Bound<'_, Self>, timer: TimerKey) -> Option<Job> {
        let engine = slf.get().state(slf.py()).engine.borrow();
        engine.as_ref().and_then(|engine| engine.cancel_timer(timer))
    }

    /// Has `job` run in `delay` seconds; `None` if somebody else keeps the time.
    pub(crate) fn set_timer_in(
        slf: &Bound<'_, Self>,
        delay: f64,
        job: Job,
    ) -> PyResult<Option<TimerKey>> {
        schedule::set_timer_in(slf, delay, job)
    }
}

/// What runs per callback: the methods of these names, by `object/loop_methods.rs`.
impl EventLoop {
    // --- schedule

    #[inline]
    pub(crate) fn call_soon<'py>(
        slf: &Bound<'py, Self>,
        args: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, Handle>> {
        schedule::call_soon(slf, args)
    }

    #[inline]
    pub(crate) fn call_soon_threadsafe<'py>(
        slf: &Bound<'py, Self>,
        args: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, Handle>> {
        schedule::call_soon_threadsafe(slf, args)
    }

    #[inline]
    pub(crate) fn call_later<'py>(
        slf: &Bound<'py, Self>,
        args: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        schedule::call_later(slf, args)
    }

    #[inline]
    pub(crate) fn call_at<'py>(
        slf: &Bound<'py, Self>,
        args: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, Handle>> {
        schedule::call_at(slf, args)
    }

    #[allow(clippy::unnecessary_wraps, reason = "methods have one shape")]
    pub(crate) fn time<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyFloat>> {
        Ok(PyFloat::new(slf.py(), schedule::time(slf.get(), slf.py())))
    }

    // --- create

    #[inline]
    pub(crate) fn create_future<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        create::future(slf)
    }

    #[inline]
    pub(crate) fn create_task<'py>(
        slf: &Bound<'py, Self>,
        args: Arguments<'_, 'py>,
    ) -> PyResult<Bound<'py, PyAny>> {
        create::task(slf, args)
    }

    // --- operation

    #[inline]
    pub(crate) fn receive<'py>(
        slf: &Bound<'py, Self>,
        args: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, Future>>> {
        let ([sock, n], _) = args.leading("_receive", &["sock", "n"])?;
        operation::receive(slf, &sock, &n)
    }

    #[inline]
    pub(crate) fn receive_into<'py>(
        slf: &Bound<'py, Self>,
        args: Arguments<'_, 'py>,
    ) -> PyResult<Option<Bound<'py, Future>>> {
        let ([sock, memory], _) = args.leading("_receive_into", &["sock", "buf"])?;
        operation::receive_into(slf, &sock, &memory)
    }

    #[inline]
    pub(crate) fn send<'py>(
        slf: &Bound<'py, Self>,
        args: Arguments<'_, 'py>,
    ) -> PyResult<Option<usize>> {
        let ([sock, data], _) = args.leading("_send", &["sock", "data"])?;
        operation::send(slf, &sock, &data)
    }
}

#[pymethods]
impl EventLoop {
    /// A subclass may take what arguments it likes.
    #[new]
    #[classmethod]
    #[pyo3(signature = (*_args, **_kwargs))]
    fn new(
        class: &Bound<'_, PyType>,
        _args: &Bound<'_, PyTuple>,
        _kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        Ok(EventLoop { state: Gil::new(State::new(class)?) })
    }

    // --- lifecycle

    fn run_forever(slf: &Bound<'_, Self>) -> PyResult<()> {
        lifecycle::run_forever(slf)
    }

    fn run_until_complete<'py>(
        slf: &Bound<'py, Self>,
        future: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        lifecycle::run_until_complete(slf, future)
    }

    /// Goes by this clock; before anything else is asked of the loop.
    fn _set_clock(slf: &Bound<'_, Self>, clock: &Bound<'_, VirtualClock>) -> PyResult<()> {
        lifecycle::set_clock(slf, clock.get().clock(slf.py()))
    }

    /// Has a seed choose the order in which what is ready runs, where none is promised.
    fn _set_seed(&self, py: Python<'_>, seed: u64) -> PyResult<()> {
        self.engine(py)?.set_seed(seed);
        Ok(())
    }

    /// Holds a virtual clock until what is returned has ended.
    fn _hold_clock(&self, py: Python<'_>) -> PyResult<Holding> {
        Ok(Holding::new(Hold::Work(self.engine(py)?.work())))
    }

    /// Has a virtual clock pass as real time does until what is returned has ended.
    fn _expect(&self, py: Python<'_>, what: &str) -> PyResult<Holding> {
        Ok(Holding::new(Hold::Outside(self.engine(py)?.expect(what))))
    }

    fn stop(&self, py: Python<'_>) {
        lifecycle::stop(self, py);
    }

    fn is_running(&self, py: Python<'_>) -> bool {
        self.state(py).is_running()
    }

    fn is_closed(&self, py: Python<'_>) -> bool {
        self.state(py).is_closed()
    }

    fn close(slf: &Bound<'_, Self>) -> PyResult<()> {
        lifecycle::close(slf)
    }

    fn _check_closed(&self, py: Python<'_>) -> PyResult<()> {
        self.engine(py).map(drop)
    }

    // --- create (and schedule: see above)

    fn set_task_factory(&self, py: Python<'_>, factory: Option<Bound<'_, PyAny>>) -> PyResult<()> {
        create::set_task_factory(self, py, factory)
    }

    fn get_task_factory(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        create::task_factory(self, py)
    }

    // --- watch

    #[pyo3(signature = (fd, callback, *args))]
    fn add_reader<'py>(
        slf: &Bound<'py, Self>,
        fd: &Bound<'py, PyAny>,
        callback: Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
    ) -> PyResult<()> {
        watch::add(slf, fd, Interest::Read, Call::new(callback, args)?).map(drop)
    }

    fn remove_reader(&self, py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        watch::remove(self, py, fd, Interest::Read)
    }

    #[pyo3(signature = (fd, callback, *args))]
    fn add_writer<'py>(
        slf: &Bound<'py, Self>,
        fd: &Bound<'py, PyAny>,
        callback: Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
    ) -> PyResult<()> {
        watch::add(slf, fd, Interest::Write, Call::new(callback, args)?).map(drop)
    }

    fn remove_writer(&self, py: Python<'_>, fd: &Bound<'_, PyAny>) -> PyResult<bool> {
        watch::remove(self, py, fd, Interest::Write)
    }

    /// `add_reader`, with the handle that shows whether it was replaced.
    #[pyo3(signature = (fd, callback, *args))]
    fn _add_reader<'py>(
        slf: &Bound<'py, Self>,
        fd: &Bound<'py, PyAny>,
        callback: Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        watch::add(slf, fd, Interest::Read, Call::new(callback, args)?)
    }

    /// `add_writer`, with the handle that shows whether it was replaced.
    #[pyo3(signature = (fd, callback, *args))]
    fn _add_writer<'py>(
        slf: &Bound<'py, Self>,
        fd: &Bound<'py, PyAny>,
        callback: Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        watch::add(slf, fd, Interest::Write, Call::new(callback, args)?)
    }

    /// Nobody waits for what `_receive` or `_receive_into` has returned for `sock`.
    fn _stop_receiving(&self, sock: &Bound<'_, PyAny>, future: &Bound<'_, PyAny>) {
        operation::stop_receiving(self, sock, future);
    }

    // --- signals

    #[pyo3(signature = (sig, callback, *args))]
    fn add_signal_handler<'py>(
        slf: &Bound<'py, Self>,
        sig: &Bound<'py, PyAny>,
        callback: Bound<'py, PyAny>,
        args: &Bound<'py, PyTuple>,
    ) -> PyResult<()> {
        signals::add(slf, sig, Call::new(callback, args)?)
    }

    fn remove_signal_handler(&self, py: Python<'_>, sig: &Bound<'_, PyAny>) -> PyResult<bool> {
        signals::remove(self, py, sig)
    }

    // --- debug

    fn get_debug(&self, py: Python<'_>) -> bool {
        self.is_debug(py)
    }

    fn set_debug(slf: &Bound<'_, Self>, enabled: &Bound<'_, PyAny>) -> PyResult<()> {
        debug::set(slf, enabled.is_truthy()?)
    }

    /// In debug mode, refuses what can't be the callback of `method`.
    fn _check_callback(
        slf: &Bound<'_, Self>,
        callback: &Bound<'_, PyAny>,
        method: &str,
    ) -> PyResult<()> {
        debug::check_callback(slf, callback, method)
    }

    /// In debug mode, callbacks that run for longer (in seconds) are logged.
    #[getter]
    fn get_slow_callback_duration(&self, py: Python<'_>) -> f64 {
        self.state(py).slow_callback_duration.get()
    }

    #[setter]
    fn set_slow_callback_duration(&self, py: Python<'_>, seconds: f64) {
        self.state(py).slow_callback_duration.set(seconds);
    }

    /// The number of the thread that runs the loop; read by libraries.
    #[getter]
    fn _thread_id(&self, py: Python<'_>) -> Option<u64> {
        self.state(py).thread_ident.get()
    }

    /// In debug mode, the handle that is running.
    #[getter]
    fn _current_handle(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state(py).current_handle.borrow().as_ref().map(|handle| handle.clone_ref(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.visited(&visit).traverse(&visit)
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        slf.get().state(slf.py()).clear();
    }
}
