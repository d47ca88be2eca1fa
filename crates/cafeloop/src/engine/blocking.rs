//! A bounded pool of threads for work that blocks.

use std::collections::VecDeque;
use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// Work for a thread.  It reports its result by itself and doesn't panic.
type Work = Box<dyn FnOnce() + Send>;

/// Threads at most: as many as in Python's `ThreadPoolExecutor`, whose work waits
/// more than it computes (`min(32, cpus + 4)`, with one CPU if nobody knows).
fn limit() -> usize {
    let cpus = thread::available_parallelism().map_or(1, NonZeroUsize::get);
    (cpus + 4).min(32)
}

/// Threads that are made when work waits and none is idle, up to a limit, and
/// that end with the pool.  Dropping it waits for the work that has begun; work
/// that hasn't is dropped.
pub(super) struct Pool {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    limit: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    work_came: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Work>,
    idle: usize,
    closing: bool,
}

impl Pool {
    pub(super) fn new() -> Self {
        Pool::with_limit(limit())
    }

    fn with_limit(limit: usize) -> Self {
        Pool { shared: Arc::default(), threads: Vec::new(), limit }
    }

    /// Queues `work`.  Gives it back only if there is no thread and none can be
    /// made; the caller drops it after letting go of the pool.
    pub(super) fn submit(&mut self, work: Work) -> Result<(), (io::Error, Work)> {
        let mut state = self.shared.lock();
        if state.idle <= state.queue.len() && self.threads.len() < self.limit {
            let shared = self.shared.clone();
            let name = format!("cafeloop-{}", self.threads.len());
            match thread::Builder::new().name(name).spawn(move || shared.serve()) {
                Ok(thread) => self.threads.push(thread),
                // The threads that there are will come to it.
                Err(_) if !self.threads.is_empty() => {}
                Err(error) => return Err((error, work)),
            }
        }
        state.queue.push_back(work);
        self.shared.work_came.notify_one();
        Ok(())
    }
}

impl Shared {
    /// The life of a thread of the pool.
    fn serve(&self) {
        let mut state = self.lock();
        while !state.closing {
            if let Some(work) = state.queue.pop_front() {
                drop(state);
                work();
                state = self.lock();
            } else {
                state.idle += 1;
                state = self.work_came.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Work runs outside of the lock, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closing = true;
        // Dropped outside of the lock: it is anybody's code.
        let unbegun = std::mem::take(&mut state.queue);
        drop(state);
        drop(unbegun);
        self.shared.work_came.notify_all();
        for thread in self.threads.drain(..) {
            // Work that panicked in spite of its promise ends its thread only.
            let _ = thread.join();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use std::sync::Barrier;
    use std::sync::mpsc::channel;

    #[test]
    fn work_runs_side_by_side_up_to_the_limit() {
        let mut pool = Pool::with_limit(2);
        let both = Arc::new(Barrier::new(2));
        let (report, reports) = channel();
        for _ in 0..6 {
            let (both, report) = (both.clone(), report.clone());
            let work = Box::new(move || {
                // Passes only when two run at once.
                both.wait();
                report.send(thread::current().id()).expect("the test listens");
            });
            pool.submit(work).map_err(|(error, _)| error).expect("a thread can be made");
        }
        let ran: std::collections::HashSet<_> = reports.iter().take(6).collect();
        assert_eq!(ran.len(), 2);
    }

    #[test]
    fn an_idle_thread_is_used_again() {
        let mut pool = Pool::new();
        let (report, reports) = channel();
        for _ in 0..10 {
            let report = report.clone();
            let work = Box::new(move || report.send(()).expect("the test listens"));
            pool.submit(work).map_err(|(error, _)| error).expect("a thread can be made");
            reports.recv().expect("the work is done");
            while pool.shared.lock().idle == 0 {
                thread::yield_now();
            }
        }
        assert_eq!(pool.threads.len(), 1);
    }

    #[test]
    fn closing_waits_for_what_has_begun_and_drops_the_rest() {
        let mut pool = Pool::with_limit(1);
        let (starts, begun) = channel();
        let (release, released) = channel::<()>();
        let (report, reports) = channel();
        let late = report.clone();
        let first = Box::new(move || {
            starts.send(()).expect("the test listens");
            released.recv().expect("the test releases");
            report.send("first").expect("the test listens");
        });
        pool.submit(first).map_err(|(error, _)| error).expect("a thread can be made");
        let second = Box::new(move || late.send("late").expect("the test listens"));
        pool.submit(second).map_err(|(error, _)| error).expect("there is a thread");
        begun.recv().expect("the first begins");
        let shared = pool.shared.clone();
        let closer = thread::spawn(move || drop(pool));
        while !shared.lock().closing {
            thread::yield_now();
        }
        release.send(()).expect("the first waits");
        closer.join().expect("closing doesn't panic");
        assert_eq!(reports.iter().collect::<Vec<_>>(), ["first"]);
    }
}
