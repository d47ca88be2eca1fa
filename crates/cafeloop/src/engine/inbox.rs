//! The one door through which other threads come in.
//!
//! A queue under a lock, and a wake-up for the loop if it sleeps: one for a
//! burst of posts, however long.  The protocol, checked under loom:
//!
//! - the loop sleeps only between [`fall_asleep`](Inbox::fall_asleep), which
//!   refuses when something has come, and [`awake`](Inbox::awake);
//! - whoever posts while it sleeps, and is the first to, wakes it.
//!
//! Both decide under the lock, so no post can fall between them.

use super::primitives::{AtomicBool, Mutex, MutexGuard, Ordering};

/// How a sleeping loop is woken, from any thread.
pub(super) trait Wake {
    fn wake(&self);
}

impl Wake for crate::sys::Waker {
    fn wake(&self) {
        crate::sys::Waker::wake(self);
    }
}

/// What the loop's thread is doing, as far as a poster must know.
#[derive(PartialEq)]
enum Loop {
    /// It will look into the queue by itself.
    Awake,
    /// It waits in the kernel.
    Asleep,
    /// It was woken and hasn't come back yet.
    Woken,
    /// It will never look again.
    Closed,
}

struct State<J> {
    queue: Vec<J>,
    its_loop: Loop,
}

/// Jobs on their way from other threads to the loop.
pub(super) struct Inbox<J, W> {
    state: Mutex<State<J>>,
    /// Whether the queue holds something; lets a busy loop look without the
    /// lock.  Set and cleared under it.
    pending: AtomicBool,
    waker: W,
}

impl<J, W: Wake> Inbox<J, W> {
    pub(super) fn new(waker: W) -> Self {
        Inbox {
            state: Mutex::new(State { queue: Vec::new(), its_loop: Loop::Awake }),
            pending: AtomicBool::new(false),
            waker,
        }
    }

    pub(super) fn waker(&self) -> &W {
        &self.waker
    }

    /// Any thread: hands in a job, or gives it back if the loop is closed.
    pub(super) fn post(&self, job: J) -> Result<(), J> {
        let mut state = self.lock();
        let wake = match state.its_loop {
            Loop::Closed => return Err(job),
            Loop::Asleep => {
                state.its_loop = Loop::Woken;
                true
            }
            Loop::Awake | Loop::Woken => false,
        };
        state.queue.push(job);
        self.pending.store(true, Ordering::Release);
        drop(state);
        if wake {
            self.waker.wake();
        }
        Ok(())
    }

    /// Whether something has come.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.load(Ordering::Acquire)
    }

    /// The loop: takes what has come, in order of arrival.
    pub(super) fn take(&self) -> Vec<J> {
        if !self.is_pending() {
            return Vec::new();
        }
        let mut state = self.lock();
        self.pending.store(false, Ordering::Relaxed);
        std::mem::take(&mut state.queue)
    }

    /// The loop: announces that it is about to wait.  False if something has
    /// come, and then it must not.
    pub(super) fn fall_asleep(&self) -> bool {
        let mut state = self.lock();
        if state.queue.is_empty() {
            state.its_loop = Loop::Asleep;
        }
        state.its_loop == Loop::Asleep
    }

    /// The loop: has come back from its wait.
    pub(super) fn awake(&self) {
        self.lock().its_loop = Loop::Awake;
    }

    /// The loop: takes what is left and lets nothing more in.
    pub(super) fn close(&self) -> Vec<J> {
        let mut state = self.lock();
        state.its_loop = Loop::Closed;
        self.pending.store(false, Ordering::Relaxed);
        std::mem::take(&mut state.queue)
    }

    /// Shows each job that waits, to whoever looks for cycles of garbage.
    pub(super) fn for_each(&self, mut each: impl FnMut(&J)) {
        self.lock().queue.iter().for_each(&mut each);
    }

    fn lock(&self) -> MutexGuard<'_, State<J>> {
        // Nobody's code runs under the lock, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(all(test, loom))]
mod tests {
    use super::*;
    use loom::sync::Arc;
    use loom::sync::atomic::AtomicUsize;
    use loom::thread;

    /// Counts the wake-ups, as an eventfd does.
    #[derive(Default)]
    struct Counter(AtomicUsize);

    impl Wake for Counter {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn shared() -> Arc<Inbox<u32, Counter>> {
        Arc::new(Inbox::new(Counter::default()))
    }

    /// Waits until it is woken, if it may.
    fn sleep(inbox: &Inbox<u32, Counter>) {
        if inbox.fall_asleep() {
            while inbox.waker().0.load(Ordering::SeqCst) == 0 {
                thread::yield_now();
            }
            inbox.awake();
        }
    }

    #[test]
    fn a_post_is_seen_before_the_sleep_or_wakes_it() {
        loom::model(|| {
            let inbox = shared();
            let poster = {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.post(1).expect("it is open"))
            };
            sleep(&inbox);
            assert_eq!(inbox.take(), [1]);
            poster.join().expect("the poster doesn't panic");
        });
    }

    #[test]
    fn a_sleep_that_ends_by_itself_loses_no_post() {
        loom::model(|| {
            let inbox = shared();
            let poster = {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.post(1).expect("it is open"))
            };
            // A deadline was due, or a descriptor ready.
            inbox.fall_asleep();
            inbox.awake();
            let mut jobs = inbox.take();
            if jobs.is_empty() {
                sleep(&inbox);
                jobs = inbox.take();
            }
            assert_eq!(jobs, [1]);
            poster.join().expect("the poster doesn't panic");
        });
    }

    #[test]
    fn what_comes_while_others_are_taken_is_taken_next() {
        loom::model(|| {
            let inbox = shared();
            let poster = {
                let inbox = inbox.clone();
                thread::spawn(move || {
                    inbox.post(1).expect("it is open");
                    inbox.post(2).expect("it is open");
                })
            };
            let mut jobs = inbox.take();
            poster.join().expect("the poster doesn't panic");
            jobs.extend(inbox.take());
            assert_eq!(jobs, [1, 2]);
        });
    }

    #[test]
    fn a_burst_wakes_once_and_loses_nothing() {
        loom::model(|| {
            let inbox = shared();
            assert!(inbox.fall_asleep());
            let posters = [1, 2].map(|job| {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.post(job).expect("it is open"))
            });
            for poster in posters {
                poster.join().expect("the poster doesn't panic");
            }
            assert_eq!(inbox.waker().0.load(Ordering::SeqCst), 1);
            inbox.awake();
            let mut jobs = inbox.take();
            jobs.sort_unstable();
            assert_eq!(jobs, [1, 2]);
        });
    }

    #[test]
    fn closing_takes_a_post_or_gives_it_back() {
        loom::model(|| {
            let inbox = shared();
            let poster = {
                let inbox = inbox.clone();
                thread::spawn(move || inbox.post(1))
            };
            let taken = inbox.close();
            let refused = poster.join().expect("the poster doesn't panic");
            assert_eq!(taken.len() + usize::from(refused.is_err()), 1);
        });
    }
}
