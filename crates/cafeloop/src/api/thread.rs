//! Work for threads.

use crate::task::ToThread;

/// Has a thread run `work`, which may block or compute for long, and waits for
/// its result.
///
/// The threads belong to the loop and are a bounded number (`min(32, cores +
/// 4)`, as in Python); work that finds them all busy waits for its turn.  A
/// virtual clock stands still while a thread works for somebody who waits.
///
/// Nothing happens until it is first polled.  Dropped later, it no longer waits:
/// work that no thread has begun is left undone, work that has begun goes on and
/// its result is dropped, and the end of the run waits for it.  The work and its
/// result cross threads and are `Send`; the future stays on its loop's thread.
///
/// # Errors
///
/// [`is_panic`](crate::Error::is_panic) if the work panicked; [`is_io`](crate::Error::is_io) if
/// no thread could be made.
///
/// # Panics
///
/// When polled, if no loop runs on this thread.
///
/// Source: [`asyncio.to_thread`](https://docs.python.org/3/library/asyncio-task.html#asyncio.to_thread).
///
/// # Examples
///
/// ```
/// use cafeloop::to_thread;
///
/// cafeloop::run(async {
///     let sum = to_thread(|| (1..=1_000_000_u64).sum::<u64>()).await?;
///     assert_eq!(sum, 500_000_500_000);
///     Ok::<(), cafeloop::Error>(())
/// })??;
/// # Ok::<(), cafeloop::Error>(())
/// ```
#[track_caller]
pub fn to_thread<T, W>(work: W) -> ToThread<T>
where
    W: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    ToThread::new(work)
}
