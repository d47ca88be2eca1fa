//! Waiting for many tasks at once.
//!
//! A child tells the gathering by number that it has ended: O(1) for each, and
//! nobody is polled until there is an answer.  The three forms differ in which
//! outcome ends the wait early, and in what they make of the outcomes.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use crate::error::Error;
use crate::task::{Job, Observer, TaskCell, try_current, waits_for};

use super::task::{Task, create_task};

/// What can be gathered: tasks, and futures, of which tasks are made.
///
/// Every future is; there is no need to implement it.
pub trait IntoTask {
    /// What the task gives.
    type Output;

    /// The task: itself, or a new one that starts in the next turn.
    fn into_task(self) -> Task<Self::Output>;
}

impl<T> IntoTask for Task<T> {
    type Output = T;

    fn into_task(self) -> Task<T> {
        self
    }
}

impl<F: Future + 'static> IntoTask for F {
    type Output = F::Output;

    #[track_caller]
    fn into_task(self) -> Task<F::Output> {
        create_task(self)
    }
}

/// Runs all of `items` side by side and waits for their outputs, which come in
/// the order of the items.
///
/// Futures become tasks here and now, and start in the next turn.  The first task
/// to panic or to be cancelled ends the wait with its error; the others go on, as
/// in asyncio.  To have all outcomes, whatever they are, use
/// [`collect_all`](Gather::collect_all); for tasks whose outputs are `Result`s
/// there is [`try_gather`].
///
/// Dropping a [`Gather`] that isn't done cancels its tasks.  It stays on its
/// loop's thread.
///
/// # Panics
///
/// If an item is a future and no loop runs on this thread.
///
/// Source: [`asyncio.gather`](https://docs.python.org/3/library/asyncio-task.html#asyncio.gather).
///
/// # Examples
///
/// ```
/// use cafeloop::{Clock, Runner, gather, now, sleep};
/// use std::time::Duration;
///
/// Runner::new().clock(Clock::virtual_time()).run(async {
///     let coffees = [5, 3, 4].map(|seconds| async move {
///         sleep(Duration::from_secs(seconds)).await;
///         seconds
///     });
///     assert_eq!(gather(coffees).await?, [5, 3, 4]);
///     assert_eq!(now(), Duration::from_secs(5));
///     Ok::<(), cafeloop::Error>(())
/// })??;
/// # Ok::<(), cafeloop::Error>(())
/// ```
///
/// Futures of different types, as tasks:
///
/// ```
/// use cafeloop::{create_task, gather};
///
/// cafeloop::run(async {
///     let two = create_task(async { 2 });
///     let three = create_task(std::future::ready(3));
///     assert_eq!(gather([two, three]).await?, [2, 3]);
///     Ok::<(), cafeloop::Error>(())
/// })??;
/// # Ok::<(), cafeloop::Error>(())
/// ```
#[track_caller]
pub fn gather<I>(items: I) -> Gather<<I::Item as IntoTask>::Output>
where
    I: IntoIterator<Item: IntoTask<Output: 'static>>,
{
    Gather { gathering: Gathering::new(items, Result::is_err) }
}

/// [`gather`] for tasks whose outputs are `Result`s: waits for all `Ok`s, or for
/// the first that fails.
///
/// A task fails with an `Err`, or by a panic or a cancellation, which become an
/// `E`.  The others go on, as in asyncio; a [`task_group`](crate::task_group)
/// would cancel them.  All else is as with [`gather`].
///
/// Source: [`asyncio.gather`](https://docs.python.org/3/library/asyncio-task.html#asyncio.gather),
/// where a failing task is one that raises.
///
/// # Examples
///
/// ```
/// use cafeloop::{Error, try_gather};
///
/// async fn double(number: &str) -> Result<i32, Box<dyn std::error::Error>> {
///     Ok(number.parse::<i32>()? * 2)
/// }
///
/// cafeloop::run(async {
///     assert_eq!(try_gather(["1", "2"].map(double)).await.unwrap(), [2, 4]);
///     let error = try_gather(["1", "two"].map(double)).await.unwrap_err();
///     assert_eq!(error.to_string(), "invalid digit found in string");
/// })?;
/// # Ok::<(), Error>(())
/// ```
#[track_caller]
pub fn try_gather<I, T, E>(items: I) -> TryGather<T, E>
where
    I: IntoIterator<Item: IntoTask<Output = Result<T, E>>>,
    T: 'static,
    E: From<Error> + 'static,
{
    let fails = |outcome: &Result<Result<T, E>, Error>| !matches!(outcome, Ok(Ok(_)));
    TryGather { gathering: Gathering::new(items, fails) }
}

/// What [`gather`] gives: a future of all outputs, or of the first error.
#[must_use = "a future does nothing unless it is awaited, and dropping it cancels its tasks"]
pub struct Gather<T> {
    gathering: Gathering<T>,
}

impl<T> Gather<T> {
    /// Waits for all tasks, however they end, and gives all outcomes.
    ///
    /// Source: `asyncio.gather(..., return_exceptions=True)`.
    ///
    /// # Examples
    ///
    /// ```
    /// use cafeloop::{create_task, gather, yield_now};
    ///
    /// cafeloop::run(async {
    ///     let (good, bad) = (create_task(async { 1 }), create_task(async { 2 }));
    ///     bad.cancel();
    ///     let outcomes = gather([good, bad]).collect_all().await;
    ///     assert!(matches!(outcomes[0], Ok(1)));
    ///     assert!(outcomes[1].as_ref().is_err_and(|error| error.is_cancelled()));
    /// })?;
    /// # Ok::<(), cafeloop::Error>(())
    /// ```
    pub fn collect_all(self) -> CollectAll<T> {
        self.gathering.shared.ends_early.set(|_| false);
        self.gathering.shared.first.set(None);
        CollectAll { gathering: self.gathering }
    }
}

impl<T> Future for Gather<T> {
    type Output = Result<Vec<T>, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.gathering.poll(context).map(Iterator::collect)
    }
}

/// What [`Gather::collect_all`] gives: a future of all outcomes.
#[must_use = "a future does nothing unless it is awaited, and dropping it cancels its tasks"]
pub struct CollectAll<T> {
    gathering: Gathering<T>,
}

impl<T> Future for CollectAll<T> {
    type Output = Vec<Result<T, Error>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.gathering.poll(context).map(Iterator::collect)
    }
}

/// What [`try_gather`] gives: a future of all `Ok`s, or of the first failure.
#[must_use = "a future does nothing unless it is awaited, and dropping it cancels its tasks"]
pub struct TryGather<T, E> {
    gathering: Gathering<Result<T, E>>,
}

impl<T, E: From<Error>> Future for TryGather<T, E> {
    type Output = Result<Vec<T>, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.gathering.poll(context).map(|outcomes| outcomes.map(|outcome| outcome?).collect())
    }
}

/// Whether an outcome ends the wait early.
type Test<T> = fn(&Result<T, Error>) -> bool;

/// What its future and its children share.
struct Shared<T> {
    ends_early: Cell<Test<T>>,
    children: RefCell<Vec<Rc<TaskCell<T>>>>,
    /// Children that haven't ended.
    left: Cell<usize>,
    /// The first child whose outcome ends the wait early.
    first: Cell<Option<usize>>,
    /// Whoever awaits the gathering.
    waker: Cell<Option<Waker>>,
}

impl<T> Shared<T> {
    fn count(&self, number: usize) {
        self.left.set(self.left.get() - 1);
        let children = self.children.borrow();
        // There are none any more if the wait is over.
        let Some(child) = children.get(number) else { return };
        if self.first.get().is_none() && child.outcome_is(self.ends_early.get()) {
            self.first.set(Some(number));
        }
    }

    fn has_answer(&self) -> bool {
        self.left.get() == 0 || self.first.get().is_some()
    }
}

impl<T> Observer for Shared<T> {
    fn ended(&self, number: usize) {
        self.count(number);
        if !self.has_answer() {
            return;
        }
        // By a job, not at once: in asyncio too the future of a gathering is
        // completed by a callback, one turn after its last child.
        if let (Some(waker), Some(its_loop)) = (self.waker.take(), try_current()) {
            its_loop.push(Job::Told(waker));
        }
    }
}

/// The future's side.
struct Gathering<T> {
    shared: Rc<Shared<T>>,
}

impl<T: 'static> Gathering<T> {
    #[track_caller]
    fn new<I>(items: I, ends_early: Test<T>) -> Self
    where
        I: IntoIterator<Item: IntoTask<Output = T>>,
    {
        let children: Vec<_> = items.into_iter().map(|item| item.into_task().into_cell()).collect();
        let shared = Rc::new(Shared {
            ends_early: Cell::new(ends_early),
            left: Cell::new(children.len()),
            children: RefCell::new(children),
            first: Cell::new(None),
            waker: Cell::new(None),
        });
        for (number, child) in shared.children.borrow().iter().enumerate() {
            if child.observe(shared.clone(), number).is_err() {
                shared.count(number);
            }
        }
        Gathering { shared }
    }
}

impl<T> Gathering<T> {
    /// All outcomes, or only the one that ended the wait early.
    fn poll(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<impl Iterator<Item = Result<T, Error>> + use<T>> {
        let shared = &self.shared;
        if !shared.has_answer() {
            drop(shared.waker.replace(Some(context.waker().clone())));
            waits_for(shared.left.get());
            return Poll::Pending;
        }
        let mut children = shared.children.take();
        if let Some(first) = shared.first.get() {
            // The others' outcomes are dropped with them, now or when they end.
            children = vec![children.swap_remove(first)];
        }
        Poll::Ready(children.into_iter().map(|child| child.take().expect("it has ended")))
    }
}

impl<T> Drop for Gathering<T> {
    fn drop(&mut self) {
        // None are left if the wait is over.
        for child in self.shared.children.take() {
            child.cancel();
        }
    }
}

impl<T> fmt::Debug for Gather<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gather").field("left", &self.gathering.shared.left.get()).finish()
    }
}

impl<T> fmt::Debug for CollectAll<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CollectAll").field("left", &self.gathering.shared.left.get()).finish()
    }
}

impl<T, E> fmt::Debug for TryGather<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TryGather").field("left", &self.gathering.shared.left.get()).finish()
    }
}
