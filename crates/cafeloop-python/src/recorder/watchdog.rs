//! A thread that looks after a recording: it sees the jobs that block a loop, while
//! they do; it has threads sampled; it has a file written every now and then.
//!
//! It lets the GIL alone unless there is something to see, and holds no Python object.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use cafeloop::engine::Clock;
use cafeloop::flow::Frame;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::awaits;
use super::recording::{Options, Recording};
use crate::names;

/// What a file holds is no older than this when the process is killed.
const FLUSH_INTERVAL_NS: u64 = 100_000_000;
/// With nothing to sample, how often it looks for a loop that is blocked, at least.
const LONGEST_INTERVAL_NS: u64 = 25_000_000;
/// How much more seldom threads are sampled while a loop runs, from which the sampling
/// takes the GIL: at 5 ms it would cost a busy loop half a percent.
const BESIDE_LOOP: u64 = 4;
/// What stands for a loop between two jobs.
const IDLE: u64 = 0;

/// The beat of a loop, which the watchdog listens to.
pub(super) struct Pulse {
    /// The loop's thread, as `threading.get_ident()` has it.
    pub(super) thread: u64,
    /// When the job that runs began; `IDLE` between jobs.
    began_ns: AtomicU64,
    /// The stack that was seen while the job that began then ran.
    seen: Mutex<Option<(u64, Vec<Frame>)>>,
}

impl Pulse {
    pub(super) fn new(thread: u64) -> Self {
        Pulse { thread, began_ns: AtomicU64::new(IDLE), seen: Mutex::default() }
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
    ends: AtomicBool,
    asleep: Mutex<()>,
    bell: Condvar,
}

impl Watch {
    pub(super) fn new(options: Options) -> Self {
        Watch {
            options,
            pulses: Mutex::default(),
            ends: AtomicBool::new(false),
            asleep: Mutex::default(),
            bell: Condvar::new(),
        }
    }

    pub(super) fn add(&self, pulse: &Arc<Pulse>) {
        lock(&self.pulses).push(pulse.clone());
    }

    pub(super) fn remove(&self, pulse: &Arc<Pulse>) {
        lock(&self.pulses).retain(|other| !Arc::ptr_eq(other, pulse));
    }

    pub(super) fn start(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        let watch = self.clone();
        thread::Builder::new().name("cafeloop-watch".into()).spawn(move || watch.serve())
    }

    /// Has the thread end; the caller joins it, without the GIL.
    pub(super) fn end(&self) {
        let asleep = lock(&self.asleep);
        self.ends.store(true, Ordering::Relaxed);
        self.bell.notify_all();
        drop(asleep);
    }

    /// The life of the thread.
    fn serve(self: &Arc<Self>) {
        let clock = Clock::real();
        let (mut flushed_ns, mut sampled_ns) = (clock.now_ns(), 0);
        while self.wait() {
            let now_ns = clock.now_ns();
            let blocked = self.blocked(now_ns);
            let samples = self.is_sampling_due(now_ns, sampled_ns);
            let flushes = now_ns.saturating_sub(flushed_ns) >= FLUSH_INTERVAL_NS;
            if blocked.is_empty() && !samples && !flushes {
                continue;
            }
            if samples {
                sampled_ns = now_ns;
            }
            if flushes {
                flushed_ns = now_ns;
            }
            // There is nothing to attach to at the interpreter's very end.
            Python::try_attach(|py| {
                let Some(recording) = super::current(py) else { return };
                if !Arc::ptr_eq(&recording.watch, self) {
                    return;
                }
                // What can't be looked at now may be another time.
                let _ = look(py, &recording, &blocked, samples);
                if flushes {
                    recording.recorder.borrow_mut().flush();
                }
            });
        }
    }

    fn wait(&self) -> bool {
        let asleep = lock(&self.asleep);
        if self.ends.load(Ordering::Relaxed) {
            return false;
        }
        let interval = Duration::from_nanos(self.interval_ns());
        let answer = self.bell.wait_timeout(asleep, interval);
        drop(answer);
        !self.ends.load(Ordering::Relaxed)
    }

    fn interval_ns(&self) -> u64 {
        let Options { sample_interval_ns, block_threshold_ns, .. } = self.options;
        let longest = LONGEST_INTERVAL_NS.min(block_threshold_ns / 2).max(1_000_000);
        if sample_interval_ns == 0 { longest } else { longest.min(sample_interval_ns) }
    }

    fn is_sampling_due(&self, now_ns: u64, sampled_ns: u64) -> bool {
        let interval_ns = self.options.sample_interval_ns;
        let interval_ns =
            if lock(&self.pulses).is_empty() { interval_ns } else { interval_ns * BESIDE_LOOP };
        // The wait before has taken a little more or less.
        interval_ns > 0 && now_ns.saturating_sub(sampled_ns) >= interval_ns / 2
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
    samples: bool,
) -> PyResult<()> {
    if blocked.is_empty() && !samples {
        return Ok(());
    }
    let frames = names::current_frames(py)?.call0()?.cast_into::<PyDict>()?;
    for (pulse, began_ns) in blocked {
        if let Some(innermost) = frames.get_item(pulse.thread)? {
            pulse.see(*began_ns, awaits::stack(recording, innermost).frames);
        }
    }
    if samples { recording.threads.sample(recording, &frames) } else { Ok(()) }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that could panic is done under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
