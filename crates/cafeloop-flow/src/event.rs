//! The vocabulary: one variant for each thing worth seeing.

/// Something that happened in an event loop.
///
/// Times are nanoseconds of the loop's own clock, which need not be a real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A turn begins, with this many jobs ready from the one before.
    TurnBegins {
        /// Jobs in the ready queue.
        ready: usize,
    },
    /// The loop asks the kernel for events.
    PollBegins {
        /// The longest it will wait: 0 to look only, `None` for as long as it takes.
        wait_ns: Option<u64>,
    },
    /// The kernel answered.
    PollEnds {
        /// Descriptors that were reported ready.
        events: usize,
    },
    /// Jobs that other threads posted have joined the ready queue.
    Posted {
        /// How many there were.
        jobs: usize,
    },
    /// A timer was set.
    TimerSet {
        /// When it is due.
        deadline_ns: u64,
    },
    /// A timer was due: its job has joined the ready queue.
    TimerFired {
        /// How long after its deadline.
        late_ns: u64,
    },
    /// A timer was cancelled before it was due.
    TimerCancelled,
    /// A job begins to run.
    JobBegins,
    /// The job that began last has ended.
    JobEnds,
}

/// Somebody who listens to a loop's events, on the loop's own thread.
pub trait Sink {
    /// Takes one event that happened at `at_ns` on the loop's clock.
    fn record(&self, at_ns: u64, event: Event);
}
