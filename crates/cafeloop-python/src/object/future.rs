//! `asyncio.Future`, native: its state, its outcome, and who waits for it.
//!
//! Tasks and gathering futures are futures too; for all of them [`Future`] stands
//! as the type of `Bound`.  What Python sees of it is in `future_face.rs`.

use std::cell::{Cell, OnceCell};
use std::ffi::CStr;

use pyo3::exceptions::{PyBaseException, PyRuntimeError, PyStopIteration, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyType};

use super::class::{Behaviour, Laid, Visitor, own};
use super::classes::Classes;
use super::freed::Freed;
use super::layout;
use super::reference::{Slot, Strong};
use super::task::Task;
use super::waiters::{Waiter, Waiters};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::{names, recorder};

/// One of our futures: a plain one, a task or a gathering.
pub(crate) struct Future;

/// What has become of a future.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Pending,
    Cancelled,
    /// With a result.
    Finished,
    /// With an exception.
    Failed,
}

/// What every future has: see `layout.rs` for where.
#[repr(C)]
pub(super) struct FutureOwn {
    /// Its loop; empty until `__init__` has run, and once cleared as garbage.
    pub(super) owner: Slot<EventLoop>,
    /// The result or the exception, when there is one.
    outcome: Slot,
    pub(super) waiters: Waiters,
    /// What most futures never have.
    rare: OnceCell<Box<Rare>>,
    /// The number by which a recording knows it, if one does.
    pub(super) recorded_as: Cell<u32>,
    state: Cell<State>,
    /// Set by `await`, for the task that it reaches to see that it was awaited and
    /// not just yielded (`_asyncio_future_blocking`).
    pub(super) blocking: Cell<bool>,
    /// Whether to complain if the exception is never looked at.
    pub(super) log_traceback: Cell<bool>,
}

/// What a future has that failed, was cancelled with care, or is debugged.
#[derive(Default)]
struct Rare {
    /// The exception's traceback as it was set, which raising it in several
    /// tasks would make longer each time.
    traceback: Slot,
    cancel_message: Slot,
    /// The exception that a cancelled task ended with, for the first who asks.
    cancelled_error: Slot,
    /// In debug mode, where the future was made.
    made_at: Slot,
}

impl Rare {
    fn slots(&self) -> [&Slot; 4] {
        [&self.traceback, &self.cancel_message, &self.cancelled_error, &self.made_at]
    }
}

// SAFETY: objects of this type come from `Class::create`, `tp_new` and the casts
// of `Class` only; the three classes have a `FutureOwn` at the begin of their own
// parts, which have the same offset (`layout.rs`).
unsafe impl Laid for Future {
    type Own = FutureOwn;

    #[inline]
    fn offset() -> usize {
        layout::own_offset()
    }
}

impl Behaviour for Future {
    const NAME: &'static CStr = c"cafeloop.Future";

    fn freed() -> &'static Gil<Freed> {
        static FREED: Gil<Freed> = Gil::new(Freed::none());
        &FREED
    }

    fn new() -> FutureOwn {
        FutureOwn::new()
    }

    fn traverse(own: &FutureOwn, visitor: &mut Visitor) {
        own.traverse(visitor);
    }

    fn clear(own: &FutureOwn) {
        own.clear();
    }

    fn wants_finalizer(own: &FutureOwn) -> bool {
        own.log_traceback.get()
    }

    fn finalize(future: &Bound<'_, Self>) {
        report_lost_exception(future);
    }
}

impl FutureOwn {
    pub(super) fn new() -> Self {
        FutureOwn {
            owner: Slot::empty(),
            outcome: Slot::empty(),
            waiters: Waiters::none(),
            rare: OnceCell::new(),
            recorded_as: Cell::new(0),
            state: Cell::new(State::Pending),
            blocking: Cell::new(false),
            log_traceback: Cell::new(false),
        }
    }

    pub(super) fn state(&self) -> State {
        self.state.get()
    }

    pub(super) fn is_pending(&self) -> bool {
        self.state.get() == State::Pending
    }

    /// What it has been given, if that is of this kind.
    pub(super) fn outcome<'py>(&self, py: Python<'py>, kind: State) -> Option<Bound<'py, PyAny>> {
        if self.state.get() == kind { self.outcome.get(py) } else { None }
    }

    fn rare(&self) -> &Rare {
        self.rare.get_or_init(Box::default)
    }

    pub(super) fn cancel_message<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.rare.get()?.cancel_message.get(py)
    }

    pub(super) fn set_cancel_message(&self, message: Option<&Bound<'_, PyAny>>) {
        match message {
            Some(message) => self.rare().cancel_message.set(message.clone()),
            None => self.rare.get().map_or((), |rare| rare.cancel_message.clear()),
        }
    }

    pub(super) fn made_at<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.rare.get()?.made_at.get(py)
    }

    pub(super) fn traverse(&self, visitor: &mut Visitor) {
        visitor.slot(&self.owner);
        visitor.slot(&self.outcome);
        for slot in self.rare.get().into_iter().flat_map(|rare| rare.slots()) {
            visitor.slot(slot);
        }
        self.waiters.traverse(visitor);
    }

    pub(super) fn clear(&self) {
        self.log_traceback.set(false);
        self.owner.clear();
        self.outcome.clear();
        for slot in self.rare.get().into_iter().flat_map(|rare| rare.slots()) {
            slot.clear();
        }
        self.waiters.clear();
    }
}

/// Makes a pending future of `owner`'s.
pub(crate) fn create<'py>(
    classes: &Classes,
    owner: &Bound<'py, EventLoop>,
) -> PyResult<Bound<'py, Future>> {
    let future = classes.future.create(owner.py())?;
    begin(&future, owner)?;
    Ok(future)
}

/// Makes a pending future of `owner`'s out of one that was allocated.
pub(super) fn begin(future: &Bound<'_, Future>, owner: &Bound<'_, EventLoop>) -> PyResult<()> {
    let py = future.py();
    let own = own(future);
    if !own.owner.is_empty() {
        // `__init__` was called again.
        if cfg!(Py_3_15) {
            let text = format!("{} is already initialized", future.as_any().repr()?);
            return Err(PyRuntimeError::new_err(text));
        }
        own.clear();
    }
    own.owner.set(owner.clone());
    own.state.set(State::Pending);
    own.blocking.set(false);
    if owner.get().is_debug(py) {
        own.rare().made_at.set(names::extract_stack(py)?.call0()?);
    }
    Ok(())
}

pub(crate) fn owner<'py>(future: &Bound<'py, Future>) -> PyResult<Bound<'py, EventLoop>> {
    let owner = own(future).owner.get(future.py());
    owner.ok_or_else(|| PyRuntimeError::new_err("Future object is not initialized."))
}

/// Whether `future` belongs to `owner`.
#[inline]
pub(super) fn belongs_to(future: &Bound<'_, Future>, owner: &Bound<'_, EventLoop>) -> bool {
    own(future).owner.holds(owner)
}

pub(crate) fn set_result(future: &Bound<'_, Future>, result: Bound<'_, PyAny>) -> PyResult<()> {
    let own = own(future);
    if own.owner.is_empty() {
        owner(future)?;
    }
    refuse_done(future)?;
    own.outcome.set(result);
    own.state.set(State::Finished);
    tell_waiters(future)
}

/// Ends a pending future.  The task that waits for it, if nobody else does, is for the
/// caller to wake.
pub(crate) fn finish<'py>(
    future: &Bound<'py, Future>,
    outcome: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, Task>>> {
    let py = future.py();
    let only = own(future).waiters.take_only_task();
    match outcome {
        Ok(result) => set_result(future, result)?,
        Err(error) => fail(future, error.into_value(py).into_bound(py))?,
    }
    Ok(only.map(|task| task.into_bound(py)))
}

pub(crate) fn is_pending(future: &Bound<'_, Future>) -> bool {
    own(future).is_pending()
}

/// `exception` is an instance of BaseException or a class of such.
pub(super) fn set_exception(
    future: &Bound<'_, Future>,
    exception: &Bound<'_, PyAny>,
) -> PyResult<()> {
    refuse_done(future)?;
    let exception = if exception.is_instance_of::<PyType>() {
        let exception = exception.call0()?;
        refuse_done(future)?;
        exception
    } else {
        exception.clone()
    };
    let exception = exception
        .cast_into::<PyBaseException>()
        .map_err(|_| PyTypeError::new_err("invalid exception object"))?;
    fail(future, refuse_stop_iteration(future, exception)?)
}

/// Gives a pending future its exception.
pub(super) fn fail(
    future: &Bound<'_, Future>,
    exception: Bound<'_, PyBaseException>,
) -> PyResult<()> {
    let own = own(future);
    if let Some(traceback) = exception.getattr_opt(intern!(future.py(), "__traceback__"))?
        && !traceback.is_none()
    {
        own.rare().traceback.set(traceback);
    }
    own.outcome.set(exception.into_any());
    own.state.set(State::Failed);
    tell_waiters(future)?;
    own.log_traceback.set(true);
    Ok(())
}

/// A StopIteration would end the coroutine that awaits it as if it had returned.
/// Versions differ in what they make of that, so a future of asyncio's is asked.
fn refuse_stop_iteration<'py>(
    future: &Bound<'py, Future>,
    exception: Bound<'py, PyBaseException>,
) -> PyResult<Bound<'py, PyBaseException>> {
    let py = exception.py();
    if !exception.is_instance_of::<PyStopIteration>() {
        return Ok(exception);
    }
    let options = PyDict::new(py);
    options.set_item(intern!(py, "loop"), owner(future)?)?;
    let theirs = names::future_class(py)?.call((), Some(&options))?;
    theirs.call_method1(intern!(py, "set_exception"), (exception,))?;
    Ok(theirs.call_method0(intern!(py, "exception"))?.cast_into()?)
}

/// Cancels a pending future; false if it wasn't.
pub(super) fn cancel(
    future: &Bound<'_, Future>,
    message: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let own = own(future);
    own.log_traceback.set(false);
    if !own.is_pending() {
        return Ok(false);
    }
    own.state.set(State::Cancelled);
    own.set_cancel_message(message);
    tell_waiters(future)?;
    Ok(true)
}

/// Cancels a task's future with the exception that its coroutine ended with.
pub(super) fn cancelled_by(
    future: &Bound<'_, Future>,
    error: Bound<'_, PyBaseException>,
) -> PyResult<()> {
    own(future).rare().cancelled_error.set(error.into_any());
    cancel(future, None).map(drop)
}

/// The CancelledError to raise for a cancelled future.
pub(super) fn cancelled_error<'py>(future: &Bound<'py, Future>) -> PyResult<Bound<'py, PyAny>> {
    let py = future.py();
    let own = own(future);
    if let Some(error) = own.rare.get().and_then(|rare| rare.cancelled_error.take(py)) {
        return Ok(error);
    }
    make_cancelled_error(py, own.cancel_message(py))
}

pub(super) fn make_cancelled_error<'py>(
    py: Python<'py>,
    message: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let class = names::cancelled_error(py)?;
    match message.filter(|message| !message.is_none()) {
        None => class.call0(),
        Some(message) => class.call1((message,)),
    }
}

/// The result, or as an error what takes its place.
pub(super) fn result<'py>(future: &Bound<'py, Future>) -> PyResult<Bound<'py, PyAny>> {
    let py = future.py();
    let own = own(future);
    if own.state() == State::Finished {
        return Ok(own.outcome.get(py).unwrap_or_else(|| py.None().into_bound(py)));
    }
    match error(future)? {
        Some(error) => Err(PyErr::from_value(error)),
        None => Err(invalid_state(py, "Result is not set.")),
    }
}

/// What whoever waited for the future is to be told by an exception, and marks it
/// as told.  `None` for a result, and for a future that isn't done.
pub(super) fn error<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = future.py();
    let own = own(future);
    match own.state() {
        State::Pending | State::Finished => Ok(None),
        State::Cancelled => cancelled_error(future).map(Some),
        State::Failed => {
            own.log_traceback.set(false);
            let Some(error) = own.outcome.get(py) else { return Ok(None) };
            // For the first who is told; later ones see what that has made of it.
            let traceback = own.rare.get().and_then(|rare| rare.traceback.take(py));
            error.setattr(intern!(py, "__traceback__"), traceback)?;
            Ok(Some(error))
        }
    }
}

/// The same without the care for its traceback, for somebody who doesn't raise it.
pub(super) fn peek_error<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let own = own(future);
    match own.state() {
        State::Pending | State::Finished => Ok(None),
        State::Cancelled => cancelled_error(future).map(Some),
        State::Failed => Ok(Some(peek_outcome(future))),
    }
}

/// The result or the exception of a future that is done.
pub(super) fn peek_outcome<'py>(future: &Bound<'py, Future>) -> Bound<'py, PyAny> {
    let py = future.py();
    let own = own(future);
    own.log_traceback.set(false);
    own.outcome.get(py).unwrap_or_else(|| py.None().into_bound(py))
}

/// Has `waiter` told when the future is done; in a later turn if it is already.
pub(super) fn add_waiter(future: &Bound<'_, Future>, waiter: Waiter) -> PyResult<()> {
    let own = own(future);
    if own.is_pending() {
        own.waiters.add(waiter);
        Ok(())
    } else {
        waiter.tell(&owner(future)?, future)
    }
}

fn tell_waiters(future: &Bound<'_, Future>) -> PyResult<()> {
    let own = own(future);
    if own.waiters.is_empty() {
        return Ok(());
    }
    let owner = owner(future)?;
    for waiter in own.waiters.take() {
        waiter.tell(&owner, future)?;
    }
    Ok(())
}

pub(super) fn refuse_done(future: &Bound<'_, Future>) -> PyResult<()> {
    if own(future).is_pending() { Ok(()) } else { Err(invalid_state(future.py(), "invalid state")) }
}

pub(super) fn invalid_state(py: Python<'_>, text: &str) -> PyErr {
    match names::invalid_state_error(py).and_then(|class| class.call1((text,))) {
        Ok(error) => PyErr::from_value(error),
        Err(error) => error,
    }
}

/// Tells the loop's exception handler that nobody has looked at the exception.
pub(super) fn report_lost_exception(future: &Bound<'_, Future>) {
    let py = future.py();
    let own = own(future);
    if !own.log_traceback.replace(false) {
        return;
    }
    if recorder::is_on() {
        recorder::exception_lost(future, own.outcome.get(py).as_ref());
    }
    let report = || -> PyResult<()> {
        let context = PyDict::new(py);
        let class = future.as_any().get_type();
        let text = format!("{} exception was never retrieved", class.name()?);
        context.set_item(intern!(py, "message"), text)?;
        context.set_item(intern!(py, "exception"), own.outcome.get(py))?;
        context.set_item(intern!(py, "future"), future.as_any())?;
        if let Some(made_at) = own.made_at(py) {
            context.set_item(intern!(py, "source_traceback"), made_at)?;
        }
        let owner = owner(future)?;
        owner.call_method1(intern!(py, "call_exception_handler"), (context,))?;
        Ok(())
    };
    if let Err(error) = report() {
        error.write_unraisable(py, Some(future.as_any()));
    }
}

/// A reference to the future that may be kept.
pub(super) fn keep(future: &Bound<'_, Future>) -> Strong<Future> {
    Strong::new(future.clone())
}
