//! A thread that looks after a recording: it sees the jobs that block a loop, while
//! they do; it has threads sampled; it has a file written every now and then.
//!
//! It lets the GIL alone unless there is something to see, and holds no Python object.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cafeloop::engine::Clock;
use cafeloop::flow::{Event, Frame, Lane};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::awaits;
use super::recording::{Options, Recording};
use super::threads::Threads;
use crate::names;

/// What a file holds is no older than this when the process is killed.
const FLUSH_INTERVAL_NS: u64 = 100_000_000;
/// With nothing to sample, how often it looks for a loop that is blocked, at least.
const LONGEST_INTERVAL_NS: u64 = 25_000_000;
/// What stands for a loop between two jobs.
const IDLE: u64 = 0;

/// The beat of a loop, which the watchdog listens to.
pub(super) struct Pulse {
    /// The loop's thread, as `threading.get_ident()` has it.
    thread: u64,
    /// The kernel's number of it.
    number: u32,
    lane: Lane,
    /// When the job that runs began; `IDLE` between jobs.
    began_ns: AtomicU64,
    /// The stack that was seen while the job that began then ran.
    seen: Mutex<Option<(u64, Vec<Frame>)>>,
}

impl Pulse {
    pub(super) fn new(thread: u64, number: u32, lane: Lane) -> Self {
        Pulse { thread, number, lane, began_ns: AtomicU64::new(IDLE), seen: Mutex::default() }
    }

    #[inline]
    pub(super) fn begin(&self, at_ns: u64) {
        self.began_ns.store(at_ns, Ordering::Relaxed);
    }

    #[inline]
    pub(super) fn end(&self) {
        self.began_ns.store(IDLE, Ordering::Relaxed);
    }

    /// What was seen of the job that began at this time.
    pub(super) fn take_stack(&self, began_ns: u64) -> Vec<Frame> {
        match lock(&self.seen).take() {
            Some((seen_ns, frames)) if seen_ns == began_ns => frames,
            _ => Vec::new(),
        }
    }

    /// The job that has run for longer than this, if nothing was seen of it yet.
    fn blocked_since(&self, now_ns: u64, threshold_ns: u64) -> Option<u64> {
        let began_ns = self.began_ns.load(Ordering::Relaxed);
        let is_long = began_ns != IDLE && now_ns.saturating_sub(began_ns) >= threshold_ns;
        let is_seen = || lock(&self.seen).as_ref().is_some_and(|(seen, _)| *seen == began_ns);
        (is_long && !is_seen()).then_some(began_ns)
    }

    /// Keeps the stack, if it is still that job's.
    fn see(&self, began_ns: u64, frames: Vec<Frame>) {
        if self.began_ns.load(Ordering::Relaxed) == began_ns {
            *lock(&self.seen) = Some((began_ns, frames));
        }
    }
}

/// What the watchdog and the recording share.
pub(super) struct Watch {
    options: Options,
    pulses: Mutex<Vec<Arc<Pulse>>>,
    /// Threads that run a loop, which tells what they do.
    skipped: Mutex<HashSet<u32>>,
    order: Mutex<Order>,
    bell: Condvar,
}

/// What the thread is to do.
#[derive(Clone, Copy, PartialEq)]
enum Order {
    Watch,
    /// To end, and leave to another what it knows.
    Rest,
    /// To end, having told all that it knows.
    End,
}

impl Watch {
    pub(super) fn new(options: Options) -> Self {
        Watch {
            options,
            pulses: Mutex::default(),
            skipped: Mutex::default(),
            order: Mutex::new(Order::Watch),
            bell: Condvar::new(),
        }
    }

    /// Listens to a loop, which begins to run.
    pub(super) fn add(&self, pulse: &Arc<Pulse>) {
        lock(&self.pulses).push(pulse.clone());
        lock(&self.skipped).insert(pulse.number);
    }

    pub(super) fn remove(&self, pulse: &Arc<Pulse>) {
        lock(&self.pulses).retain(|other| !Arc::ptr_eq(other, pulse));
        self.no_longer_skip(pulse.number);
    }

    pub(super) fn no_longer_skip(&self, thread: u32) {
        lock(&self.skipped).remove(&thread);
    }

    /// The threads to look at, from this moment on, if any are, in the process whose main
    /// thread this is.
    pub(super) fn threads(&self, main: u64) -> Option<Threads> {
        (self.options.sample_interval_ns > 0).then(|| Threads::new(main))
    }

    /// Begins, or goes on with what the one before has left.
    pub(super) fn start(
        self: &Arc<Self>,
        threads: Option<Threads>,
    ) -> std::io::Result<JoinHandle<Option<Threads>>> {
        *lock(&self.order) = Order::Watch;
        let watch = self.clone();
        let serve = move || watch.serve(threads);
        thread::Builder::new().name("cafeloop-watch".into()).spawn(serve)
    }

    /// Has the thread end; the caller joins it, without the GIL.
    pub(super) fn end(&self) {
        self.give(Order::End);
    }

    /// The same, but what it knows is given back to whoever joins it.
    pub(super) fn rest(&self) {
        self.give(Order::Rest);
    }

    fn give(&self, order: Order) {
        *lock(&self.order) = order;
        self.bell.notify_all();
    }

    /// The life of the thread.
    fn serve(self: &Arc<Self>, mut threads: Option<Threads>) -> Option<Threads> {
        let clock = Clock::real();
        let mut flushed_ns = clock.now_ns();
        while self.wait() {
            let now_ns = clock.now_ns();
            let blocked = self.blocked(now_ns);
            let skipped = |thread| lock(&self.skipped).contains(&thread);
            let samples = threads.as_mut().is_some_and(|threads| threads.tick(skipped));
            let flushes = now_ns.saturating_sub(flushed_ns) >= FLUSH_INTERVAL_NS;
            if blocked.is_empty() && !samples && !flushes {
                continue;
            }
            if flushes {
                flushed_ns = now_ns;
            }
            self.with_recording(|py, recording| {
                // What can't be looked at now may be another time.
                let _ = look(py, recording, &blocked, threads.as_mut().filter(|_| samples));
                if flushes {
                    self.flush(recording, threads.as_ref());
                }
            });
        }
        if *lock(&self.order) == Order::Rest {
            return threads;
        }
        if let Some(threads) = &mut threads {
            self.with_recording(|_, recording| threads.finish(recording));
        }
        None
    }

    /// Takes the GIL, if there is one: not at the interpreter's very end.
    fn with_recording(self: &Arc<Self>, act: impl FnOnce(Python<'_>, &Recording)) {
        Python::try_attach(|py| {
            let recording = super::current(py);
            let ours = recording.filter(|recording| Arc::ptr_eq(&recording.watch, self));
            if let Some(recording) = ours {
                act(py, &recording);
            }
        });
    }

    /// Has all that happened until now in the file, and that nothing else did: who waits
    /// when the process is killed has waited until then.
    fn flush(&self, recording: &Recording, threads: Option<&Threads>) {
        if !recording.is_full() {
            return;
        }
        let still = Event::Posted { jobs: 0 };
        let loops = lock(&self.pulses).iter().map(|pulse| pulse.lane).collect::<Vec<_>>();
        for lane in loops {
            recording.record(recording.now_ns(), lane, still);
        }
        for (at_ns, lane) in threads.into_iter().flat_map(Threads::waiting) {
            recording.record(at_ns, lane, still);
        }
        recording.recorder.borrow_mut().flush();
    }

    fn wait(&self) -> bool {
        let order = lock(&self.order);
        if *order != Order::Watch {
            return false;
        }
        let interval = Duration::from_nanos(self.interval_ns());
        let answer = self.bell.wait_timeout(order, interval);
        let (order, _) = answer.unwrap_or_else(PoisonError::into_inner);
        *order == Order::Watch
    }

    fn interval_ns(&self) -> u64 {
        let Options { sample_interval_ns, block_threshold_ns, .. } = self.options;
        let longest = LONGEST_INTERVAL_NS.min(block_threshold_ns / 2).max(1_000_000);
        if sample_interval_ns == 0 { longest } else { longest.min(sample_interval_ns) }
    }

    /// The loops that are blocked, and since when.
    fn blocked(&self, now_ns: u64) -> Vec<(Arc<Pulse>, u64)> {
        let threshold_ns = self.options.block_threshold_ns;
        let blocked =
            |pulse: &Arc<Pulse>| Some((pulse.clone(), pulse.blocked_since(now_ns, threshold_ns)?));
        lock(&self.pulses).iter().filter_map(blocked).collect()
    }
}

fn look(
    py: Python<'_>,
    recording: &Recording,
    blocked: &[(Arc<Pulse>, u64)],
    sampled: Option<&mut Threads>,
) -> PyResult<()> {
    if blocked.is_empty() && sampled.is_none() {
        return Ok(());
    }
    let frames = names::current_frames(py)?.call0()?.cast_into::<PyDict>()?;
    for (pulse, began_ns) in blocked {
        if let Some(innermost) = frames.get_item(pulse.thread)? {
            pulse.see(*began_ns, awaits::stack(recording, innermost).frames);
        }
    }
    sampled.map_or(Ok(()), |threads| threads.look(recording, &frames))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that could panic is done under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
