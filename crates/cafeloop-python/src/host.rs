//! How a Python job runs: the engine's host.

use std::cell::RefCell;

use cafeloop::engine::{Host, Moment};
use pyo3::prelude::*;
use pyo3::types::{PyContext, PyString, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use crate::errors::{self, Exit};
use crate::event_loop::{EventLoop, Operation, debug, report};
use crate::object::{
    self, Callback, Future, Gathering, Handle, Inside, Queued, Sleep, Slot, Strong, Task,
};
use crate::recorder::Heard;
use crate::seconds::to_nanoseconds;
use crate::transport::{Datagram, ReadBuffer, Stream, TurnsEnd, Watching};

/// What a Python loop runs.
///
/// All but handles are what asyncio makes a handle, a bound method and a tuple of
/// arguments for.  A job is three words, since it is moved from queue to queue; what
/// would take more is in a box.
pub(crate) enum Job {
    /// A callback of the user's.
    Handle(Queued),
    /// A connection whose protocol is to be told of it, in this context.
    Begin(Py<Stream>, Py<PyContext>),
    /// A connection that is lost: its protocol is to be told.
    End(Box<Ending>),
    /// A connection that has something to read, or its end.
    Read(Py<Stream>),
    /// A connection whose kernel has room for what waits to be sent.
    Send(Py<Stream>),
    /// An endpoint that has a datagram, or an error, to receive.
    Receive(Py<Datagram>),
    /// An endpoint whose kernel has room for the datagrams that wait.
    SendDatagrams(Py<Datagram>),
    /// A user's own socket that has something to read for one of the `sock_*` methods.
    Operate(Box<Operation>),
    /// A task's next step.
    Step(Strong<Task>),
    /// A task's next step, which throws this into its coroutine.
    Throw(Strong<Task>, Strong),
    /// What a task waits for is done.
    Wake(Strong<Task>),
    /// The time of a sleep has come.
    ///
    /// The task is held here, so that one which nobody else holds sleeps on.
    Slept(Strong<Sleep>, Strong<Task>),
    /// A future is done, and one of its callbacks is to be called.
    Done(Box<Callback>, Strong<Future>),
    /// A child of a gathering is done.
    Gathered(Strong<Gathering>, Strong<Future>),
}

/// A connection that is lost, in what context that is told, and by what error it is.
pub(crate) struct Ending {
    pub(crate) stream: Py<Stream>,
    pub(crate) context: Py<PyContext>,
    pub(crate) error: Option<Py<PyAny>>,
}

const _: () = assert!(size_of::<Job>() == 3 * size_of::<usize>());

impl Job {
    /// Shows what it refers to, to the garbage collector.
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Job::Handle(handle) => handle.traverse(visit),
            Job::Read(stream) | Job::Send(stream) => visit.call(stream),
            Job::Begin(stream, context) => {
                visit.call(stream)?;
                visit.call(context)
            }
            Job::End(ending) => {
                visit.call(&ending.stream)?;
                visit.call(&ending.context)?;
                visit.call(&ending.error)
            }
            Job::Receive(datagram) | Job::SendDatagrams(datagram) => visit.call(datagram),
            Job::Operate(operation) => operation.traverse(visit),
            // A sleep itself refers to nothing that the collector knows.
            Job::Step(task) | Job::Wake(task) | Job::Slept(_, task) => visit.call(task.as_py()),
            Job::Throw(task, error) => {
                visit.call(task.as_py())?;
                visit.call(error.as_py())
            }
            Job::Done(callback, future) => {
                visit.call(callback.function.as_py())?;
                callback.context.visit(visit)?;
                visit.call(future.as_py())
            }
            Job::Gathered(gathering, future) => {
                visit.call(gathering.as_py())?;
                visit.call(future.as_py())
            }
        }
    }
}

/// Whoever wants to know that a descriptor is ready or a signal has come: told
/// each time, until it is taken out by whoever put it in.
pub(crate) enum Watcher {
    Handle(Strong<Handle>),
    /// Of a descriptor that was given as an object, which is kept as long.
    Of(Strong<Handle>, Py<PyAny>),
    Reader(Py<Stream>),
    Sender(Py<Stream>),
    Receiver(Py<Datagram>),
    DatagramSender(Py<Datagram>),
    /// Told once.
    Operation(Box<Operation>),
}

impl Watcher {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Watcher::Handle(handle) => visit.call(handle.as_py()),
            Watcher::Of(handle, object) => {
                visit.call(handle.as_py())?;
                visit.call(object)
            }
            Watcher::Reader(stream) | Watcher::Sender(stream) => visit.call(stream),
            Watcher::Receiver(datagram) | Watcher::DatagramSender(datagram) => visit.call(datagram),
            Watcher::Operation(operation) => operation.traverse(visit),
        }
    }

    /// Whether it tells this native half of a transport.
    pub(crate) fn is_of(&self, half: &Bound<'_, PyAny>) -> bool {
        match self {
            Watcher::Handle(_) | Watcher::Of(..) | Watcher::Operation(_) => false,
            Watcher::Reader(own) | Watcher::Sender(own) => own.is(half),
            Watcher::Receiver(own) | Watcher::DatagramSender(own) => own.is(half),
        }
    }

    /// Whether its descriptor was given as this object.
    pub(crate) fn is_given_as(&self, object: &Bound<'_, PyAny>) -> bool {
        matches!(self, Watcher::Of(_, own) if own.is(object))
    }

    /// Tells whoever is watched no longer: another has taken its place.
    pub(crate) fn replaced(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Watcher::Handle(handle) | Watcher::Of(handle, _) => Handle::cancel(handle.bind(py)),
            // As with asyncio nobody is told of an operation.  A transport finds out by
            // itself: its socket was closed behind its back.
            Watcher::Operation(_)
            | Watcher::Reader(_)
            | Watcher::Sender(_)
            | Watcher::Receiver(_)
            | Watcher::DatagramSender(_) => Ok(()),
        }
    }
}

/// Python as the language that an engine serves.
#[derive(Default)]
pub(crate) struct Python3 {
    /// The `time` method of a loop whose class, or user, has put another in the
    /// place of ours; only while the loop runs.
    time: RefCell<Option<Py<PyAny>>>,
    /// The loop, while asyncio's dictionary of current tasks has what its last step
    /// left there.
    left_current: Slot<EventLoop>,
    /// The context that the loop is in, between its jobs.
    inside: Inside,
    /// What is sent when the jobs of a turn have run.
    pub(crate) turns_end: TurnsEnd,
    /// Who hears what the loop does, while a recording goes on.
    pub(crate) heard: Heard,
    /// Where small reads go first.
    pub(crate) read_buffer: ReadBuffer,
}

impl Python3 {
    /// Has deadlines due by this method's seconds, or by the engine's clock again.
    pub(crate) fn set_time(&self, time: Option<Py<PyAny>>) {
        let before = self.time.replace(time);
        drop(before);
    }

    /// A step of `owner`'s leaves its task in asyncio's dictionary of current tasks.
    #[inline]
    pub(crate) fn leave_current(&self, owner: &Bound<'_, EventLoop>) {
        if self.left_current.is_empty() {
            self.left_current.set(owner.clone());
        }
    }

    /// Takes out of that dictionary what the last step has left there: before
    /// anything else than a step runs, and before other threads do.
    #[inline]
    pub(crate) fn forget_left(&self, py: Python<'_>) {
        if let Some(owner) = self.left_current.take(py) {
            object::forget_current(&owner);
        }
    }

    pub(crate) fn has_own_time(&self) -> bool {
        self.time.borrow().is_some()
    }
}

impl Python3 {
    /// The loop waits, or runs no more.
    pub(crate) fn rest(&self, py: Python<'_>) {
        self.forget_left(py);
        self.inside.rest(py);
    }

    /// Runs what is neither a callback of the user's nor a step of a task: nobody's task
    /// is current then.
    fn run_other(&self, py: Python<'_>, job: Job) -> PyResult<()> {
        self.forget_left(py);
        self.inside.leave_own(py);
        match job {
            Job::Slept(sleep, task) => Sleep::fire(&sleep.into_bound(py), task.into_bound(py)),
            Job::Done(callback, future) => call(*callback, &future.into_bound(py), &self.inside),
            Job::Gathered(gathering, child) => {
                object::child_done(&gathering.into_bound(py), &child.into_bound(py))
            }
            other => {
                self.inside.leave(py);
                run_transport(py, other)
            }
        }
    }
}

impl Host for Python3 {
    type Job = Job;
    type Watcher = Watcher;
    type Scope<'s> = Python<'s>;
    type Exit = Exit;

    #[inline]
    fn run(&self, py: Python<'_>, job: Job) -> Result<(), Exit> {
        let inside = &self.inside;
        let outcome = match job {
            Job::Handle(handle) => {
                // Nobody's task is current then.
                self.forget_left(py);
                Handle::run(&handle, py, inside)
            }
            Job::Step(task) => {
                step(&task.into_bound(py), |task| object::run_step(task, None, inside))
            }
            Job::Wake(task) => step(&task.into_bound(py), |task| object::wake_task(task, inside)),
            Job::Operate(operation) => {
                inside.leave_own(py);
                match operation.go_on(py) {
                    // One turn earlier than a callback and a wake-up would.
                    Ok(Some(task)) => step(&task, |task| object::wake_task(task, inside)),
                    answer => answer.map(drop),
                }
            }
            Job::Throw(task, error) => {
                let error = error.into_bound(py);
                step(&task.into_bound(py), |task| object::run_step(task, Some(error), inside))
            }
            other => self.run_other(py, other),
        };
        // One that leaves the loop has its turn's end at once.
        outcome.and_then(|()| self.turns_end.job_ends(py)).map_err(Exit)
    }

    #[inline]
    fn comes_soon(&self, job: &Job) {
        match job {
            Job::Handle(handle) => handle.fetch(),
            Job::Step(task) | Job::Throw(task, _) | Job::Wake(task) => object::fetch(task),
            Job::Slept(sleep, task) => {
                object::fetch(sleep);
                object::fetch(task);
            }
            _ => {}
        }
    }

    #[inline]
    fn comes_next(&self, job: &Job) {
        if let Job::Step(task) | Job::Wake(task) = job {
            object::fetch_coroutine(task);
        }
    }

    fn job_begins(&self, py: Python<'_>, moment: Moment<'_>, job: &Job) {
        self.heard.job_begins(py, moment, job);
    }

    fn job_ends(&self, py: Python<'_>, moment: Moment<'_>) {
        self.heard.job_ends(py, moment);
    }

    fn ready(&self, py: Python<'_>, watcher: &mut Option<Watcher>) -> Option<Job> {
        let is_told_once = |watcher: &mut Watcher| matches!(watcher, Watcher::Operation(_));
        if let Some(Watcher::Operation(operation)) = watcher.take_if(is_told_once) {
            return Some(Job::Operate(operation));
        }
        Some(match watcher.as_ref()? {
            Watcher::Handle(handle) | Watcher::Of(handle, _) => {
                Job::Handle(Queued::new(handle.bind(py).clone()))
            }
            Watcher::Reader(stream) => Job::Read(stream.clone_ref(py)),
            Watcher::Sender(stream) => Job::Send(stream.clone_ref(py)),
            Watcher::Receiver(datagram) if !datagram.get().wants_report(py) => return None,
            Watcher::Receiver(datagram) => Job::Receive(datagram.clone_ref(py)),
            Watcher::DatagramSender(datagram) => Job::SendDatagrams(datagram.clone_ref(py)),
            Watcher::Operation(_) => unreachable!("it was taken out above"),
        })
    }

    /// Steps and wake-ups of tasks depend on who wakes them first.  All others are what
    /// `call_soon` was asked for, here or where asyncio has a handle.
    fn is_promised(&self, job: &Job) -> bool {
        !matches!(
            job,
            Job::Step(_)
                | Job::Throw(..)
                | Job::Wake(_)
                | Job::Slept(..)
                | Job::Done(..)
                | Job::Gathered(..)
        )
    }

    fn settle(&self, py: Python<'_>) {
        self.rest(py);
    }

    fn block<R: Send>(&self, py: Python<'_>, wait: impl FnOnce() -> R + Send) -> R {
        // What another thread writes meanwhile must not wait for the end of this turn:
        // that isn't allowed, but works with asyncio.
        self.turns_end.set_running(false);
        let answer = py.detach(wait);
        self.turns_end.set_running(true);
        answer
    }

    fn now_ns(&self, py: Python<'_>) -> Result<Option<u64>, Exit> {
        let time = self.time.borrow().as_ref().map(|time| time.clone_ref(py));
        let Some(time) = time else { return Ok(None) };
        self.inside.leave(py);
        let seconds = time.bind(py).call0().and_then(|seconds| seconds.extract());
        seconds.and_then(to_nanoseconds).map(Some).map_err(Exit)
    }

    fn turn_ends(&self, py: Python<'_>) -> Result<bool, Exit> {
        self.turns_end.come(py, || self.inside.leave(py)).map_err(Exit)
    }

    fn interrupted(&self, py: Python<'_>) -> Result<(), Exit> {
        self.inside.leave(py);
        py.check_signals().map_err(Exit)
    }
}

/// Has a connection do what its descriptor is ready for, or its protocol told.
fn run_transport(py: Python<'_>, job: Job) -> PyResult<()> {
    match job {
        Job::Begin(stream, context) => {
            let stream = stream.bind(py);
            reported(stream, "_add_reader", Stream::begin(stream, context.bind(py)))
        }
        Job::End(ending) => {
            let Ending { stream, context, error } = *ending;
            let (stream, error) = (stream.bind(py), error.map(|error| error.into_bound(py)));
            let outcome = Stream::end(stream, context.bind(py), error);
            reported(stream, "_call_connection_lost", outcome)
        }
        Job::Read(stream) => {
            let stream = stream.bind(py);
            reported(stream, "_read_ready", Stream::read(stream))
        }
        Job::Send(stream) => {
            let stream = stream.bind(py);
            reported(stream, "_write_ready", Stream::send(stream))
        }
        Job::Receive(datagram) => {
            let datagram = datagram.bind(py);
            reported(datagram, "_read_ready", Datagram::receive(datagram))
        }
        Job::SendDatagrams(datagram) => {
            let datagram = datagram.bind(py);
            reported(datagram, "_sendto_ready", Datagram::send(datagram))
        }
        _ => unreachable!("all others are run without coming here"),
    }
}

/// What a job of a transport's raises is reported, unless it is to leave the loop: as of
/// the method that asyncio would have called.
#[inline]
fn reported<T: Watching>(
    native: &Bound<'_, T>,
    method: &str,
    outcome: PyResult<()>,
) -> PyResult<()> {
    outcome.or_else(|error| {
        let py = native.py();
        let endpoint = native.get().endpoint(py);
        // It may be gone, with its connection.
        let transport = endpoint.transport(py).unwrap_or_else(|| py.None());
        let call = (transport.bind(py), &PyString::new(py, method), PyTuple::empty(py));
        report::method_failed(endpoint.owner().bind(py), call, error)
    })
}

/// Runs a step; what it raises for the loop is reported, unless it is to leave it.
#[inline]
fn step<'py>(
    task: &Bound<'py, Task>,
    run: impl FnOnce(&Bound<'py, Task>) -> PyResult<()>,
) -> PyResult<()> {
    let owner = object::owner_of(task)?;
    let outcome =
        if owner.get().is_debug(task.py()) { timed(&owner, task, run) } else { run(task) };
    outcome.or_else(|error| step_failed(&owner, task, error))
}

#[cold]
fn timed<'py>(
    owner: &Bound<'py, EventLoop>,
    task: &Bound<'py, Task>,
    run: impl FnOnce(&Bound<'py, Task>) -> PyResult<()>,
) -> PyResult<()> {
    debug::time(owner, || Ok(task.as_any().repr()?.into_any()), || run(task))
}

#[cold]
fn step_failed(owner: &Bound<'_, EventLoop>, task: &Bound<'_, Task>, error: PyErr) -> PyResult<()> {
    if errors::leaves_the_loop(error.value(task.py())) {
        return Err(error);
    }
    report::step_failed(owner, task, error)
}

/// Calls a future's done callback, as a handle would.
fn call(callback: Callback, future: &Bound<'_, Future>, inside: &Inside) -> PyResult<()> {
    let py = future.py();
    let Callback { function, context } = callback;
    let function = function.into_bound(py);
    let outcome = match object::group_task_done(&function, future) {
        Ok(false) => context.run(py, inside, || function.call1((future.as_any(),)).map(drop)),
        outcome => outcome.map(drop),
    };
    match outcome {
        Err(error) if !errors::leaves_the_loop(error.value(py)) => {
            report::done_callback_failed(future, &function, context, error)
        }
        outcome => outcome,
    }
}
