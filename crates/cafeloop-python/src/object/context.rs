//! The contexts that callbacks and tasks run in, copied when somebody changes one.
//!
//! asyncio copies the current context for each handle, task and done callback.  Nobody
//! can tell a copy from another until one is changed, or looked at itself.  So whoever
//! begins while the same variables are set refers to one copy that nobody ever enters,
//! the **pristine** one; and runs in another copy of that, the **lent** one, which goes
//! to the next who runs.  Whoever changed it, or asked for it, keeps it.
//!
//! A loop enters what it lends and stays inside ([`Inside`]) until it runs something that
//! has another context or none: to leave and to enter again for each callback would cost
//! as much as some callbacks do.  Likewise it stays inside of a task's own context, as the
//! next step may be the same task's.
//!
//! That needs two things which CPython doesn't tell: which context is current, and
//! whether two have the same variables.  Where they are found is tried out first; if it
//! isn't as it was in all versions so far, contexts are copied as asyncio does.

use std::cell::Cell;
use std::ptr;
use std::sync::OnceLock;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyContext;
use pyo3::{PyTraverseError, PyVisit};

use super::class::Visitor;
use super::reference::Slot;
use crate::ffi::{copy_context, enter_context, in_context, leave_context};
use crate::gil::Gil;

/// A task for which so many steps a context had to be entered gets one of its own: lending
/// then costs some nanoseconds each time, a copy as much as this many.
const LENT_AT_MOST: u8 = 8;

/// Where CPython has what must be known, in bytes.
#[derive(Clone, Copy)]
struct Offsets {
    /// The current context, in the thread's struct.
    current: usize,
    /// The variables, in a context: an immutable mapping (`ctx_vars`).
    variables: usize,
}

/// What those who begin while the same variables are set have in common.
///
/// None of it may keep alive what the variables refer to, since the garbage collector
/// doesn't see it: the pristine context belongs to those who share it, and the lent one
/// is kept for no longer than a turn of a loop.
struct Sharing {
    /// The pristine context of whoever began last, borrowed from them; or NULL.
    pristine: Cell<*mut ffi::PyObject>,
    /// How many [`Context`]s share it.
    sharers: Cell<usize>,
    /// One that was lent and has come back.
    lent: Slot<PyContext>,
}

static SHARING: Gil<Sharing> = Gil::new(Sharing {
    pristine: Cell::new(ptr::null_mut()),
    sharers: Cell::new(0),
    lent: Slot::empty(),
});

impl Sharing {
    /// The pristine context, if its variables are those that are set now.
    #[inline]
    fn pristine<'py>(&self, py: Python<'py>, offsets: Offsets) -> Option<Bound<'py, PyContext>> {
        // SAFETY: one of those who share it holds a reference.
        let pristine: Bound<'py, PyContext> = unsafe {
            Bound::from_borrowed_ptr_or_opt(py, self.pristine.get())?.cast_into_unchecked()
        };
        (variables(offsets, pristine.as_ptr()) == current(offsets)).then_some(pristine)
    }

    /// The pristine context for one more who begins now.
    #[inline(always)]
    fn begin<'py>(&self, py: Python<'py>, offsets: Offsets) -> PyResult<Bound<'py, PyContext>> {
        match self.pristine(py, offsets) {
            Some(pristine) => {
                self.sharers.set(self.sharers.get() + 1);
                Ok(pristine)
            }
            None => self.begin_anew(py),
        }
    }

    #[inline(never)]
    fn begin_anew<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyContext>> {
        let pristine = copy_context(py)?;
        self.pristine.set(pristine.as_ptr());
        self.sharers.set(1);
        Ok(pristine)
    }

    /// Somebody more shares this one.
    #[inline]
    fn join(&self, pristine: &Bound<'_, PyContext>) {
        if self.pristine.get() == pristine.as_ptr() {
            self.sharers.set(self.sharers.get() + 1);
        }
    }

    /// Somebody shares it no more, but still holds it.
    #[inline]
    fn leave(&self, pristine: *mut ffi::PyObject) {
        if self.pristine.get() == pristine {
            self.sharers.set(self.sharers.get() - 1);
            if self.sharers.get() == 0 {
                self.pristine.set(ptr::null_mut());
            }
        }
    }

    /// One that was lent is left.
    fn take_back(&self, lent: Bound<'_, PyContext>) {
        leave_context(&lent);
        self.lent.set(lent);
    }

    /// Whether nobody else shares it, beside one who holds it twice.
    #[inline]
    fn is_alone(&self, pristine: &Bound<'_, PyContext>) -> bool {
        if self.pristine.get() == pristine.as_ptr() {
            return self.sharers.get() == 1;
        }
        // SAFETY: it is an object.
        unsafe { ffi::Py_REFCNT(pristine.as_ptr()) == 2 }
    }

    /// A context with the variables of this one, that nobody is in.
    fn lend<'py>(
        &self,
        offsets: Offsets,
        pristine: &Bound<'py, PyContext>,
    ) -> PyResult<Bound<'py, PyContext>> {
        match self.lent.take(pristine.py()) {
            Some(lent)
                if variables(offsets, lent.as_ptr()) == variables(offsets, pristine.as_ptr()) =>
            {
                Ok(lent)
            }
            _ => copy(pristine),
        }
    }
}

/// The context that a loop is in between two jobs, if it is in one.
///
/// While a job runs it isn't here: what runs inside of that has to enter its own.
#[derive(Default)]
pub(crate) struct Inside {
    lent: Slot<PyContext>,
    /// One that a task keeps; only if none is lent.
    own: Slot<PyContext>,
}

impl Inside {
    /// Leaves it: something is about to run that doesn't run in a context, or in another.
    #[inline]
    pub(crate) fn leave(&self, py: Python<'_>) {
        if let Some(lent) = self.lent.take(py) {
            SHARING.get(py).take_back(lent);
        }
        self.leave_own(py);
    }

    /// Leaves it if it is a task's own: something runs that isn't the task's.
    #[inline]
    pub(crate) fn leave_own(&self, py: Python<'_>) {
        if !self.own.is_empty() {
            drop(Stay { entered: self.own.take_all(), py });
        }
    }

    /// Leaves it, and lets go of what would be lent next: nothing is kept alive by what
    /// the garbage collector doesn't see while the loop waits.
    #[inline]
    pub(crate) fn rest(&self, py: Python<'_>) {
        self.leave(py);
        SHARING.get(py).lent.clear();
    }
}

/// The context that a callback or a task runs in.
pub(crate) struct Context {
    held: Slot<PyContext>,
    kind: Cell<Kind>,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// What is held is entered, and nobody else's.
    Own,
    /// What is held is pristine; it has been lent for so often.
    Shared(u8),
    /// What is held is lent, and entered just now.
    Lent,
}

impl Context {
    pub(super) const fn none() -> Self {
        Context { held: Slot::empty(), kind: Cell::new(Kind::Own) }
    }

    /// The one that was given.
    pub(crate) fn given(context: Bound<'_, PyContext>) -> Self {
        Context { held: Slot::holding(context), kind: Cell::new(Kind::Own) }
    }

    /// The one that was given, or a copy of the current one.
    #[inline(always)]
    pub(crate) fn of(py: Python<'_>, given: Option<Bound<'_, PyContext>>) -> PyResult<Self> {
        let (held, kind) = match (given, offsets(py)) {
            (Some(given), _) => (given, Kind::Own),
            (None, None) => (copy_context(py)?, Kind::Own),
            (None, Some(offsets)) => (SHARING.get(py).begin(py, offsets)?, Kind::Shared(0)),
        };
        Ok(Context { held: Slot::holding(held), kind: Cell::new(kind) })
    }

    /// Takes over what the other holds.
    pub(super) fn replace(&self, other: Context) {
        self.kind.swap(&other.kind);
        self.held.swap(&other.held);
        drop(other);
    }

    /// Calls `call` inside of it, as `Context.run` does; on behalf of a loop that may be
    /// inside of a context that it has lent, and may stay there.
    #[inline]
    pub(crate) fn run<R>(
        &self,
        py: Python<'_>,
        inside: &Inside,
        call: impl FnOnce() -> PyResult<R>,
    ) -> PyResult<R> {
        let Some(lent) = self.borrow(py, inside)? else {
            return match self.held.get(py) {
                Some(context) => in_context(&context, call),
                None => call(),
            };
        };
        let outcome = call();
        lent.end(inside);
        if outcome.is_err() {
            // Whoever is told of it isn't part of what has run.
            inside.leave(py);
        }
        outcome
    }

    /// The same on behalf of somebody who can't be seen meanwhile, so that nobody asks for
    /// the context itself.
    #[inline]
    pub(super) fn run_unseen<R>(
        &self,
        py: Python<'_>,
        inside: &Inside,
        call: impl FnOnce() -> PyResult<R>,
    ) -> PyResult<R> {
        let offsets = match offsets(py) {
            Some(offsets) if self.can_run_in(offsets, &inside.lent) => offsets,
            _ => return self.run(py, inside, call),
        };
        let entered = Stay { entered: inside.lent.take_all(), py };
        let outcome = call();
        if self.has_variables_of(offsets, &entered.entered) {
            inside.lent.swap(&entered.entered);
        } else {
            self.keep(&entered);
        }
        if outcome.is_err() {
            // As in `run`.
            inside.leave(py);
        }
        outcome
    }

    /// Takes what it has run in, and has changed, for its own.
    #[cold]
    fn keep(&self, entered: &Stay<'_>) {
        self.stop_sharing(entered.py);
        if let Some(changed) = entered.entered.get(entered.py) {
            self.held.set(changed);
        }
    }

    /// The same for a step of a task, after which the loop stays inside of the task's own
    /// context, too, if that `goes_on`.
    #[inline]
    pub(super) fn run_step(
        &self,
        py: Python<'_>,
        inside: &Inside,
        step: impl FnOnce() -> PyResult<()>,
        goes_on: impl FnOnce() -> bool,
    ) -> PyResult<()> {
        if self.kind.get() != Kind::Own || self.held.is_empty() {
            return self.run(py, inside, step);
        }
        let entered = if inside.own.as_ptr() == self.held.as_ptr() {
            inside.own.take_all()
        } else {
            self.enter_own(py, inside)?
        };
        let entered = Stay { entered, py };
        let outcome = step();
        // Whoever is told of an error, and what ends with the task, isn't part of it.
        if outcome.is_ok() && goes_on() {
            inside.own.swap(&entered.entered);
        }
        outcome
    }

    #[inline(never)]
    fn enter_own(&self, py: Python<'_>, inside: &Inside) -> PyResult<Slot<PyContext>> {
        inside.leave(py);
        match self.held.get(py) {
            Some(own) => enter_context(&own).map(|()| Slot::holding(own)),
            None => Ok(Slot::empty()),
        }
    }

    /// Holds what `inside` was inside of, or is now; none if it's to run in what it holds.
    #[inline(always)]
    fn borrow<'a, 'py>(
        &'a self,
        py: Python<'py>,
        inside: &Inside,
    ) -> PyResult<Option<Lent<'a, 'py>>> {
        if let Some(offsets) = offsets(py)
            && self.can_run_in(offsets, &inside.lent)
            && let Kind::Shared(times) = self.kind.get()
        {
            let entered = inside.lent.take(py);
            return Ok(entered.map(|entered| self.begin(offsets, times, entered)));
        }
        self.enter(py, inside)
    }

    /// Whether it is shared and has the same variables as what is lent, if anything is.
    #[inline]
    fn can_run_in(&self, offsets: Offsets, lent: &Slot<PyContext>) -> bool {
        matches!(self.kind.get(), Kind::Shared(_))
            && !lent.is_empty()
            && self.has_variables_of(offsets, lent)
    }

    #[inline]
    fn has_variables_of(&self, offsets: Offsets, lent: &Slot<PyContext>) -> bool {
        variables(offsets, lent.as_ptr()) == variables(offsets, self.held.as_ptr())
    }

    /// The same for who can't run in what the loop is in.
    #[inline(never)]
    fn enter<'a, 'py>(
        &'a self,
        py: Python<'py>,
        inside: &Inside,
    ) -> PyResult<Option<Lent<'a, 'py>>> {
        let sharing = SHARING.get(py);
        inside.leave(py);
        let (Kind::Shared(times), Some(pristine), Some(offsets)) =
            (self.kind.get(), self.held.get(py), offsets(py))
        else {
            return Ok(None);
        };
        if sharing.is_alone(&pristine) {
            self.stop_sharing(py);
            return Ok(None);
        }
        let lent = sharing.lend(offsets, &pristine)?;
        enter_context(&lent)?;
        Ok(Some(self.begin(offsets, times + 1, lent)))
    }

    #[inline]
    fn begin<'a, 'py>(
        &'a self,
        offsets: Offsets,
        times: u8,
        entered: Bound<'py, PyContext>,
    ) -> Lent<'a, 'py> {
        let py = entered.py();
        self.kind.set(Kind::Lent);
        let pristine = self.held.replace(entered.clone());
        let entered = Slot::holding(entered);
        Lent { context: self, times, pristine, entered, offsets, py }
    }

    /// The context itself, for others to see: it is nobody else's from now on.
    pub(super) fn shown<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyContext>>> {
        match self.kind.get() {
            Kind::Own => {}
            // Whoever runs in it keeps it.
            Kind::Lent => self.kind.set(Kind::Own),
            Kind::Shared(_) => {
                let own = self.held.get(py).map(|pristine| copy(&pristine)).transpose()?;
                self.stop_sharing(py);
                if let Some(own) = own {
                    self.held.set(own);
                }
            }
        }
        Ok(self.held.get(py))
    }

    /// The same for somebody else, to be shown or run in.
    pub(super) fn clone_ref(&self, py: Python<'_>) -> PyResult<Self> {
        if let (Kind::Shared(_), Some(pristine)) = (self.kind.get(), self.held.get(py)) {
            SHARING.get(py).join(&pristine);
            let kind = Cell::new(Kind::Shared(0));
            return Ok(Context { held: Slot::holding(pristine), kind });
        }
        Ok(self.shown(py)?.map_or_else(Context::none, Context::given))
    }

    /// What is held is its own from now on.
    #[inline]
    fn stop_sharing(&self, py: Python<'_>) {
        if let Kind::Shared(_) = self.kind.replace(Kind::Own) {
            SHARING.get(py).leave(self.held.as_ptr());
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    pub(super) fn clear(&self) {
        // SAFETY: contexts are cleared and dropped with the GIL held, as any reference.
        self.stop_sharing(unsafe { Python::assume_attached() });
        self.held.clear();
    }

    pub(super) fn as_ptr(&self) -> *mut ffi::PyObject {
        self.held.as_ptr()
    }

    pub(super) fn traverse(&self, visitor: &mut Visitor) {
        visitor.slot(&self.held);
    }

    /// The same for PyO3's visitors.
    pub(crate) fn visit(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.held.peek(|held| held.map_or(Ok(()), |held| visit.call(held.as_py())))
    }
}

/// A context that is entered, and left in the end unless it is taken out.
struct Stay<'py> {
    entered: Slot<PyContext>,
    py: Python<'py>,
}

impl Drop for Stay<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(entered) = self.entered.take(self.py) {
            leave_context(&entered);
        }
    }
}

/// A context that was lent and is entered.
struct Lent<'a, 'py> {
    context: &'a Context,
    times: u8,
    pristine: Slot<PyContext>,
    entered: Slot<PyContext>,
    offsets: Offsets,
    py: Python<'py>,
}

impl Lent<'_, '_> {
    /// Gives it back, and stays inside, unless it was changed or asked for.
    #[inline]
    fn end(self, inside: &Inside) {
        let Lent { context, times, offsets, .. } = self;
        let [entered, pristine] = [&self.entered, &self.pristine].map(Slot::as_ptr);
        let is_changed = variables(offsets, entered) != variables(offsets, pristine);
        if context.kind.get() == Kind::Lent && !is_changed && times < LENT_AT_MOST {
            context.kind.set(Kind::Shared(times));
            context.held.swap(&self.pristine);
            inside.lent.swap(&self.entered);
        }
    }

    /// What it ran in is its own, or it was cleared as garbage meanwhile.
    #[cold]
    fn keep(&self, entered: &Bound<'_, PyContext>) {
        self.context.kind.set(Kind::Own);
        SHARING.get(self.py).leave(self.pristine.as_ptr());
        leave_context(entered);
    }
}

impl Drop for Lent<'_, '_> {
    #[inline]
    fn drop(&mut self) {
        // Neither given back, nor to be.
        if let Some(entered) = self.entered.take(self.py) {
            self.keep(&entered);
        }
    }
}

impl Drop for Context {
    #[inline]
    fn drop(&mut self) {
        // SAFETY: see `clear`.
        self.stop_sharing(unsafe { Python::assume_attached() });
    }
}

fn copy<'py>(context: &Bound<'py, PyContext>) -> PyResult<Bound<'py, PyContext>> {
    // SAFETY: the GIL is held and the object is a context; the answer is a new reference
    // to one, or NULL with an exception set.
    unsafe {
        let copy = ffi::PyContext_Copy(context.as_ptr());
        Ok(Bound::from_owned_ptr_or_err(context.py(), copy)?.cast_into_unchecked())
    }
}

/// The address of a context's variables.
#[inline]
fn variables(offsets: Offsets, context: *mut ffi::PyObject) -> usize {
    word(context.cast(), offsets.variables)
}

/// The address of those that are set now; 0 if there has been no context yet.
#[inline]
fn current(offsets: Offsets) -> usize {
    // SAFETY: the GIL is held, so there is a thread state.
    let thread = unsafe { ffi::PyThreadState_Get() };
    match word(thread.cast(), offsets.current) {
        0 => 0,
        context => word(context as *const u8, offsets.variables),
    }
}

/// A word of a struct of CPython's, as a number.
#[inline]
fn word(object: *const u8, offset: usize) -> usize {
    // SAFETY: the callers know that the struct is larger.
    unsafe { object.add(offset).cast::<usize>().read_unaligned() }
}

// --- where it is

#[inline]
fn offsets(py: Python<'_>) -> Option<Offsets> {
    static OFFSETS: OnceLock<Option<Offsets>> = OnceLock::new();
    *OFFSETS.get_or_init(|| find(py).unwrap_or_default())
}

/// A thread's struct is larger in each version of CPython since 3.11, and has its
/// current context before this.
const THREAD_BYTES: usize = 320;

fn find(py: Python<'_>) -> PyResult<Option<Offsets>> {
    let class = py.get_type::<PyContext>();
    let context_bytes: usize = class.getattr("__basicsize__")?.extract()?;
    let (one, other) = (class.call0()?, class.call0()?);
    let (one, other) = (one.cast_into::<PyContext>()?, other.cast_into::<PyContext>()?);
    let Some(variables) = find_variables(&one, context_bytes)? else { return Ok(None) };
    // SAFETY: the GIL is held, so there is a thread state.
    let thread: *const u8 = unsafe { ffi::PyThreadState_Get() }.cast();
    let words = || -> Vec<usize> {
        (0..THREAD_BYTES).step_by(size_of::<usize>()).map(|offset| word(thread, offset)).collect()
    };
    let before = words();
    let (first, second, third) = in_context(&one, || {
        let first = words();
        let second = in_context(&other, || Ok(words()))?;
        Ok((first, second, words()))
    })?;
    let after = words();
    let mut found = (0..before.len()).filter(|&place| {
        first[place] == one.as_ptr() as usize
            && second[place] == other.as_ptr() as usize
            && third[place] == first[place]
            && after[place] == before[place]
    });
    Ok(match (found.next(), found.next()) {
        (Some(place), None) => Some(Offsets { current: place * size_of::<usize>(), variables }),
        _ => None,
    })
}

/// The only word of a context that a copy has too, and that changes with a variable.
fn find_variables(context: &Bound<'_, PyContext>, bytes: usize) -> PyResult<Option<usize>> {
    let py = context.py();
    let twin = copy(context)?;
    let at = |context: &Bound<'_, PyContext>, offset| word(context.as_ptr().cast(), offset);
    // The last word is half a number and half nothing that anybody has set.
    let end = bytes - size_of::<usize>();
    let offsets = || (size_of::<ffi::PyObject>()..end).step_by(size_of::<usize>());
    let before: Vec<_> = offsets().map(|offset| at(context, offset)).collect();
    let variable = py.import("contextvars")?.getattr("ContextVar")?.call1(("cafeloop",))?;
    context.call_method1("run", (variable.getattr("set")?, 1))?;
    let later = copy(context)?;
    let mut found = offsets().zip(before).filter(|&(offset, before)| {
        let now = at(context, offset);
        before != 0 && at(&twin, offset) == before && now != before && at(&later, offset) == now
    });
    Ok(match (found.next(), found.next()) {
        (Some((offset, _)), None) => Some(offset),
        _ => None,
    })
}
