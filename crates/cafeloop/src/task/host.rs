//! What the engine runs for Rust: steps of tasks, and wake-ups.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::task::Waker;

use async_task::Runnable;
use slab::Slab;

use super::current::current;
use super::heard::Heard;
use crate::engine::{Host, Moment};
use crate::error::Error;

/// Something to run once.
pub(crate) enum Job {
    /// A task whose future is to be polled, with its number.
    Run(Runnable<u64>),
    /// Somebody whose timer is due.  The task that is behind it runs one turn later, as
    /// in asyncio, where the callback of a timer completes a future and the future then
    /// schedules its task.
    Wake(Waker),
    /// Somebody whose descriptor is ready, or whose tasks are: likewise.
    Told(Waker),
    /// The end of the run, once this turn has ended.
    Stop,
}

/// Somebody who wants to be told once that a descriptor is ready.
///
/// The engine has a clone of it for as long as it watches.
#[derive(Clone, Default)]
pub(crate) struct Watcher {
    waker: Rc<Cell<Option<Waker>>>,
}

impl Watcher {
    /// Has `waker` woken, in the place of the one returned.
    pub(crate) fn set(&self, waker: Waker) -> Option<Waker> {
        self.waker.replace(Some(waker))
    }

    /// Takes back the waker that is to be woken.
    pub(crate) fn take(&self) -> Option<Waker> {
        self.waker.take()
    }

    /// Whether the engine has a clone of this one, which has no other.
    pub(crate) fn is_watching(&self) -> bool {
        Rc::strong_count(&self.waker) > 1
    }
}

/// A task as the loop's list knows it, whatever its output.
pub(crate) trait Listed {
    /// Asks the task to end; false if it has.
    fn cancel(&self) -> bool;
}

/// The Rust side of a loop: its tasks that haven't ended.
#[derive(Default)]
pub(crate) struct RustHost {
    tasks: RefCell<Slab<Rc<dyn Listed>>>,
    pub(crate) heard: Heard,
}

impl RustHost {
    /// Lists the task that `make` makes of its place in the list.
    pub(super) fn list<L: Listed + 'static>(&self, make: impl FnOnce(usize) -> L) -> Rc<L> {
        let mut tasks = self.tasks.borrow_mut();
        let place = tasks.vacant_entry();
        let task = Rc::new(make(place.key()));
        place.insert(task.clone());
        task
    }

    /// Takes a task that has ended from the list.
    pub(super) fn unlist(&self, place: usize) -> Rc<dyn Listed> {
        self.tasks.borrow_mut().remove(place)
    }

    /// Asks all tasks to end; false if there are none.
    pub(crate) fn cancel_all(&self) -> bool {
        // Cancelling wakes, and a wake-up only queues: the list doesn't change.
        let tasks = self.tasks.borrow();
        for (_, task) in tasks.iter() {
            task.cancel();
        }
        !tasks.is_empty()
    }
}

impl Host for RustHost {
    type Job = Job;
    type Watcher = Watcher;
    type Scope<'s> = ();
    /// A failure of the loop itself, or a panic outside of any task: in a waker
    /// that is somebody else's.
    type Exit = Error;

    fn run(&self, (): (), job: Job) -> Result<(), Error> {
        let run = || match job {
            // Whether it was woken meanwhile is of no interest: it is queued.
            Job::Run(runnable) => _ = runnable.run(),
            Job::Wake(waker) | Job::Told(waker) => waker.wake(),
            Job::Stop => current().stop(),
        };
        catch_unwind(AssertUnwindSafe(run)).map_err(Error::panicked)
    }

    fn job_begins(&self, (): (), moment: Moment<'_>, job: &Job) {
        self.heard.job_begins(moment, job);
    }

    fn job_ends(&self, (): (), moment: Moment<'_>) {
        self.heard.job_ends(moment);
    }

    fn ready(&self, (): (), watcher: &mut Option<Watcher>) -> Option<Job> {
        watcher.take()?.take().map(Job::Told)
    }

    fn block<R: Send>(&self, (): (), wait: impl FnOnce() -> R + Send) -> R {
        wait()
    }

    fn interrupted(&self, (): ()) -> Result<(), Error> {
        Ok(())
    }
}
