//! Who waits for a future, in the order in which they came.

use std::cell::Cell;

use pyo3::prelude::*;

use super::call::Call;
use super::class::Visitor;
use super::context::Context;
use super::future::{self, Future};
use super::gather::Gathering;
use super::handle::{Handle, Queued};
use super::reference::Strong;
use super::task::Task;
use super::wakeup;
use crate::event_loop::EventLoop;
use crate::host::Job;

/// Somebody to be told that a future is done.
///
/// A task and a gathering stand here themselves: telling them takes no handle, no
/// bound method and no arguments.
pub(crate) enum Waiter {
    Task(Strong<Task>),
    Gathering(Strong<Gathering>),
    /// What `add_done_callback` was given; in a box, so that futures that tasks wait for
    /// are small.
    Callback(Box<Callback>),
}

/// A done callback, and the context that it is called in.
pub(crate) struct Callback {
    pub(crate) function: Strong,
    pub(crate) context: Context,
}

impl Callback {
    fn queue_with_handle(
        self,
        owner: &Bound<'_, EventLoop>,
        future: &Bound<'_, Future>,
    ) -> PyResult<()> {
        let py = owner.py();
        let argument = std::iter::once(future.as_any().clone());
        let call = Call::with(self.function.into_bound(py), argument)?;
        let handle = Handle::new(owner, call, Some(self.context))?;
        EventLoop::queue(owner, Job::Handle(Queued::new(handle)))
    }
}

impl Waiter {
    /// Queues what is to be done about it.
    pub(super) fn tell(
        self,
        owner: &Bound<'_, EventLoop>,
        future: &Bound<'_, Future>,
    ) -> PyResult<()> {
        let job = match self {
            Waiter::Task(task) => Job::Wake(task),
            Waiter::Gathering(gathering) => Job::Gathered(gathering, future::keep(future)),
            // Debug mode watches handles.
            Waiter::Callback(callback) if owner.get().is_debug(owner.py()) => {
                return callback.queue_with_handle(owner, future);
            }
            Waiter::Callback(callback) => Job::Done(callback, future::keep(future)),
        };
        EventLoop::queue(owner, job)
    }

    /// By what it is known again, if it can be removed.
    fn identity(&self) -> Option<usize> {
        match self {
            Waiter::Task(task) => Some(task.as_ptr() as usize),
            Waiter::Callback(callback) => Some(callback.function.as_ptr() as usize),
            Waiter::Gathering(_) => None,
        }
    }

    /// The function that it is to Python, and its identity.
    fn shown<'py>(&self, py: Python<'py>) -> Option<PyResult<(usize, Bound<'py, PyAny>)>> {
        let identity = self.identity()?;
        let function = match self {
            Waiter::Task(task) => wakeup::bound_to(task.bind(py)),
            Waiter::Callback(callback) => Ok(callback.function.bind(py).clone()),
            Waiter::Gathering(_) => return None,
        };
        Some(function.map(|function| (identity, function)))
    }

    fn traverse(&self, visitor: &mut Visitor) {
        match self {
            Waiter::Task(task) => visitor.strong(task),
            Waiter::Gathering(gathering) => visitor.strong(gathering),
            Waiter::Callback(callback) => {
                visitor.strong(&callback.function);
                callback.context.traverse(visitor);
            }
        }
    }
}

/// Those who wait for one future: mostly none or one.
pub(super) struct Waiters(Cell<Held>);

enum Held {
    None,
    One(Waiter),
    #[allow(clippy::box_collection, reason = "most futures have one waiter: keep the others small")]
    Many(Box<Vec<Waiter>>),
}

impl Waiters {
    pub(super) const fn none() -> Self {
        Waiters(Cell::new(Held::None))
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.peek(|held| matches!(held, Held::None))
    }

    pub(super) fn add(&self, waiter: Waiter) {
        let held = match self.0.replace(Held::None) {
            Held::None => Held::One(waiter),
            Held::One(first) => Held::Many(Box::new(vec![first, waiter])),
            Held::Many(mut all) => {
                all.push(waiter);
                Held::Many(all)
            }
        };
        let empty = self.0.replace(held);
        std::mem::forget(empty);
    }

    /// `look` must not run anybody's code: nobody waits meanwhile.
    #[inline]
    fn peek<R>(&self, look: impl FnOnce(&Held) -> R) -> R {
        let held = self.0.replace(Held::None);
        let answer = look(&held);
        let empty = self.0.replace(held);
        std::mem::forget(empty);
        answer
    }

    /// Takes them all, in order.
    #[inline]
    pub(super) fn take(&self) -> impl Iterator<Item = Waiter> + use<> {
        let (one, many) = match self.0.replace(Held::None) {
            Held::None => (None, None),
            Held::One(waiter) => (Some(waiter), None),
            Held::Many(all) => (None, Some(all)),
        };
        one.into_iter().chain(many.map(|all| *all).into_iter().flatten())
    }

    /// Takes out a task, if nobody else waits.
    #[inline]
    pub(super) fn take_only_task(&self) -> Option<Strong<Task>> {
        match self.0.replace(Held::None) {
            Held::One(Waiter::Task(task)) => Some(task),
            others => {
                let empty = self.0.replace(others);
                std::mem::forget(empty);
                None
            }
        }
    }

    /// Takes out the callbacks whose function `is_meant`; returns how many.  A task's
    /// is the one that `_callbacks` shows for it.
    pub(super) fn remove(
        &self,
        py: Python<'_>,
        mut is_meant: impl FnMut(&Bound<'_, PyAny>) -> PyResult<bool>,
    ) -> PyResult<usize> {
        // Comparing runs anybody's code, which may add and take waiters: so it is
        // done on what was here when it began, outside of the cell.
        let mut meant = Vec::new();
        for waiter in self.map(|waiter| waiter.shown(py)) {
            let (identity, function) = waiter?;
            if is_meant(&function)? {
                meant.push(identity);
            }
        }
        let mut removed = Vec::new();
        for waiter in self.take() {
            if waiter.identity().is_some_and(|identity| meant.contains(&identity)) {
                removed.push(waiter);
            } else {
                self.add(waiter);
            }
        }
        Ok(removed.len())
    }

    /// What `look` makes of each waiter.  It must not run anybody's code.
    pub(super) fn map<R>(&self, look: impl FnMut(&Waiter) -> Option<R>) -> Vec<R> {
        self.peek(|held| match held {
            Held::None => Vec::new(),
            Held::One(waiter) => std::iter::once(waiter).filter_map(look).collect(),
            Held::Many(all) => all.iter().filter_map(look).collect(),
        })
    }

    pub(super) fn traverse(&self, visitor: &mut Visitor) {
        self.peek(|held| match held {
            Held::None => {}
            Held::One(waiter) => waiter.traverse(visitor),
            Held::Many(all) => all.iter().for_each(|waiter| waiter.traverse(visitor)),
        });
    }

    pub(super) fn clear(&self) {
        let held = self.0.replace(Held::None);
        drop(held);
    }
}
