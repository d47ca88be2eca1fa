//! Letting time pass.

use std::fmt;
use std::panic::Location;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, RawWakerVTable, Waker};
use std::time::Duration;

use cafeloop_flow::Awaited;

use crate::engine::TimerKey;
use crate::task::{Job, Loop, Place, current, try_current};

/// What time it is by the loop's clock, counted from the clock's beginning.
///
/// Differences are what it is for: the beginning of the real clock is the
/// machine's start, that of a virtual one is zero.
///
/// # Panics
///
/// If no loop runs on this thread.
///
/// Source: [`loop.time`](https://docs.python.org/3/library/asyncio-eventloop.html#asyncio.loop.time).
#[track_caller]
pub fn now() -> Duration {
    Duration::from_nanos(current().clock().now_ns())
}

/// Lets the other tasks that are ready run first.
///
/// Source: [`asyncio.sleep(0)`](https://docs.python.org/3/library/asyncio-task.html#sleeping).
///
/// # Examples
///
/// ```
/// use cafeloop::{create_task, yield_now};
///
/// cafeloop::run(async {
///     let task = create_task(async {});
///     assert!(!task.done());
///     yield_now().await;
///     assert!(task.done());
/// })?;
/// # Ok::<(), cafeloop::Error>(())
/// ```
#[track_caller]
pub fn yield_now() -> Sleep {
    sleep(Duration::ZERO)
}

/// Waits for `delay`, counted from the first poll.
///
/// It never ends early; how late it ends is up to the tasks that keep the loop
/// busy.  Those who sleep until the same nanosecond wake up in the order in which
/// they lay down.  `Duration::ZERO` is [`yield_now`]: one turn.
///
/// Dropping it takes the timer back.  It stays on its loop's thread.
///
/// # Panics
///
/// When polled, if no loop runs on this thread, or another one than that in which
/// it was first polled.
///
/// Source: [`asyncio.sleep`](https://docs.python.org/3/library/asyncio-task.html#asyncio.sleep).
///
/// # Examples
///
/// ```
/// use cafeloop::{Clock, Runner, now, sleep};
/// use std::time::Duration;
///
/// Runner::new().clock(Clock::virtual_time()).run(async {
///     let nap = sleep(Duration::from_secs(5));
///     sleep(Duration::from_secs(3)).await;
///     nap.await; // begins here
///     assert_eq!(now(), Duration::from_secs(8));
/// })?;
/// # Ok::<(), cafeloop::Error>(())
/// ```
#[track_caller]
pub fn sleep(delay: Duration) -> Sleep {
    Sleep { state: State::New(delay, Location::caller()) }
}

/// What [`sleep`] and [`yield_now`] give.
#[must_use = "a future does nothing unless it is awaited"]
pub struct Sleep {
    state: State,
}

enum State {
    /// With the line that asked for it.
    New(Duration, &'static Location<'static>),
    /// Out for one turn.
    Yielding,
    Asleep(Timer),
    Over,
}

/// A timer of the engine that was set for a waker.
struct Timer {
    its_loop: Weak<Loop>,
    key: TimerKey,
    deadline_ns: u64,
    /// Names the waker that the timer holds; as long as it does, nobody else's
    /// has this address.
    waker: (*const (), &'static RawWakerVTable),
}

impl Timer {
    fn set(its_loop: &Rc<Loop>, deadline_ns: u64, waker: &Waker) -> Self {
        Timer {
            its_loop: Rc::downgrade(its_loop),
            key: its_loop.set_timer(deadline_ns, Job::Wake(waker.clone())),
            deadline_ns,
            waker: (waker.data(), waker.vtable()),
        }
    }

    fn is_for(&self, waker: &Waker) -> bool {
        self.waker.0 == waker.data() && std::ptr::eq(self.waker.1, waker.vtable())
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        // A loop that has ended has dropped its timers.
        if let Some(its_loop) = self.its_loop.upgrade() {
            drop(its_loop.cancel_timer(self.key));
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker();
        match &mut self.state {
            State::New(Duration::ZERO, _) => {
                let its_loop = try_current();
                if let Some(its_loop) = its_loop {
                    its_loop.tell(|_| its_loop.host().heard.waits(Awaited::Turn, None));
                }
                self.state = State::Yielding;
                waker.wake_by_ref();
                return Poll::Pending;
            }
            State::New(delay, line) => {
                let its_loop = current();
                let deadline_ns = its_loop.clock().deadline_ns(*delay);
                let what = Awaited::Sleep { until_ns: deadline_ns };
                let place = Place { by: "sleep", line };
                its_loop.tell(|_| its_loop.host().heard.waits(what, Some(place)));
                self.state = State::Asleep(Timer::set(&its_loop, deadline_ns, waker));
                return Poll::Pending;
            }
            State::Asleep(timer) => {
                let its_loop =
                    timer.its_loop.upgrade().expect("a sleep is awaited in the loop it began in");
                if its_loop.clock().now_ns() < timer.deadline_ns {
                    if !timer.is_for(waker) {
                        *timer = Timer::set(&its_loop, timer.deadline_ns, waker);
                    }
                    let what = Awaited::Sleep { until_ns: timer.deadline_ns };
                    its_loop.tell(|_| its_loop.host().heard.waits(what, None));
                    return Poll::Pending;
                }
            }
            State::Yielding | State::Over => {}
        }
        self.state = State::Over;
        Poll::Ready(())
    }
}

impl fmt::Debug for Sleep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sleep").finish_non_exhaustive()
    }
}
