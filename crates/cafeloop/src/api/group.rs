//! Tasks that begin and end together.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use crate::error::Error;
use crate::task::{Job, Kind, Listed, TaskCell, current, spawn, waits_for};

use super::task::Task;

/// Runs `body` with a group in which it can make tasks, and leaves when the body
/// and all of these tasks have ended.
///
/// The first of them to fail, by an `Err` or a panic, has the others cancelled:
/// their futures are dropped, the body's included.  A task that is cancelled
/// through its handle counts as ended, not as failed.
///
/// Dropping the future cancels the tasks, which end one turn later; nobody can
/// wait for them then.  It stays on its loop's thread.
///
/// # Errors
///
/// A [`GroupError`] with all errors: of the tasks, in the order in which they
/// failed, then of the body.
///
/// # Panics
///
/// If the body or a task panics: with the first of these panics, after all have
/// ended.
///
/// Source: [`asyncio.TaskGroup`](https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup),
/// whose `async with` block is the body.
///
/// # Examples
///
/// ```
/// use cafeloop::{Error, Event, task_group, yield_now};
/// use std::rc::Rc;
///
/// async fn brew(coffee: &str) -> Result<&str, String> {
///     yield_now().await;
///     if coffee == "Tea" { Err("we have no Tea".to_owned()) } else { Ok(coffee) }
/// }
///
/// cafeloop::run(async {
///     let served = task_group(async |group| {
///         let latte = group.create_task(brew("Latte"));
///         let mocha = group.create_task(brew("Mocha"));
///         Ok([latte.await.unwrap(), mocha.await.unwrap()])
///     });
///     assert_eq!(served.await.unwrap(), ["Latte", "Mocha"]);
///
///     let refused = task_group(async |group| {
///         drop(group.create_task(brew("Tea")));
///         Event::new().wait().await; // for ever, but for the failure
///         Ok(())
///     });
///     assert_eq!(refused.await.unwrap_err().errors, ["we have no Tea"]);
/// })?;
/// # Ok::<(), Error>(())
/// ```
pub async fn task_group<T, E, B>(body: B) -> Result<T, GroupError<E>>
where
    E: 'static,
    B: AsyncFnOnce(&TaskGroup<E>) -> Result<T, E>,
{
    let group = TaskGroup { shared: Rc::new(Shared::new()) };
    let ending = Ending { shared: &group.shared };
    let mut body = pin!(Some(body(&group)));
    let mut outcome = None;
    poll_fn(|context| group.shared.poll(body.as_mut(), &mut outcome, context)).await;
    drop(ending);
    if let Some(panic) = group.shared.panic.take() {
        resume_unwind(panic);
    }
    let mut errors = group.shared.errors.take();
    match outcome {
        Some(Ok(output)) if errors.is_empty() => return Ok(output),
        Some(Err(error)) => errors.push(error),
        // A body that was cut short was so for the sake of an error.
        Some(Ok(_)) | None => {}
    }
    Err(GroupError { errors })
}

/// A group of tasks that is left when all of them have ended; made by
/// [`task_group`].
///
/// Clones are the same group: a task can be given one, to make further tasks.  It
/// stays on its loop's thread.
pub struct TaskGroup<E> {
    shared: Rc<Shared<E>>,
}

impl<E: 'static> TaskGroup<E> {
    /// Makes a task that belongs to the group, as
    /// [`create_task`](crate::create_task) does.
    ///
    /// Its output is a `Result`, of which the handle gives the value and the group
    /// the error.  Dropping the handle changes nothing: the group waits for the
    /// task.  In a group that has failed or has been left, the future is dropped
    /// unpolled.
    ///
    /// # Errors
    ///
    /// Those of the handle: [`is_cancelled`](Error::is_cancelled), also when
    /// another task failed; [`is_failed`](Error::is_failed) if this one failed;
    /// [`is_closed`](Error::is_closed) if the group had failed before or had been
    /// left, where asyncio raises `RuntimeError`.
    ///
    /// # Panics
    ///
    /// If no loop runs on this thread.
    ///
    /// Source: [`asyncio.TaskGroup.create_task`](https://docs.python.org/3/library/asyncio-task.html#asyncio.TaskGroup.create_task).
    #[track_caller]
    pub fn create_task<T, F>(&self, future: F) -> Task<T>
    where
        F: IntoFuture<Output = Result<T, E>, IntoFuture: 'static>,
        T: 'static,
    {
        if self.shared.phase.get() == Phase::Closed {
            return Task::new(Rc::new(TaskCell::ended(Err(Error::closed("task group")))));
        }
        let place = self.shared.children.borrow_mut().insert(None);
        let shared = self.shared.clone();
        let finish = move |outcome| shared.child_ended(place, outcome);
        let cell = spawn(&current(), Kind::Own, future.into_future(), finish);
        self.shared.children.borrow_mut()[place] = Some(cell.clone());
        Task::new(cell)
    }
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> Self {
        TaskGroup { shared: self.shared.clone() }
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup")
            .field("children", &self.shared.children.borrow().len())
            .field("phase", &self.shared.phase.get())
            .finish_non_exhaustive()
    }
}

/// How a group goes to its end.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Phase {
    /// Children may be made.
    Open,
    /// A child has failed, and the group's future hears of it in the next turn:
    /// as in asyncio, where a callback does, so that all who fail in one turn are
    /// heard.
    Failed,
    /// It has failed or has been left: no more children, and those that there are
    /// have been asked to end.
    Closed,
}

/// What the body, the children and the future of a group share.
struct Shared<E> {
    /// Those that haven't ended.  A place is `None` while its task is made.
    children: RefCell<Slab<Option<Rc<dyn Listed>>>>,
    errors: RefCell<Vec<E>>,
    panic: Cell<Option<Box<dyn Any + Send>>>,
    phase: Cell<Phase>,
    /// Whoever awaits the group.
    waker: Cell<Option<Waker>>,
}

impl<E> Shared<E> {
    fn new() -> Self {
        Shared {
            children: RefCell::default(),
            errors: RefCell::default(),
            panic: Cell::default(),
            phase: Cell::new(Phase::Open),
            waker: Cell::default(),
        }
    }

    /// Takes its error from a child that has ended; gives what is the handle's.
    fn child_ended<T>(
        &self,
        place: usize,
        outcome: Result<Result<T, E>, Error>,
    ) -> Result<T, Error> {
        drop(self.children.borrow_mut().remove(place));
        let outcome = match outcome.map_err(Error::into_panic) {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => {
                self.errors.borrow_mut().push(error);
                self.fail();
                Err(Error::failed())
            }
            Err(Ok(panic)) => {
                self.keep_panic(panic);
                Err(Error::failed())
            }
            Err(Err(cancelled)) => Err(cancelled),
        };
        self.wake();
        outcome
    }

    /// Wakes the group's future if there is news for it.
    fn wake(&self) {
        if self.phase.get() == Phase::Failed {
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        } else if self.children.borrow().is_empty()
            && let Some(waker) = self.waker.take()
        {
            // By a job, not at once: as in asyncio, one turn after the child's.
            current().push(Job::Told(waker));
        }
    }

    /// Keeps the first panic.
    fn keep_panic(&self, panic: Box<dyn Any + Send>) {
        self.panic.set(self.panic.take().or(Some(panic)));
        self.fail();
    }

    fn fail(&self) {
        if self.phase.get() == Phase::Open {
            self.phase.set(Phase::Failed);
        }
    }

    /// Polls the body until it ends or is cut short; ready when all have ended.
    fn poll<T>(
        &self,
        mut body: Pin<&mut Option<impl Future<Output = Result<T, E>>>>,
        outcome: &mut Option<Result<T, E>>,
        context: &mut Context<'_>,
    ) -> Poll<()> {
        drop(self.waker.replace(Some(context.waker().clone())));
        if self.phase.get() == Phase::Failed {
            // In the turn before.  The other children are dropped in the next, and
            // so is the body.
            self.close();
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        let poll = || match body.as_mut().as_pin_mut() {
            Some(body) if self.phase.get() == Phase::Open => body.poll(context).map(Some),
            _ => Poll::Ready(None),
        };
        match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(None)) => {}
            Ok(Poll::Ready(Some(ended))) => {
                if ended.is_err() {
                    self.fail();
                }
                *outcome = Some(ended);
            }
            Err(panic) => self.keep_panic(panic),
        }
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body.set(None))) {
            self.keep_panic(panic);
        }
        if self.phase.get() == Phase::Failed {
            self.close();
        }
        let left = self.children.borrow().len();
        if left == 0 {
            return Poll::Ready(());
        }
        waits_for(left);
        Poll::Pending
    }

    /// Lets no more children in, and cancels those that are left.
    fn close(&self) {
        self.phase.set(Phase::Closed);
        // Cancelling wakes, and a wake-up only queues: none ends meanwhile.
        for (_, child) in self.children.borrow().iter() {
            if let Some(child) = child {
                child.cancel();
            }
        }
    }
}

/// The end of a group, also if its future is dropped.
struct Ending<'a, E> {
    shared: &'a Shared<E>,
}

impl<E> Drop for Ending<'_, E> {
    fn drop(&mut self) {
        self.shared.close();
    }
}

/// The errors of a group's tasks and of its body: at least one.
///
/// Source: [`ExceptionGroup`](https://docs.python.org/3/library/exceptions.html#ExceptionGroup).
#[derive(Debug)]
pub struct GroupError<E> {
    /// The errors, in the order in which they came; the body's is the last.
    pub errors: Vec<E>,
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errors.len() {
            1 => f.write_str("the task group failed: ")?,
            errors => write!(f, "the task group failed with {errors} errors: ")?,
        }
        for (number, error) in self.errors.iter().enumerate() {
            let comma = if number > 0 { "; " } else { "" };
            write!(f, "{comma}{error}")?;
        }
        Ok(())
    }
}

impl<E: std::error::Error + 'static> std::error::Error for GroupError<E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.errors.first().map(|error| error as _)
    }
}
