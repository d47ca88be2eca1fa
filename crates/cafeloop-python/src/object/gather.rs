//! `asyncio.gather`, native: a future that is done when its children are.
//!
//! Where anything isn't as usual (no task of ours running, a task factory, a
//! foreign future, an argument given twice) asyncio's own `gather` does the work.

use std::cell::Cell;
use std::ffi::CStr;

use pyo3::exceptions::PyBaseException;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyTuple};

use super::class::{Behaviour, Laid, Visitor, own};
use super::classes::{self, Classes};
use super::coroutine::is_coroutine_exact;
use super::freed::Freed;
use super::future::{self, Future, FutureOwn, State};
use super::method::Arguments;
use super::reference::{Slot, Strong};
use super::task::{Start, Task};
use super::waiters::Waiter;
use super::{current, layout, published, task};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::names;

/// What `gather` returns.
pub(crate) struct Gathering;

/// What a gathering has behind its base's struct: a future's part, then its own.
#[repr(C)]
pub(super) struct GatheringOwn {
    future: FutureOwn,
    /// In the order of the arguments.
    children: Slot<PyTuple>,
    /// The task that gathers, if whom it awaits is to be seen.
    gatherer: Slot<Task>,
    left: Cell<u32>,
    return_exceptions: Cell<bool>,
    cancel_requested: Cell<bool>,
}

// SAFETY: as for `Future`; the class is made with this type for its own part.
unsafe impl Laid for Gathering {
    type Own = GatheringOwn;

    #[inline]
    fn offset() -> usize {
        layout::own_offset()
    }
}

impl Behaviour for Gathering {
    const NAME: &'static CStr = c"cafeloop._GatheringFuture";

    fn freed() -> &'static Gil<Freed> {
        static FREED: Gil<Freed> = Gil::new(Freed::none());
        &FREED
    }

    fn new() -> GatheringOwn {
        GatheringOwn {
            future: FutureOwn::new(),
            children: Slot::empty(),
            gatherer: Slot::empty(),
            left: Cell::new(0),
            return_exceptions: Cell::new(false),
            cancel_requested: Cell::new(false),
        }
    }

    fn traverse(own: &GatheringOwn, visitor: &mut Visitor) {
        own.future.traverse(visitor);
        visitor.slot(&own.children);
        visitor.slot(&own.gatherer);
    }

    fn clear(own: &GatheringOwn) {
        own.future.clear();
        own.children.clear();
        own.gatherer.clear();
    }

    fn wants_finalizer(own: &GatheringOwn) -> bool {
        own.future.log_traceback.get()
    }

    fn finalize(gathering: &Bound<'_, Self>) {
        future::report_lost_exception(as_future(gathering));
    }
}

pub(super) fn as_future<'a, 'py>(gathering: &'a Bound<'py, Gathering>) -> &'a Bound<'py, Future> {
    // SAFETY: a gathering's own part begins with a future's (`repr(C)`), at the
    // offset that all of our futures have it at.
    unsafe { gathering.as_any().cast_unchecked() }
}

/// Gathers, if a task of ours calls and all is as usual; else asyncio's own
/// `gather` is to do it.
pub(super) fn native<'py>(
    py: Python<'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Option<Bound<'py, Gathering>>> {
    let (Some(classes), Some(stepping)) = (classes::made(py), current::stepping(py)) else {
        return Ok(None);
    };
    let mut return_exceptions = false;
    for (name, value) in arguments.named() {
        if !name.eq(intern!(py, "return_exceptions"))? {
            return Ok(None);
        }
        return_exceptions = value.is_truthy()?;
    }
    let owner = task::owner(&stepping)?;
    let awaited: Vec<_> = arguments.positional().collect();
    if !EventLoop::creates_natively(&owner)? || !can_gather(classes, &owner, &awaited) {
        return Ok(None);
    }
    begin(classes, &stepping, &owner, awaited, return_exceptions).map(Some)
}

/// Whether all are coroutines, or futures of ours and of this loop, each once.
fn can_gather(
    classes: &Classes,
    owner: &Bound<'_, EventLoop>,
    awaited: &[Bound<'_, PyAny>],
) -> bool {
    let mut addresses = Vec::with_capacity(awaited.len());
    for argument in awaited {
        let is_usual = is_coroutine_exact(argument)
            || classes.sleep.cast_exact(argument).is_some()
            || classes
                .cast_future_exact(argument)
                .is_some_and(|future| future::belongs_to(future, owner));
        if !is_usual {
            return false;
        }
        addresses.push(argument.as_ptr() as usize);
    }
    addresses.sort_unstable();
    !addresses.is_empty() && addresses.windows(2).all(|pair| pair[0] != pair[1])
}

fn begin<'py>(
    classes: &Classes,
    gatherer: &Bound<'py, Task>,
    owner: &Bound<'py, EventLoop>,
    awaited: Vec<Bound<'py, PyAny>>,
    return_exceptions: bool,
) -> PyResult<Bound<'py, Gathering>> {
    let py = owner.py();
    let mut children = Vec::with_capacity(awaited.len());
    for argument in awaited {
        children.push(if let Some(future) = classes.cast_future_exact(&argument) {
            future.clone()
        } else {
            let task = task::create(classes, owner, &argument, None, None, Start::Soon)?;
            own(&task).log_destroy_pending.set(false);
            task::as_future(&task).clone()
        });
    }
    let gathering = classes.gathering.create(py)?;
    future::begin(as_future(&gathering), owner)?;
    let state = own(&gathering);
    state.left.set(children.len().try_into().unwrap_or(u32::MAX));
    state.return_exceptions.set(return_exceptions);
    let mut done = Vec::new();
    for child in &children {
        let is_told_later = own(child).is_pending() || !cfg!(Py_3_12);
        if is_told_later {
            let waiter = Waiter::Gathering(Strong::new(gathering.clone()));
            if published::is_here() {
                published::awaited(child, gatherer)?;
                state.gatherer.set(gatherer.clone());
            }
            future::add_waiter(child, waiter)?;
        } else {
            done.push(child.clone());
        }
    }
    let children = children.into_iter().map(Bound::into_any).collect::<Vec<_>>();
    state.children.set(PyTuple::new(py, children)?);
    for child in done {
        child_done(&gathering, &child)?;
    }
    Ok(gathering)
}

/// A child is done: passes on its exception, or the results if it is the last.
pub(crate) fn child_done(
    gathering: &Bound<'_, Gathering>,
    child: &Bound<'_, Future>,
) -> PyResult<()> {
    let state = own(gathering);
    state.left.set(state.left.get().saturating_sub(1));
    if let Some(gatherer) = state.gatherer.get(gathering.py()) {
        published::no_longer_awaited(child, &gatherer)?;
    }
    if !state.future.is_pending() {
        // Nobody will ask for its exception any more.
        own(child).log_traceback.set(false);
        return Ok(());
    }
    let is_over = tell_gathering(gathering, child)?;
    if is_over && let Some(gatherer) = state.gatherer.take(gathering.py()) {
        for child in children(gathering) {
            published::no_longer_awaited(&child, &gatherer)?;
        }
    }
    Ok(())
}

/// Whether the gathering is done by what became of `child`.
fn tell_gathering(gathering: &Bound<'_, Gathering>, child: &Bound<'_, Future>) -> PyResult<bool> {
    let state = own(gathering);
    if !state.return_exceptions.get()
        && let Some(error) = future::peek_error(child)?
    {
        future::set_exception(as_future(gathering), &error)?;
        return Ok(true);
    }
    if state.left.get() > 0 {
        return Ok(false);
    }
    let results = results(gathering)?;
    if state.cancel_requested.get() {
        // As asyncio's: with the message of the last in order.
        let last = children(gathering).last();
        let error = future::cancelled_error(last.as_ref().unwrap_or(child))?;
        future::fail(as_future(gathering), error.cast_into::<PyBaseException>()?)?;
    } else {
        future::set_result(as_future(gathering), results.into_any())?;
    }
    Ok(true)
}

/// How many it gathers.
pub(super) fn children_count(gathering: &Bound<'_, Gathering>) -> usize {
    own(gathering).children.get(gathering.py()).map_or(0, |children| children.len())
}

fn children<'py>(gathering: &Bound<'py, Gathering>) -> impl Iterator<Item = Bound<'py, Future>> {
    let py = gathering.py();
    let children = own(gathering).children.get(py);
    let children = children.map(|children| children.iter().collect::<Vec<_>>());
    let classes = classes::made(py);
    children
        .unwrap_or_default()
        .into_iter()
        .filter_map(move |child| classes?.cast_future_exact(&child).cloned())
}

fn results<'py>(gathering: &Bound<'py, Gathering>) -> PyResult<Bound<'py, PyList>> {
    let py = gathering.py();
    let results = PyList::empty(py);
    for child in children(gathering) {
        let state = own(&child);
        results.append(match state.state() {
            State::Cancelled => {
                // Always with a message, if only an empty one: as asyncio's.
                let message = state.cancel_message(py);
                let message = message.filter(|message| !message.is_none());
                let message = message.unwrap_or_else(|| intern!(py, "").clone().into_any());
                names::cancelled_error(py)?.call1((message,))?
            }
            _ => future::peek_outcome(&child),
        })?;
    }
    Ok(results)
}

/// Cancels the children; the gathering is cancelled when they are done.
pub(super) fn cancel<'py>(
    gathering: &Bound<'py, Gathering>,
    message: Option<&Bound<'py, PyAny>>,
) -> PyResult<bool> {
    let state = own(gathering);
    if !state.future.is_pending() {
        return Ok(false);
    }
    let mut any = false;
    for child in children(gathering) {
        any |= task::cancel_awaited(child.as_any(), message)?;
    }
    if any {
        state.cancel_requested.set(true);
    }
    Ok(any)
}
