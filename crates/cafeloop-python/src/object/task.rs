//! `asyncio.Task`, native: a coroutine that a loop drives, step by step.
//!
//! A step is in `step.rs`; what Python sees of a task is in `task_face.rs`.

use std::cell::Cell;
use std::ffi::CStr;

use pyo3::exceptions::{PyRecursionError, PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyContext, PyDict};

use super::class::{Behaviour, Laid, Visitor, own};
use super::classes::{self, Classes};
use super::context::Context;
use super::coroutine::is_coroutine_exact;
use super::freed::Freed;
use super::future::{self, Future, FutureOwn};
use super::reference::{Slot, Strong};
use super::sleep::{self, Sleep};
use super::{all_tasks, gather, layout, published, step, task_name};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::host::Job;
use crate::{names, recorder};

/// A task of ours.
pub(crate) struct Task;

/// What a task has: a future's part, then its own.  Since Python 3.14 its coroutine and
/// its name are among the published fields.
#[repr(C)]
pub(super) struct TaskOwn {
    pub(super) future: FutureOwn,
    /// Kept when the task is done, as `get_coro()` is asked then too.
    #[cfg(not(Py_3_14))]
    coroutine: Slot,
    pub(super) context: Context,
    /// A text, or the number that a text is made of when first asked for.
    #[cfg(not(Py_3_14))]
    pub(super) name: Cell<Option<task_name::Name>>,
    /// What it waits for: one of our futures, a sleep, or anything that behaves
    /// like a future.
    waits_for: Slot,
    pub(super) cancel_requests: Cell<u32>,
    /// Its place among all tasks, while it is pending.
    place: Cell<Option<all_tasks::Place>>,
    /// A CancelledError is to be thrown in at the next step.
    pub(super) must_cancel: Cell<bool>,
    /// Set when it has all that it needs.
    pub(super) log_destroy_pending: Cell<bool>,
}

// SAFETY: as for `Future`; the class is made with this type for its own part.
unsafe impl Laid for Task {
    type Own = TaskOwn;

    #[inline]
    fn offset() -> usize {
        layout::own_offset()
    }
}

impl Behaviour for Task {
    const NAME: &'static CStr = c"cafeloop.Task";
    #[cfg(Py_3_14)]
    const IS_TASK: bool = true;

    fn freed() -> &'static Gil<Freed> {
        static FREED: Gil<Freed> = Gil::new(Freed::none());
        &FREED
    }

    fn new() -> TaskOwn {
        TaskOwn {
            future: FutureOwn::new(),
            #[cfg(not(Py_3_14))]
            coroutine: Slot::empty(),
            context: Context::none(),
            #[cfg(not(Py_3_14))]
            name: Cell::new(None),
            waits_for: Slot::empty(),
            place: Cell::new(None),
            cancel_requests: Cell::new(0),
            must_cancel: Cell::new(false),
            log_destroy_pending: Cell::new(false),
        }
    }

    fn traverse(own: &TaskOwn, visitor: &mut Visitor) {
        own.future.traverse(visitor);
        #[cfg(not(Py_3_14))]
        visitor.slot(&own.coroutine);
        own.context.traverse(visitor);
        visitor.slot(&own.waits_for);
    }

    fn clear(own: &TaskOwn) {
        own.future.clear();
        #[cfg(not(Py_3_14))]
        own.coroutine.clear();
        own.context.clear();
        own.stop_waiting();
    }

    fn wants_finalizer(own: &TaskOwn) -> bool {
        own.place.get().is_some() || own.was_abandoned() || own.future.log_traceback.get()
    }

    fn finalize(task: &Bound<'_, Self>) {
        let own = own(task);
        leave_all_tasks(task);
        if own.was_abandoned() {
            if recorder::is_on() {
                recorder::task_lost(task);
            }
            report_destroyed(task);
        }
        future::report_lost_exception(as_future(task));
    }
}

impl TaskOwn {
    /// Pending, and nobody has said that this is all right.
    fn was_abandoned(&self) -> bool {
        self.future.is_pending() && self.log_destroy_pending.get() && !self.future.owner.is_empty()
    }

    pub(super) fn waits_for<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.waits_for.get(py)
    }

    pub(super) fn wait_for(&self, awaited: Bound<'_, PyAny>) {
        self.waits_for.set(awaited);
    }

    /// Forgets what was waited for; a sleep forgets its task too, which it refers
    /// to without holding it.
    pub(super) fn stop_waiting(&self) {
        if self.waits_for.is_empty() {
            return;
        }
        // SAFETY: a task's own part is used, and dropped, with the GIL held.
        let py = unsafe { Python::assume_attached() };
        if let Some(awaited) = self.waits_for.take(py)
            && let Some(sleep) = sleep::cast(&awaited)
        {
            Sleep::forget_task(sleep);
        }
    }
}

impl Drop for TaskOwn {
    fn drop(&mut self) {
        // Or a sleep that is still among the timers would know a task that is gone.
        self.stop_waiting();
    }
}

/// A task as the future that it is.
#[inline]
pub(super) fn as_future<'a, 'py>(task: &'a Bound<'py, Task>) -> &'a Bound<'py, Future> {
    // SAFETY: a task's own part begins with a future's (`repr(C)`), at the offset
    // that all of our futures have it at.
    unsafe { task.as_any().cast_unchecked() }
}

/// Where a task has its coroutine.
#[cfg(Py_3_14)]
pub(super) use super::published::coroutine;

/// Where a task has its coroutine.
#[cfg(not(Py_3_14))]
#[inline]
pub(super) fn coroutine<'a>(task: &'a Bound<'_, Task>) -> &'a Slot {
    &own(task).coroutine
}

/// The task's loop.
#[inline]
pub(crate) fn owner<'py>(task: &Bound<'py, Task>) -> PyResult<Bound<'py, EventLoop>> {
    future::owner(as_future(task))
}

/// When a task's first step runs.
#[derive(Clone, Copy)]
pub(crate) enum Start {
    /// In the next turn.
    Soon,
    /// At once, inside of whatever runs: only if that is the task's loop.
    Now,
}

/// Makes a task of `owner`'s and starts it.
pub(crate) fn create<'py>(
    classes: &Classes,
    owner: &Bound<'py, EventLoop>,
    coroutine: &Bound<'py, PyAny>,
    name: Option<Bound<'py, PyAny>>,
    context: Option<Bound<'py, PyContext>>,
    when: Start,
) -> PyResult<Bound<'py, Task>> {
    let task = classes.task.create(owner.py())?;
    begin(&task, owner, coroutine, name, context)?;
    start(&task, owner, when)?;
    Ok(task)
}

/// Makes a pending task out of one that was allocated.
pub(super) fn begin<'py>(
    task: &Bound<'py, Task>,
    owner: &Bound<'py, EventLoop>,
    coroutine: &Bound<'py, PyAny>,
    name: Option<Bound<'py, PyAny>>,
    context: Option<Bound<'py, PyContext>>,
) -> PyResult<()> {
    let py = task.py();
    let own = own(task);
    future::begin(as_future(task), owner)?;
    if !is_coroutine(coroutine)? {
        own.log_destroy_pending.set(false);
        let text = format!("a coroutine was expected, got {}", coroutine.repr()?);
        return Err(PyTypeError::new_err(text));
    }
    own.context.replace(Context::of(py, context)?);
    own.stop_waiting();
    own.must_cancel.set(false);
    own.cancel_requests.set(0);
    self::coroutine(task).set(coroutine.clone());
    task_name::set(task, name)?;
    published::begin_task(task);
    own.log_destroy_pending.set(true);
    Ok(())
}

/// Runs a new task's first step, or queues it; it is one of all tasks then.
pub(super) fn start(
    task: &Bound<'_, Task>,
    owner: &Bound<'_, EventLoop>,
    when: Start,
) -> PyResult<()> {
    match when {
        Start::Now => step::run_eagerly(task),
        Start::Soon => {
            EventLoop::queue(owner, Job::Step(Strong::new(task.clone())))?;
            join_all_tasks(task);
            Ok(())
        }
    }
}

/// The context that a task was given; it can't run in anything else.
pub(crate) fn context_or_none(
    context: Option<Bound<'_, PyAny>>,
) -> PyResult<Option<Bound<'_, PyContext>>> {
    let Some(context) = context.filter(|context| !context.is_none()) else { return Ok(None) };
    match context.cast_into::<PyContext>() {
        Ok(context) => Ok(Some(context)),
        Err(error) => {
            let class = error.into_inner().get_type();
            let text = format!("a contextvars.Context was expected, got {}", class.name()?);
            Err(PyTypeError::new_err(text))
        }
    }
}

/// As `asyncio.iscoroutine`, with the usual case first.
pub(super) fn is_coroutine(object: &Bound<'_, PyAny>) -> PyResult<bool> {
    if is_coroutine_exact(object) || sleep::cast(object).is_some() {
        return Ok(true);
    }
    names::is_coroutine(object.py())?.call1((object,))?.is_truthy()
}

/// Asks the task to end: with a CancelledError, now or at its next step.
pub(super) fn cancel<'py>(
    task: &Bound<'py, Task>,
    message: Option<&Bound<'py, PyAny>>,
) -> PyResult<bool> {
    let own = own(task);
    own.future.log_traceback.set(false);
    if !own.future.is_pending() {
        return Ok(false);
    }
    if recorder::is_on() {
        recorder::cancel_asked(task);
    }
    own.cancel_requests.set(own.cancel_requests.get().saturating_add(1));
    if let Some(awaited) = own.waits_for.get(task.py())
        && cancel_awaited(&awaited, message)?
    {
        return Ok(true);
    }
    own.must_cancel.set(true);
    own.future.set_cancel_message(message);
    Ok(true)
}

/// Cancels what a task waits for; false if that is too late.
pub(super) fn cancel_awaited<'py>(
    awaited: &Bound<'py, PyAny>,
    message: Option<&Bound<'py, PyAny>>,
) -> PyResult<bool> {
    let py = awaited.py();
    if let Some(sleep) = sleep::cast(awaited) {
        return Sleep::cancel(sleep, message);
    }
    if let Some(classes) = classes::made(py) {
        if let Some(future) = classes.future.cast_exact(awaited) {
            return future::cancel(future, message);
        }
        // Which may wait for the one whose cancelling this is.
        if let Some(task) = classes.task.cast_exact(awaited) {
            let _deeper = Cancelling::deeper()?;
            return cancel(task, message);
        }
        if let Some(gathering) = classes.gathering.cast_exact(awaited) {
            let _deeper = Cancelling::deeper()?;
            return gather::cancel(gathering, message);
        }
    }
    awaited.call_method1(intern!(py, "cancel"), (message,))?.is_truthy()
}

/// A cancelling that cancels what is awaited, and so on; without end if tasks
/// await each other.
struct Cancelling;

thread_local! {
    static CANCELLING: Cell<u32> = const { Cell::new(0) };
}

impl Cancelling {
    /// More than any program has tasks that await one another in a row, and less
    /// than a thread's stack of 8 MiB has room for.
    const DEEPEST: u32 = 2000;

    fn deeper() -> PyResult<Self> {
        let depth = CANCELLING.get();
        if depth == Cancelling::DEEPEST {
            let text = "maximum recursion depth exceeded while cancelling what a task awaits";
            return Err(PyRecursionError::new_err(text));
        }
        CANCELLING.set(depth + 1);
        Ok(Cancelling)
    }
}

impl Drop for Cancelling {
    fn drop(&mut self) {
        CANCELLING.set(CANCELLING.get() - 1);
    }
}

// --- its place among all tasks

pub(super) fn join_all_tasks(task: &Bound<'_, Task>) {
    own(task).place.set(Some(all_tasks::join(task)));
}

/// A task that is done isn't one of them.
pub(super) fn leave_all_tasks(task: &Bound<'_, Task>) {
    if let Some(place) = own(task).place.take() {
        all_tasks::leave(task, place);
    }
}

fn report_destroyed(task: &Bound<'_, Task>) {
    let py = task.py();
    let own = own(task);
    let report = || -> PyResult<()> {
        let context = PyDict::new(py);
        context.set_item(intern!(py, "task"), task.as_any())?;
        context.set_item(intern!(py, "message"), "Task was destroyed but it is pending!")?;
        if let Some(made_at) = own.future.made_at(py) {
            context.set_item(intern!(py, "source_traceback"), made_at)?;
        }
        let owner = own.future.owner.get(py);
        let owner = owner.ok_or_else(|| PyRuntimeError::new_err("the task has no loop"))?;
        owner.call_method1(intern!(py, "call_exception_handler"), (context,))?;
        Ok(())
    };
    if let Err(error) = report() {
        error.write_unraisable(py, Some(task.as_any()));
    }
}
