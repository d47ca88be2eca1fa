//! Tasks and their handles.

use std::fmt;
use std::rc::Rc;

use crate::error::Error;
use crate::task::{Join, Kind, TaskCell, current, spawn};

/// Makes a task of `future`, which starts in the loop's next turn.
///
/// The task runs beside the one that made it, on the same thread, so the future
/// need not be `Send`.  Dropping the handle *detaches* the task: it goes on until
/// it is done or the run ends.
///
/// # Panics
///
/// If no loop runs on this thread.  A panic of the future is kept for whoever
/// awaits the handle.
///
/// Source: [`asyncio.create_task`](https://docs.python.org/3/library/asyncio-task.html#asyncio.create_task).
///
/// # Examples
///
/// ```
/// use cafeloop::{create_task, yield_now};
/// use std::{cell::RefCell, rc::Rc};
///
/// cafeloop::run(async {
///     let log = Rc::new(RefCell::new(vec![]));
///     let task = create_task({
///         let log = log.clone();
///         async move {
///             log.borrow_mut().push("task");
///             "result"
///         }
///     });
///     log.borrow_mut().push("maker");
///     assert_eq!(task.await?, "result");
///     assert_eq!(*log.borrow(), ["maker", "task"]);
///     Ok::<(), cafeloop::Error>(())
/// })??;
/// # Ok::<(), cafeloop::Error>(())
/// ```
#[track_caller]
pub fn create_task<F>(future: F) -> Task<F::Output>
where
    F: IntoFuture<IntoFuture: 'static, Output: 'static>,
{
    Task::new(spawn(&current(), Kind::Own, future.into_future(), |outcome| outcome))
}

/// A task: a future that runs by itself, and the handle to it.
///
/// Await it for the outcome.  A task is not itself a future, it becomes one
/// ([`Join`]) by `.await` or [`into_future`](IntoFuture::into_future); both take
/// the handle, so one party waits.  It stays on its loop's thread.
///
/// Source: [`asyncio.Task`](https://docs.python.org/3/library/asyncio-task.html#asyncio.Task).
///
/// # Errors
///
/// [`is_cancelled`](Error::is_cancelled) if the task was cancelled,
/// [`is_panic`](Error::is_panic) if it panicked.
///
/// # Where Rust differs
///
/// Cancelling a task *drops* its future at the `.await` where it waits.  There is
/// no `CancelledError` to catch, so a task can't refuse, and what a Python
/// program does in `finally` belongs in a destructor:
///
/// ```
/// use cafeloop::{create_task, sleep, yield_now};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// struct Tidy(Rc<Cell<bool>>);
/// impl Drop for Tidy {
///     fn drop(&mut self) {
///         self.0.set(true);
///     }
/// }
///
/// cafeloop::run(async {
///     let tidied = Rc::new(Cell::new(false));
///     let tidy = Tidy(tidied.clone());
///     let task = create_task(async move {
///         let _tidy = tidy;
///         sleep(Duration::from_secs(3600)).await;
///     });
///     yield_now().await; // the task starts
///     assert!(task.cancel());
///     assert!(!tidied.get()); // it was asked, no more
///     assert!(task.await.is_err_and(|error| error.is_cancelled()));
///     assert!(tidied.get());
/// })?;
/// # Ok::<(), cafeloop::Error>(())
/// ```
///
/// And cancelling a task that *awaits* another leaves the other alone: the handle
/// is dropped, which detaches.  In asyncio it would be cancelled too, and
/// `asyncio.shield` is what prevents it.
///
/// ```
/// use cafeloop::{create_task, yield_now};
/// use std::{cell::Cell, rc::Rc};
///
/// cafeloop::run(async {
///     let brewed = Rc::new(Cell::new(false));
///     let brew = create_task({
///         let brewed = brewed.clone();
///         async move {
///             yield_now().await;
///             yield_now().await;
///             brewed.set(true);
///         }
///     });
///     let customer = create_task(async move { brew.await });
///     yield_now().await;
///     customer.cancel();
///     assert!(customer.await.is_err_and(|error| error.is_cancelled()));
///     yield_now().await;
///     assert!(brewed.get());
/// })?;
/// # Ok::<(), cafeloop::Error>(())
/// ```
///
/// A task may hold what isn't `Send`, and so its handle isn't `Send` either.  What
/// is to cross threads goes through [`to_thread`](crate::to_thread), which takes
/// and gives values, not references to this thread's:
///
/// ```compile_fail,E0277
/// use cafeloop::{create_task, to_thread};
///
/// cafeloop::run(async {
///     let task = create_task(async {});
///     to_thread(move || task.cancel()).await // a task can't be sent
/// });
/// ```
#[must_use = "dropping it detaches the task: say so with `drop`, or await it"]
pub struct Task<T> {
    cell: Rc<TaskCell<T>>,
}

impl<T> Task<T> {
    pub(crate) fn new(cell: Rc<TaskCell<T>>) -> Self {
        Task { cell }
    }

    pub(crate) fn into_cell(self) -> Rc<TaskCell<T>> {
        self.cell
    }

    /// Asks the task to end; false if it has.
    ///
    /// Its future is dropped in the next turn, or without ever having been
    /// polled if it hadn't started.  After true the outcome is sure to be
    /// [`is_cancelled`](Error::is_cancelled), unless a destructor panics.
    ///
    /// Source: [`asyncio.Task.cancel`](https://docs.python.org/3/library/asyncio-task.html#asyncio.Task.cancel).
    #[allow(clippy::must_use_candidate, reason = "most who cancel don't mind being late")]
    pub fn cancel(&self) -> bool {
        self.cell.cancel()
    }

    /// Whether the task has ended, in whatever way.
    pub fn done(&self) -> bool {
        self.cell.is_done()
    }

    /// Whether the task has ended by being cancelled.
    pub fn cancelled(&self) -> bool {
        self.cell.outcome_is(|outcome| outcome.as_ref().is_err_and(Error::is_cancelled))
    }
}

impl<T> IntoFuture for Task<T> {
    type Output = Result<T, Error>;
    type IntoFuture = Join<T>;

    fn into_future(self) -> Join<T> {
        Join::new(self.cell)
    }
}

impl<T> fmt::Debug for Task<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task")
            .field("done", &self.done())
            .field("cancelled", &self.cancelled())
            .finish_non_exhaustive()
    }
}
