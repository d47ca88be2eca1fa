//! Waiting for the outcome of a task.

use std::fmt;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use cafeloop_flow::Awaited;

use super::cell::TaskCell;
use super::current::try_current;
use crate::error::Error;

/// The outcome of a task, awaited: what `task.await` waits with.
///
/// It is [`Task`](crate::Task)'s [`IntoFuture`], for code that polls by itself or
/// needs a future with a name.  Dropping it detaches the task, which goes on.
/// It stays on its loop's thread.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Join<T> {
    cell: Rc<TaskCell<T>>,
}

impl<T> Join<T> {
    pub(crate) fn new(cell: Rc<TaskCell<T>>) -> Self {
        Join { cell }
    }

    /// Asks the task to end; false if it has.
    pub(crate) fn cancel(&self) -> bool {
        self.cell.cancel()
    }
}

impl<T> Future for Join<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = self.cell.poll(context);
        if polled.is_pending()
            && let Some(its_loop) = try_current()
        {
            let what = || self.cell.id().map_or(Awaited::Future, Awaited::Task);
            its_loop.tell(|_| its_loop.host().heard.waits(what(), None));
        }
        polled
    }
}

impl<T> fmt::Debug for Join<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Join").field("done", &self.cell.is_done()).finish_non_exhaustive()
    }
}
