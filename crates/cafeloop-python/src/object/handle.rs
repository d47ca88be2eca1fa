//! Callbacks that were handed to a loop: `asyncio.Handle` and `TimerHandle`.

use std::cell::{Cell, RefCell};

use cafeloop::engine::TimerKey;
use pyo3::class::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::{PyContext, PyFloat, PyTuple};
use pyo3::{PyTraverseError, PyVisit, intern};

use crate::event_loop::{EventLoop, debug, report};
use crate::ffi::in_context;
use crate::gil::Gil;
use crate::{errors, ffi, names};

/// What a handle calls: a callable and its positional arguments.
pub(crate) struct Call {
    pub(crate) callback: Py<PyAny>,
    pub(crate) args: Py<PyTuple>,
}

impl Call {
    pub(crate) fn clone_ref(&self, py: Python<'_>) -> Self {
        Call { callback: self.callback.clone_ref(py), args: self.args.clone_ref(py) }
    }
}

/// A callback handed to a loop, which calls it once or, for a watcher, each
/// time; until it is cancelled.
#[pyclass(frozen, subclass, weakref, module = "cafeloop")]
pub(crate) struct Handle {
    state: Gil<State>,
}

struct State {
    owner: Py<EventLoop>,
    context: Py<PyContext>,
    /// Gone once the handle is cancelled.
    call: RefCell<Option<Call>>,
    /// The timer that holds this handle, if one does.
    timer: Cell<Option<TimerKey>>,
    /// In debug mode, where the handle was made (a `traceback.StackSummary`).
    made_at: Option<Py<PyAny>>,
    /// In debug mode, what a cancelled handle shows: with what it would have called.
    was: RefCell<Option<String>>,
}

impl Handle {
    /// A handle of `owner`'s; without a context, in a copy of the current one.
    pub(crate) fn new(
        owner: &Bound<'_, EventLoop>,
        call: Call,
        context: Option<Bound<'_, PyContext>>,
    ) -> PyResult<Self> {
        let py = owner.py();
        let context = context.map_or_else(|| ffi::copy_context(py), Ok)?;
        let made_at = if owner.get().is_debug(py) {
            Some(names::extract_stack(py)?.call0()?.unbind())
        } else {
            None
        };
        Ok(Handle {
            state: Gil::new(State {
                owner: owner.clone().unbind(),
                context: context.unbind(),
                call: RefCell::new(Some(call)),
                timer: Cell::new(None),
                made_at,
                was: RefCell::new(None),
            }),
        })
    }

    pub(crate) fn set_timer(&self, py: Python<'_>, timer: TimerKey) {
        self.state.get(py).timer.set(Some(timer));
    }

    /// What it is to call, unless it was cancelled.
    pub(crate) fn callback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let call = self.state.get(py).call.borrow();
        call.as_ref().map(|call| call.callback.clone_ref(py))
    }

    /// Calls the callback, unless it was cancelled.  What it raises goes to the
    /// loop's exception handler, except what is meant to leave the loop.
    pub(crate) fn run(slf: &Bound<'_, Handle>) -> PyResult<()> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        let Some(call) = state.call.borrow().as_ref().map(|call| call.clone_ref(py)) else {
            return Ok(());
        };
        let owner = state.owner.bind(py);
        if owner.get().is_debug(py) {
            debug::watch_slow(owner, slf, || Handle::call(slf, &call))
        } else {
            Handle::call(slf, &call)
        }
    }

    fn call(slf: &Bound<'_, Handle>, call: &Call) -> PyResult<()> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        let outcome = in_context(state.context.bind(py), || {
            call.callback.bind(py).call1(call.args.bind(py)).map(drop)
        });
        match outcome {
            Err(error) if !errors::leaves_the_loop(error.value(py)) => {
                report::callback_failed(state.owner.bind(py), slf, call, error)
            }
            outcome => outcome,
        }
    }

    /// What `repr()` shows.
    fn describe(slf: &Bound<'_, Handle>, is_cancelled: bool) -> PyResult<String> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        let mut parts = vec![slf.get_type().name()?.to_string()];
        if is_cancelled {
            parts.push("cancelled".into());
        }
        if let Ok(timer) = slf.cast::<TimerHandle>() {
            parts.push(format!("when={}", timer.get().when.object(py).str()?));
        }
        let call = state.call.borrow().as_ref().map(|call| call.clone_ref(py));
        if let Some(call) = call {
            parts.push(debug::show_call(state.owner.bind(py), &call)?);
        }
        if let Some(made_at) = &state.made_at {
            let frame = made_at.bind(py).get_item(-1)?;
            parts.push(format!("created at {}:{}", frame.get_item(0)?, frame.get_item(1)?));
        }
        Ok(format!("<{}>", parts.join(" ")))
    }
}

#[pymethods]
impl Handle {
    /// Never calls the callback (again).
    pub(crate) fn cancel(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        if state.call.borrow().is_none() {
            return Ok(());
        }
        let owner = state.owner.get();
        if owner.is_debug(py) {
            let was = Handle::describe(slf, true)?;
            state.was.replace(Some(was));
        }
        let call = state.call.take();
        let timer = state.timer.take().zip(owner.try_engine(py));
        let job = timer.and_then(|(timer, engine)| engine.cancel_timer(timer));
        // Whose drop may run anybody's code, so nothing is borrowed any more.
        drop((call, job));
        Ok(())
    }

    /// Whether the handle was cancelled.
    fn cancelled(&self, py: Python<'_>) -> bool {
        self.state.get(py).call.borrow().is_none()
    }

    /// The context in which the callback is called.
    #[cfg(Py_3_12)]
    fn get_context<'py>(&self, py: Python<'py>) -> Bound<'py, PyContext> {
        self.state.get(py).context.bind(py).clone()
    }

    #[getter]
    fn _callback(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.callback(py)
    }

    #[getter]
    fn _args(&self, py: Python<'_>) -> Option<Py<PyTuple>> {
        self.state.get(py).call.borrow().as_ref().map(|call| call.args.clone_ref(py))
    }

    #[getter]
    fn _cancelled(&self, py: Python<'_>) -> bool {
        self.cancelled(py)
    }

    /// In debug mode, where the handle was made.
    #[getter(_source_traceback)]
    pub(crate) fn made_at(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.get(py).made_at.as_ref().map(|stack| stack.clone_ref(py))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let state = slf.get().state.get(slf.py());
        let was = state.was.borrow().clone();
        was.map_or_else(|| Handle::describe(slf, state.call.borrow().is_none()), Ok)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let state = self.state.visited(&visit);
        visit.call(&state.owner)?;
        visit.call(&state.context)?;
        visit.call(&state.made_at)?;
        if let Ok(call) = state.call.try_borrow()
            && let Some(call) = &*call
        {
            visit.call(&call.callback)?;
            visit.call(&call.args)?;
        }
        Ok(())
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        let call = slf.get().state.get(slf.py()).call.take();
        drop(call);
    }
}

/// A handle that a loop calls at a time of its clock.
#[pyclass(frozen, extends = Handle, subclass, weakref, module = "cafeloop")]
pub(crate) struct TimerHandle {
    when: When,
}

/// When a timer is due.
pub(crate) enum When {
    /// In seconds of the loop's clock.
    Seconds(f64),
    /// As it was given, so that [`when`](TimerHandle::when) returns that object.
    Given(Py<PyAny>),
}

impl When {
    fn object<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        match self {
            When::Seconds(seconds) => PyFloat::new(py, *seconds).into_any(),
            When::Given(when) => when.bind(py).clone(),
        }
    }
}

impl TimerHandle {
    /// A timer's handle and, below it, the handle that the loop runs.
    pub(crate) fn new(when: When, handle: Handle) -> PyClassInitializer<Self> {
        PyClassInitializer::from(handle).add_subclass(TimerHandle { when })
    }
}

#[pymethods]
impl TimerHandle {
    /// When the callback is due, in seconds of the loop's clock.
    fn when<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        self.when.object(py)
    }

    fn __hash__(&self, py: Python<'_>) -> PyResult<isize> {
        self.when.object(py).hash()
    }

    /// Timers compare by their time; equal are those that would do the same.
    fn __richcmp__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        op: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let Ok(other) = other.cast::<TimerHandle>() else {
            return Ok(py.NotImplemented().into_bound(py));
        };
        let (mine, theirs) = (&slf.get().when.object(py), &other.get().when.object(py));
        match op {
            CompareOp::Lt | CompareOp::Gt => mine.rich_compare(theirs, op),
            CompareOp::Eq | CompareOp::Ne | CompareOp::Le | CompareOp::Ge => {
                let equal = slf.is(other) || (mine.eq(theirs)? && same_call(slf, other)?);
                let answer = match op {
                    CompareOp::Eq => equal,
                    CompareOp::Ne => !equal,
                    CompareOp::Le => equal || mine.lt(theirs)?,
                    _ => equal || mine.gt(theirs)?,
                };
                Ok(answer.into_pyobject(py)?.to_owned().into_any())
            }
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.when {
            When::Seconds(_) => Ok(()),
            When::Given(when) => visit.call(when),
        }
    }
}

fn same_call(one: &Bound<'_, TimerHandle>, other: &Bound<'_, TimerHandle>) -> PyResult<bool> {
    for name in [intern!(one.py(), "_callback"), intern!(one.py(), "_args")] {
        if !one.getattr(name)?.eq(other.getattr(name)?)? {
            return Ok(false);
        }
    }
    Ok(true)
}
