//! A limit to how long a future may take.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use pin_project_lite::pin_project;

use crate::error::Error;

use super::time::{Sleep, sleep};

/// Awaits `future` for at most `limit`, counted from the first poll.
///
/// When the time is over the future is dropped, before the error is given.  A
/// result that is there when the time is over is not too late.  With a limit of
/// zero the future has one turn.
///
/// Dropping it drops the future.  It stays on its loop's thread.
///
/// # Errors
///
/// [`is_timed_out`](Error::is_timed_out) when the time is over.
///
/// # Panics
///
/// When polled, if no loop runs on this thread; and with the future's own panic.
///
/// Source: [`asyncio.wait_for`](https://docs.python.org/3/library/asyncio-task.html#asyncio.wait_for).
///
/// # Examples
///
/// ```
/// use cafeloop::{Clock, Runner, sleep, timeout};
/// use std::time::Duration;
///
/// Runner::new().clock(Clock::virtual_time()).run(async {
///     let patience = Duration::from_secs(4);
///     let coffee = async |seconds| sleep(Duration::from_secs(seconds)).await;
///     assert!(timeout(patience, coffee(3)).await.is_ok());
///     let error = timeout(patience, coffee(5)).await.unwrap_err();
///     assert_eq!(error.to_string(), "timed out after 4s");
/// })?;
/// # Ok::<(), cafeloop::Error>(())
/// ```
///
/// Where Rust differs: awaiting a [`Task`](crate::Task) under a time-out gives up
/// the wait, not the task, which goes on detached.  To have it end, pass the
/// future itself, or keep what the task listens to.
///
/// ```
/// use cafeloop::{Clock, Runner, create_task, sleep, timeout};
/// use std::{cell::Cell, rc::Rc, time::Duration};
///
/// Runner::new().clock(Clock::virtual_time()).run(async {
///     let brewed = Rc::new(Cell::new(false));
///     let brew = create_task({
///         let brewed = brewed.clone();
///         async move {
///             sleep(Duration::from_secs(5)).await;
///             brewed.set(true);
///         }
///     });
///     assert!(timeout(Duration::from_secs(4), brew).await.is_err());
///     sleep(Duration::from_secs(4)).await;
///     assert!(brewed.get());
/// })?;
/// # Ok::<(), cafeloop::Error>(())
/// ```
pub fn timeout<F: IntoFuture>(limit: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout { future: Some(future.into_future()), limit, sleep: sleep(limit) }
}

pin_project! {
    /// What [`timeout`] gives.
    #[must_use = "a future does nothing unless it is awaited"]
    pub struct Timeout<F> {
        #[pin]
        future: Option<F>,
        limit: Duration,
        sleep: Sleep,
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let future = this.future.as_mut().as_pin_mut();
        let future = future.expect("`Timeout` is not polled after it has given its result");
        let answer = match future.poll(context) {
            Poll::Ready(output) => Ok(output),
            Poll::Pending => {
                std::task::ready!(Pin::new(this.sleep).poll(context));
                Err(Error::timed_out(*this.limit))
            }
        };
        this.future.set(None);
        Poll::Ready(answer)
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("limit", &self.limit).finish_non_exhaustive()
    }
}
