//! What time it is for a loop: the machine's, or a time of its own.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::sys;

/// For how long the calling thread has used a processor, in nanoseconds, as Python's
/// `time.thread_time_ns()` has it.
pub fn thread_time_ns() -> u64 {
    sys::thread_time_ns()
}

/// A loop's clock.  Clones tell the same time.
#[derive(Clone, Debug)]
pub struct Clock {
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    Real,
    Virtual(Rc<Virtual>),
}

/// A time of a loop's own.
#[derive(Debug)]
struct Virtual {
    /// Nanoseconds since its beginning, but for what has passed since it was paused.
    now_ns: Cell<u64>,
    pace: Cell<Pace>,
    is_strict: bool,
}

/// How a virtual time passes.
#[derive(Clone, Copy, Debug)]
enum Pace {
    /// From deadline to deadline, and not at all between them.
    Jumps,
    /// As real time does, since then; by [`sys::monotonic_ns`].
    Real { since_ns: u64 },
}

impl Virtual {
    fn now_ns(&self) -> u64 {
        let passed_ns = match self.pace.get() {
            Pace::Jumps => 0,
            Pace::Real { since_ns } => sys::monotonic_ns().saturating_sub(since_ns),
        };
        self.now_ns.get().saturating_add(passed_ns)
    }

    fn set_pace(&self, pace: Pace) {
        let now_ns = self.now_ns();
        self.now_ns.set(now_ns);
        self.pace.set(pace);
    }
}

impl Clock {
    /// The machine's monotonic clock, which is Python's `time.monotonic()`.
    pub fn real() -> Self {
        Clock { kind: Kind::Real }
    }

    /// A clock that starts at zero and stands still while jobs run; when nothing
    /// can happen before the next deadline, it is that deadline at once.
    ///
    /// "Nothing can happen" is no runnable job, no work handed to a thread, and no
    /// descriptor watched through which something may come in that the program hasn't
    /// sent.  Bytes on their way from one socket of the program's to another of its
    /// own are waited for, in no time.  While something may come in from outside, a
    /// remote peer or a child process, it can't be foreseen, and time passes as it does
    /// by the real clock.  While a thread works, time stands still.
    ///
    /// What can't be known: that somebody is about to connect to a socket that
    /// listens, and that a thread which isn't the loop's is about to call it.
    pub fn virtual_time() -> Self {
        Clock::virtual_from(Duration::ZERO, Foreign::TakesRealTime)
    }

    /// A [`virtual_time`](Clock::virtual_time) that starts at `start`.
    pub fn virtual_from(start: Duration, foreign: Foreign) -> Self {
        let time = Virtual {
            now_ns: Cell::new(u64::try_from(start.as_nanos()).unwrap_or(u64::MAX)),
            pace: Cell::new(Pace::Jumps),
            is_strict: foreign == Foreign::IsAnError,
        };
        Clock { kind: Kind::Virtual(Rc::new(time)) }
    }

    /// Whether this is a [`virtual_time`](Clock::virtual_time) clock.
    pub fn is_virtual(&self) -> bool {
        matches!(self.kind, Kind::Virtual(_))
    }

    /// Nanoseconds since the clock's beginning; never less than before.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        match &self.kind {
            Kind::Real => sys::monotonic_ns(),
            Kind::Virtual(time) => time.now_ns(),
        }
    }

    /// The deadline `delay` from now; one too far to count is never reached.
    pub fn deadline_ns(&self, delay: Duration) -> u64 {
        let delay_ns = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
        self.now_ns().saturating_add(delay_ns)
    }

    /// Has a virtual clock pass as real time does, until [`resume`](Clock::resume).
    /// False if the clock is real, or paused already.
    pub fn pause(&self) -> bool {
        self.set_pace(Pace::Real { since_ns: sys::monotonic_ns() })
    }

    /// Has a virtual clock jump again.  False if it does, or is real.
    pub fn resume(&self) -> bool {
        self.set_pace(Pace::Jumps)
    }

    /// Whether a virtual clock jumps: it hasn't been paused.
    pub fn jumps(&self) -> bool {
        matches!(&self.kind, Kind::Virtual(time) if matches!(time.pace.get(), Pace::Jumps))
    }

    /// Moves a virtual clock on, now; what is due by then is due in the loop's next
    /// turn.  False if the clock is real.
    pub fn advance(&self, by: Duration) -> bool {
        self.advance_to(self.deadline_ns(by));
        self.is_virtual()
    }

    /// Lets a virtual clock jump; a real one goes by itself.
    pub(super) fn advance_to(&self, deadline_ns: u64) {
        if let Kind::Virtual(time) = &self.kind {
            let ahead_ns = deadline_ns.saturating_sub(time.now_ns());
            time.now_ns.set(time.now_ns.get().saturating_add(ahead_ns));
        }
    }

    /// Whether waiting for what can't be foreseen is an error.
    pub(super) fn is_strict(&self) -> bool {
        matches!(&self.kind, Kind::Virtual(time) if time.is_strict)
    }

    fn set_pace(&self, pace: Pace) -> bool {
        let Kind::Virtual(time) = &self.kind else { return false };
        let changes = matches!(pace, Pace::Jumps) != self.jumps();
        if changes {
            time.set_pace(pace);
        }
        changes
    }
}

/// What a virtual clock makes of a wait for what it can't foresee.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// It takes as long as it takes.
    TakesRealTime,
    /// The loop ends with an error that names it.
    IsAnError,
}
