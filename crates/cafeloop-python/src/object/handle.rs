//! Callbacks that were handed to a loop: `asyncio.Handle` and `TimerHandle`.
//!
//! What Python sees of them is in `handle_face.rs`.  Most are no timers, and small.

use std::cell::{Cell, OnceCell};
use std::mem::ManuallyDrop;
use std::ptr;

use cafeloop::engine::TimerKey;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyContext, PyFloat};
use pyo3::{PyTraverseError, PyVisit};

use super::ahead;
use super::call::{Call, Given};
use super::class::{Laid, Visitor, own, own_ptr};
use super::context::{Context, Inside};
use super::freed::Freed;
use super::handle_face;
use super::pool::{OWN_OFFSET, Pooled, track};
use super::reference::{Slot, Strong};
use crate::event_loop::{EventLoop, debug, report};
use crate::gil::Gil;
use crate::{errors, names};

/// A callback handed to a loop, which calls it once or, for a watcher, each
/// time; until it is cancelled.  It may be a [`Timer`].
pub(crate) struct Handle;

/// A handle that is due at a time: a `TimerHandle`.
pub(crate) struct Timer;

/// What a handle has behind its head.
pub(super) struct HandleOwn {
    owner: Strong<EventLoop>,
    context: Context,
    /// Gone once the handle is cancelled.
    call: Call,
    notes: OnceCell<Box<Notes>>,
    pub(super) weak_references: Cell<*mut ffi::PyObject>,
    /// Before, it is in a loop's queue, and the loop shows what it holds ([`Queued`]).
    tracked: Cell<bool>,
    /// It is the begin of a [`TimerOwn`].
    is_timer: bool,
}

/// What a timer has behind its head.
#[repr(C)]
pub(super) struct TimerOwn {
    handle: HandleOwn,
    /// Of the loop's timer that holds this handle, if one does.
    key: Cell<Option<TimerKey>>,
    /// When it is due, by the loop's clock.
    seconds: f64,
}

/// What few handles have.
#[derive(Default)]
struct Notes {
    /// The time as it was given, if not as a float: `when()` returns that object.
    given: Slot,
    /// In debug mode, where the handle was made (a `traceback.StackSummary`).
    made_at: Slot,
    /// In debug mode, what a cancelled handle shows: with what it would have called.
    was: Slot,
}

// SAFETY: objects of this type come from two `PooledClass`es only: its own, which writes
// an own part of this type at this offset, and that of timers, whose own part begins with
// one.
unsafe impl Laid for Handle {
    type Own = HandleOwn;

    #[inline]
    fn offset() -> usize {
        OWN_OFFSET
    }
}

// SAFETY: objects of this type come from its `PooledClass` only, which writes an own part
// of this type at this offset.
unsafe impl Laid for Timer {
    type Own = TimerOwn;

    #[inline]
    fn offset() -> usize {
        OWN_OFFSET
    }
}

// SAFETY: the offset is the one above, and no other class uses the list.
unsafe impl Pooled for Handle {
    fn tracked(own: &HandleOwn) -> &Cell<bool> {
        &own.tracked
    }

    fn freed() -> &'static Gil<Freed> {
        static FREED: Gil<Freed> = Gil::new(Freed::none());
        &FREED
    }

    #[inline]
    fn weak_references(own: &HandleOwn) -> Option<&Cell<*mut ffi::PyObject>> {
        Some(&own.weak_references)
    }

    fn traverse(own: &HandleOwn, visitor: &mut Visitor) {
        own.each(|held| visitor.see(held));
    }

    fn clear(own: &HandleOwn) {
        let call = own.call.take();
        drop(call);
    }
}

// SAFETY: as above.
unsafe impl Pooled for Timer {
    fn tracked(own: &TimerOwn) -> &Cell<bool> {
        &own.handle.tracked
    }

    fn freed() -> &'static Gil<Freed> {
        static FREED: Gil<Freed> = Gil::new(Freed::none());
        &FREED
    }

    #[inline]
    fn weak_references(own: &TimerOwn) -> Option<&Cell<*mut ffi::PyObject>> {
        Some(&own.handle.weak_references)
    }

    fn traverse(own: &TimerOwn, visitor: &mut Visitor) {
        Handle::traverse(&own.handle, visitor);
    }

    fn clear(own: &TimerOwn) {
        Handle::clear(&own.handle);
    }
}

impl HandleOwn {
    /// Can't fail, so that it is written where it stays.
    #[inline(always)]
    fn new(owner: &Bound<'_, EventLoop>, call: Call, context: Context, is_timer: bool) -> Self {
        HandleOwn {
            owner: Strong::new(owner.clone()),
            context,
            call,
            notes: OnceCell::new(),
            weak_references: Cell::new(ptr::null_mut()),
            tracked: Cell::new(false),
            is_timer,
        }
    }

    #[cold]
    fn note_place(&self, py: Python<'_>) -> PyResult<()> {
        let place = names::extract_stack(py)?.call0()?;
        self.notes.get_or_init(Box::default).made_at.set(place);
        Ok(())
    }

    /// Passes the address of each object that it holds, or NULL, to `see`.
    fn each(&self, mut see: impl FnMut(*mut ffi::PyObject)) {
        see(self.owner.as_ptr());
        see(self.context.as_ptr());
        if let Some(notes) = self.notes.get() {
            see(notes.given.as_ptr());
            see(notes.made_at.as_ptr());
            see(notes.was.as_ptr());
        }
        self.call.each(&mut see);
    }
}

/// A handle in a loop's queue, or on its way there.
///
/// Most handles are in nobody's hands but a queue's, and few live as long as to be
/// looked at by the garbage collector; so it isn't told of them.  Instead the loop shows
/// it what such a handle holds, and one that others hold too when it leaves the queue is
/// made known then.
pub(crate) struct Queued(Strong<Handle>);

impl Queued {
    pub(crate) fn new(handle: Bound<'_, Handle>) -> Self {
        Queued(Strong::new(handle))
    }

    #[inline]
    pub(crate) fn bind<'py>(&self, py: Python<'py>) -> &Bound<'py, Handle> {
        self.0.bind(py)
    }

    /// Whether nobody else has it, nor can get at it before this is dropped.
    #[inline]
    fn is_nobody_elses(&self) -> bool {
        // SAFETY: it is a handle, and jobs are run with the GIL held.
        unsafe {
            let own = own_ptr::<Handle>(self.0.as_ptr());
            ffi::Py_REFCNT(self.0.as_ptr()) == 1
                && !(*own).tracked.get()
                && (*own).weak_references.get().is_null()
        }
    }

    #[inline]
    pub(crate) fn fetch(&self) {
        ahead::fetch(&self.0);
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        // SAFETY: a handle's own part; the collector looks while the GIL is held.
        let own = unsafe { &*own_ptr::<Handle>(self.0.as_ptr()) };
        if own.tracked.get() {
            return visit.call(self.0.as_py());
        }
        let mut answer = Ok(());
        own.each(|held| {
            if answer.is_ok() && !held.is_null() {
                // SAFETY: a reference that the handle holds, which is neither counted
                // nor dropped here.
                let held = unsafe {
                    let py = Python::assume_attached();
                    ManuallyDrop::new(Bound::from_owned_ptr(py, held).unbind())
                };
                answer = visit.call(&*held);
            }
        });
        answer
    }
}

impl Drop for Queued {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: jobs are dropped with the GIL held, as any reference (see `Strong`).
        let py = unsafe { Python::assume_attached() };
        let handle = self.0.bind(py);
        // SAFETY: it is an object.
        if unsafe { ffi::Py_REFCNT(handle.as_ptr()) } > 1 {
            track(handle);
        }
    }
}

impl Handle {
    /// A handle of `owner`'s that isn't just queued; without a context, in a copy of the
    /// current one.
    #[inline]
    pub(crate) fn new<'py>(
        owner: &Bound<'py, EventLoop>,
        call: Call,
        context: Option<Context>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = owner.py();
        let context = context.map_or_else(|| Context::of(py, None), Ok)?;
        let own_part = || HandleOwn::new(owner, call, context, false);
        let handle = handle_face::classes(py)?.handle.create(py, own_part)?;
        if owner.get().is_debug(py) {
            own(&handle).note_place(py)?;
        }
        track(&handle);
        Ok(handle)
    }

    /// A handle that is to be [`Queued`]; in a copy of the current context, unless it is
    /// given one.
    #[inline(always)]
    pub(crate) fn due<'py>(
        owner: &Bound<'py, EventLoop>,
        call: Given<'_, 'py>,
        context: Option<Bound<'py, PyContext>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = owner.py();
        let room = handle_face::classes(py)?.handle.room(py)?;
        let context = Context::of(py, context)?;
        let handle = room.fill(HandleOwn::new(owner, call.hold(), context, false));
        if owner.get().is_debug(py) {
            own(&handle).note_place(py)?;
        }
        Ok(handle)
    }

    /// Calls the callback, unless it was cancelled.  What it raises goes to the
    /// loop's exception handler, except what is meant to leave the loop.
    #[inline]
    pub(crate) fn run(queued: &Queued, py: Python<'_>, inside: &Inside) -> PyResult<()> {
        let slf = queued.bind(py);
        let state = own(slf);
        let owner = state.owner.bind(py);
        if owner.get().is_debug(py) {
            return Handle::run_watched(slf, inside);
        }
        // Somebody else who has it may cancel it meanwhile, and so take away what is called.
        if !queued.is_nobody_elses() {
            return Handle::call_it(slf, inside);
        }
        if state.call.is_gone() {
            return Ok(());
        }
        let outcome = state.context.run_unseen(py, inside, || state.call.invoke(py));
        if outcome.is_ok() { outcome } else { Handle::end(slf, &state.call, outcome) }
    }

    #[cold]
    fn run_watched(slf: &Bound<'_, Self>, inside: &Inside) -> PyResult<()> {
        debug::watch_slow(own(slf).owner.bind(slf.py()), slf, || Handle::call_it(slf, inside))
    }

    /// The same whatever becomes of it meanwhile.
    #[inline(never)]
    fn call_it(slf: &Bound<'_, Self>, inside: &Inside) -> PyResult<()> {
        let py = slf.py();
        let state = own(slf);
        let Some(call) = state.call.clone_ref(py) else { return Ok(()) };
        let outcome = state.context.run(py, inside, || call.invoke(py));
        Handle::end(slf, &call, outcome)
    }

    #[inline(never)]
    fn end(slf: &Bound<'_, Self>, call: &Call, outcome: PyResult<()>) -> PyResult<()> {
        match outcome {
            Err(error) if !errors::leaves_the_loop(error.value(slf.py())) => {
                report::callback_failed(own(slf).owner.bind(slf.py()), slf, call, error)
            }
            outcome => outcome,
        }
    }

    /// Never calls the callback (again).
    pub(crate) fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = own(slf);
        if state.call.is_gone() {
            return Ok(());
        }
        let owner = state.owner.bind(py);
        if owner.get().is_debug(py) {
            let was = handle_face::describe(slf, true)?;
            state.notes.get_or_init(Box::default).was.set(was.into_any());
        }
        let call = state.call.take();
        let key = Handle::as_timer(slf).and_then(|timer| own(timer).key.take());
        let job = key.and_then(|key| EventLoop::cancel_timer(owner, key));
        // It still has its context, and is in nobody's queue any more.
        track(slf);
        // Whose drop may run anybody's code, so nothing is borrowed any more.
        drop((call, job));
        Ok(())
    }

    /// What it is to call, unless it was cancelled.
    pub(crate) fn callback<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyAny>> {
        let call = &own(slf).call;
        (!call.is_gone()).then(|| call.callback(slf.py()))
    }

    /// Itself, if it is due at a time.
    #[inline]
    pub(crate) fn as_timer<'a, 'py>(slf: &'a Bound<'py, Self>) -> Option<&'a Bound<'py, Timer>> {
        // SAFETY: those that say so are instances of that class.
        own(slf).is_timer.then(|| unsafe { slf.as_any().cast_unchecked() })
    }

    pub(super) fn is_cancelled(slf: &Bound<'_, Self>) -> bool {
        own(slf).call.is_gone()
    }

    /// What it calls, unless it was cancelled.
    pub(super) fn call(slf: &Bound<'_, Self>) -> Option<Call> {
        own(slf).call.clone_ref(slf.py())
    }

    pub(super) fn owner<'a, 'py>(slf: &'a Bound<'py, Self>) -> &'a Bound<'py, EventLoop> {
        own(slf).owner.bind(slf.py())
    }

    /// The context in which the callback is called.
    #[cfg(Py_3_12)]
    pub(super) fn context<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyContext>>> {
        own(slf).context.shown(slf.py())
    }

    /// When it is due, if it is a timer's: in seconds of the loop's clock.
    pub(super) fn when<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyAny>> {
        let (py, timer) = (slf.py(), own(Handle::as_timer(slf)?));
        let given = timer.handle.notes.get().and_then(|notes| notes.given.get(py));
        given.or_else(|| Some(PyFloat::new(py, timer.seconds).into_any()))
    }

    /// In debug mode, where the handle was made.
    pub(crate) fn made_at<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyAny>> {
        own(slf).notes.get()?.made_at.get(slf.py())
    }

    /// In debug mode, what it showed when it was cancelled.
    pub(super) fn was<'py>(slf: &Bound<'py, Self>) -> Option<Bound<'py, PyAny>> {
        own(slf).notes.get()?.was.get(slf.py())
    }
}

impl Timer {
    /// The same as [`Handle::due`], of a timer; `given` is its time, if it was given as
    /// anything but a float.
    #[inline(always)]
    pub(crate) fn due<'py>(
        owner: &Bound<'py, EventLoop>,
        seconds: f64,
        given: Option<&Bound<'py, PyAny>>,
        call: Given<'_, 'py>,
        context: Option<Bound<'py, PyContext>>,
    ) -> PyResult<Bound<'py, Self>> {
        let py = owner.py();
        let room = handle_face::classes(py)?.timer.room(py)?;
        let context = Context::of(py, context)?;
        let handle = HandleOwn::new(owner, call.hold(), context, true);
        let timer = room.fill(TimerOwn { handle, key: Cell::new(None), seconds });
        if let Some(given) = given {
            own(&timer).handle.notes.get_or_init(Box::default).given.set(given.clone());
        }
        if owner.get().is_debug(py) {
            own(&timer).handle.note_place(py)?;
        }
        Ok(timer)
    }

    /// By what the loop knows it.
    #[inline]
    pub(crate) fn set_key(slf: &Bound<'_, Self>, key: TimerKey) {
        own(slf).key.set(Some(key));
    }

    #[inline]
    pub(crate) fn into_handle(slf: Bound<'_, Self>) -> Bound<'_, Handle> {
        // SAFETY: its own part begins with a handle's.
        unsafe { slf.into_any().cast_into_unchecked() }
    }
}
