//! A host whose jobs do nothing but come again, so that what is measured is the
//! engine's own: seen from its border, as a language would.

use std::cell::{Cell, OnceCell};
use std::convert::Infallible;
use std::rc::Rc;

use cafeloop::Error;
use cafeloop::engine::{Clock, Engine, Host, Remote};
use cafeloop::flow::Sink;

pub(crate) type Loop = Engine<Perpetual>;

/// What a job does when it runs.
#[derive(Clone, Copy)]
#[allow(dead_code, reason = "each benchmark is a crate of its own and uses some")]
pub(crate) enum Job {
    Nothing,
    /// Queues itself again.
    Push,
    /// Posts itself again, as another thread would.
    Post,
}

/// What time it is for the loops here: later than any deadline of theirs, so that
/// all timers are due, and the kernel is never asked to wait.
const NOW_NS: u64 = 1 << 62;

/// Counts its jobs, and stops the loop after as many as it was told.
#[derive(Default)]
pub(crate) struct Perpetual {
    left: Cell<usize>,
    remote: OnceCell<Remote<Job>>,
}

impl Host for Perpetual {
    type Job = Job;
    type Watcher = Infallible;
    type Scope<'s> = &'s Loop;
    type Exit = Error;

    fn run(&self, engine: &Loop, job: Job) -> Result<(), Error> {
        match job {
            Job::Nothing => {}
            Job::Push => engine.push(job),
            Job::Post => {
                let remote = self.remote.get_or_init(|| engine.remote());
                let answer = remote.post(job);
                debug_assert!(answer.is_ok(), "the loop is open");
            }
        }
        let left = self.left.get().saturating_sub(1);
        self.left.set(left);
        if left == 0 {
            engine.stop();
        }
        Ok(())
    }

    fn ready(&self, _: &Loop, watcher: &mut Option<Infallible>) -> Option<Job> {
        match *watcher.as_ref()? {}
    }

    fn block<R: Send>(&self, _: &Loop, _: impl FnOnce() -> R + Send) -> R {
        unreachable!("a benchmark never waits")
    }

    fn now_ns(&self, _: &Loop) -> Result<Option<u64>, Error> {
        Ok(Some(NOW_NS))
    }

    fn interrupted(&self, _: &Loop) -> Result<(), Error> {
        Ok(())
    }
}

pub(crate) fn new_loop(sink: Option<Rc<dyn Sink>>) -> Loop {
    Loop::new(Perpetual::default(), Clock::real(), sink).expect("a loop can be opened")
}

/// Runs the loop to the end of the turn in which so many jobs have run.
pub(crate) fn run(engine: &Loop, jobs: usize) {
    engine.host().left.set(jobs);
    engine.run(engine).expect("no job leaves");
}
