//! A thread's result, on its way to the task that waits for it.
//!
//! ```text
//! ToThread ── submits ──> the pool: works ── Parcel ──> Receipt, a task ──> ToThread
//! ```

use std::any::type_name;
use std::fmt;
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};
use std::thread;

use cafeloop_flow::{Awaited, Event, Lane, LaneKind, WorkId};

use crate::engine::{Clock, Working, thread_time_ns};
use crate::error::Error;

use super::body::spawn;
use super::current::current;
use super::heard::Kind;
use super::join::Join;

/// What [`to_thread`](crate::to_thread) gives.
#[must_use = "a future does nothing unless it is awaited"]
pub struct ToThread<T> {
    state: State<T>,
}

enum State<T> {
    Idle {
        parcel: Arc<Parcel<T>>,
        work: Box<dyn FnOnce() + Send>,
        /// Its type, and where it was handed over.
        function: &'static str,
        line: &'static Location<'static>,
    },
    /// A task receives the result: so it is told when the thread is done, and a
    /// virtual clock goes on, even if nobody happens to poll this future.
    Waiting {
        receiver: Join<T>,
        number: Option<WorkId>,
    },
    Over,
}

impl<T: Send + 'static> ToThread<T> {
    #[track_caller]
    pub(crate) fn new<W: FnOnce() -> T + Send + 'static>(work: W) -> Self {
        let parcel = Arc::new(Parcel::new());
        let sender = Arc::downgrade(&parcel);
        let (function, line) = (type_name::<W>(), Location::caller());
        let work = Box::new(move || deliver(&sender, work));
        ToThread { state: State::Idle { parcel, work, function, line } }
    }
}

impl<T: Send + 'static> Future for ToThread<T> {
    type Output = Result<T, Error>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let (mut receiver, number) = match std::mem::replace(&mut self.state, State::Over) {
            State::Idle { parcel, work, function, line } => {
                let its_loop = current();
                let working = its_loop.submit(work)?;
                let number = its_loop.host().heard.work_queued(&its_loop, function, line);
                let receipt = Receipt { parcel, number, _working: working };
                let cell = spawn(&its_loop, Kind::Inner, receipt, |outcome| outcome?);
                (Join::new(cell), number)
            }
            State::Waiting { receiver, number } => (receiver, number),
            State::Over => panic!("`ToThread` was polled after it had given its result"),
        };
        let polled = Pin::new(&mut receiver).poll(context);
        if polled.is_pending() {
            let its_loop = current();
            let what = number.map_or(Awaited::Unknown, Awaited::Work);
            its_loop.tell(|_| its_loop.host().heard.waits(what, None));
            self.state = State::Waiting { receiver, number };
        }
        polled
    }
}

impl<T> Drop for ToThread<T> {
    fn drop(&mut self) {
        if let State::Waiting { receiver, .. } = &self.state {
            receiver.cancel();
        }
    }
}

impl<T> fmt::Debug for ToThread<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToThread").finish_non_exhaustive()
    }
}

/// A result on its way from a thread to the loop.
struct Parcel<T> {
    transit: Mutex<Transit<T>>,
}

enum Transit<T> {
    Underway(Waker),
    Arrived(thread::Result<T>, Worked),
    Taken,
}

/// When a thread was at a job, how much of that it used a processor, and which it was.
#[derive(Clone, Copy)]
struct Worked {
    from_ns: u64,
    to_ns: u64,
    cpu_ns: u64,
    lane: Lane,
}

/// The lane that the next thread has; the loop's own is 0.
static NEXT_LANE: AtomicU16 = AtomicU16::new(1);

thread_local! {
    static LANE: Lane = Lane(NEXT_LANE.fetch_add(1, Ordering::Relaxed));
}

impl<T> Parcel<T> {
    fn new() -> Self {
        Parcel { transit: Mutex::new(Transit::Underway(Waker::noop().clone())) }
    }

    /// Changes what is underway into `next`, and gives what it was.
    fn replace(&self, next: Transit<T>) -> Transit<T> {
        std::mem::replace(&mut *self.lock(), next)
    }

    fn lock(&self) -> MutexGuard<'_, Transit<T>> {
        // Nobody's code runs under the lock, so a poisoned one is still whole.
        self.transit.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread: works, unless nobody waits any more, and sends the result.
fn deliver<T>(parcel: &Weak<Parcel<T>>, work: impl FnOnce() -> T) {
    // Work that nobody waits for may panic when it is dropped, its result too.
    let _ = catch_unwind(AssertUnwindSafe(|| {
        if parcel.strong_count() == 0 {
            return;
        }
        let (from_ns, used_ns) = (Clock::real().now_ns(), thread_time_ns());
        let result = catch_unwind(AssertUnwindSafe(work));
        let lane = LANE.with(|lane| *lane);
        let cpu_ns = thread_time_ns().saturating_sub(used_ns);
        let worked = Worked { from_ns, to_ns: Clock::real().now_ns(), cpu_ns, lane };
        let Some(parcel) = parcel.upgrade() else { return };
        if let Transit::Underway(waker) = parcel.replace(Transit::Arrived(result, worked)) {
            // The loop's hold on the parcel should be the last.
            drop(parcel);
            waker.wake();
        }
    }));
}

/// The loop's side: waits for the parcel.
struct Receipt<T> {
    parcel: Arc<Parcel<T>>,
    /// By which whoever listens knows the work.
    number: Option<WorkId>,
    /// Holds a virtual clock.
    _working: Working,
}

impl<T> Receipt<T> {
    /// Says when the thread worked: it can't say so itself.
    fn tell(&self, worked: Worked) {
        let its_loop = current();
        its_loop.tell(|moment| {
            let Some(work) = self.number else { return };
            // A virtual clock has stood still.
            let stood_still = its_loop.clock().is_virtual();
            let at = |at_ns| if stood_still { moment.at_ns } else { at_ns };
            let tell = |at_ns, event, text: &str| {
                moment.sink.record_of(worked.lane, at(at_ns), event, text);
            };
            let name = format!("thread {}", worked.lane.0);
            tell(worked.from_ns, Event::LaneNamed { kind: LaneKind::Thread }, &name);
            tell(worked.from_ns, Event::WorkBegins { work }, "");
            tell(worked.from_ns, Event::Sampled { cpu_ns: 0 }, "");
            tell(worked.to_ns, Event::Sampled { cpu_ns: worked.cpu_ns }, "");
            tell(worked.to_ns, Event::WorkEnds { work }, "");
        });
    }
}

impl<T> Future for Receipt<T> {
    type Output = Result<T, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let waker = context.waker().clone();
        let mut transit = self.parcel.lock();
        if let Transit::Underway(old) = &mut *transit {
            // Both are this task's own waker: no stranger's code.
            *old = waker;
            return Poll::Pending;
        }
        let arrived = std::mem::replace(&mut *transit, Transit::Taken);
        drop(transit);
        match arrived {
            Transit::Arrived(result, worked) => {
                self.tell(worked);
                Poll::Ready(result.map_err(Error::panicked))
            }
            Transit::Underway(_) | Transit::Taken => unreachable!("a parcel is taken once"),
        }
    }
}
