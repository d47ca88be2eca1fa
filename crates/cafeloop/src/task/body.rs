//! What is polled as a task: the future, and how it ends.

use std::any::type_name;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::thread;

use cafeloop_flow::{StringId, TaskEnd};
use pin_project_lite::pin_project;

use super::cell::TaskCell;
use super::current::{Loop, current, queue};
use super::heard::Kind;
use super::host::Job;
use crate::error::Error;

/// Makes a task of `future` that starts in the next turn, and that ends with
/// what `finish` makes of its outcome.
#[track_caller]
pub(crate) fn spawn<F, T, E>(its_loop: &Loop, kind: Kind, future: F, finish: E) -> Rc<TaskCell<T>>
where
    F: Future + 'static,
    T: 'static,
    E: FnOnce(Result<F::Output, Error>) -> Result<T, Error> + 'static,
{
    let host = its_loop.host();
    let number = host.heard.created(its_loop, kind, type_name::<F>(), Location::caller());
    let cell = host.list(|place| TaskCell::new(place, number));
    let body = Body { future: Some(future), end: Some(End { finish, cell: cell.clone() }) };
    let remote = its_loop.remote();
    let (runnable, handle) = async_task::Builder::new()
        .metadata(number)
        .spawn_local(|_| body, move |runnable| queue(&remote, Job::Run(runnable)));
    handle.detach();
    cell.set_waker(runnable.waker());
    its_loop.push(Job::Run(runnable));
    cell
}

/// What becomes of a task whose future has come to its end.
struct End<T, E> {
    finish: E,
    cell: Rc<TaskCell<T>>,
}

pin_project! {
    /// A future that is polled once more than its own needs: to be dropped when
    /// the task was cancelled.
    struct Body<F, T, E> {
        #[pin]
        future: Option<F>,
        end: Option<End<T, E>>,
    }
}

impl<F, T, E> Future for Body<F, T, E>
where
    F: Future,
    E: FnOnce(Result<F::Output, Error>) -> Result<T, Error>,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let end = this.end.as_ref().expect("a body that has ended isn't polled");
        let future = this.future.as_mut().as_pin_mut().expect("it goes with the end");
        let Poll::Ready(mut outcome) = poll_once(future, &end.cell, context) else {
            return Poll::Pending;
        };
        if let Err(panic) = quietly(|| this.future.set(None)) {
            // The first panic is the one that explains the others.
            if !outcome.as_ref().is_err_and(Error::is_panic) {
                let lost = std::mem::replace(&mut outcome, Err(Error::panicked(panic)));
                let _ = quietly(|| drop(lost));
            }
        }
        let End { finish, cell } = this.end.take().expect("it was there above");
        let outcome = finish(outcome);
        let its_loop = current();
        its_loop.tell(|_| its_loop.host().heard.ends(told_end(&outcome)));
        let waiter = cell.end(outcome);
        drop(its_loop.host().unlist(cell.place));
        waiter.tell();
        // The outcome goes too if there is no handle, and async-task aborts the
        // process if a body panics when it is dropped.  Nobody is left to be
        // told of this panic; the panic hook has spoken.
        let _ = quietly(|| drop(cell));
        Poll::Ready(())
    }
}

/// How whoever listens is told that a task ended.
fn told_end<T>(outcome: &Result<T, Error>) -> TaskEnd {
    match outcome {
        Ok(_) => TaskEnd::Returned,
        Err(error) if error.is_cancelled() => TaskEnd::Cancelled,
        Err(_) => TaskEnd::Raised(StringId::NONE),
    }
}

/// Polls the future, unless its task is to end.
fn poll_once<F: Future, T>(
    future: Pin<&mut F>,
    cell: &TaskCell<T>,
    context: &mut Context<'_>,
) -> Poll<Result<F::Output, Error>> {
    let poll = || {
        if cell.is_cancelling() {
            return Poll::Ready(Err(Error::cancelled()));
        }
        let output = std::task::ready!(future.poll(context));
        // A task that cancels itself and then returns was cancelled: asyncio too
        // holds to what `cancel` has promised.
        let outcome = if cell.is_cancelling() { Err(Error::cancelled()) } else { Ok(output) };
        Poll::Ready(outcome)
    };
    quietly(poll).unwrap_or_else(|panic| Poll::Ready(Err(Error::panicked(panic))))
}

/// Runs somebody's code, whose panic stays here.
fn quietly<R>(code: impl FnOnce() -> R) -> thread::Result<R> {
    catch_unwind(AssertUnwindSafe(code))
}
