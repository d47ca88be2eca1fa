//! A host that writes down what ran.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use cafeloop_flow::{Event, Sink};

use crate::engine::{Engine, Host};
use crate::error::Error;

pub(super) type Loop = Engine<TestHost>;
pub(super) type Names = Vec<&'static str>;

/// Jobs whose names begin so have been promised the order in which they are queued.
pub(super) const PROMISED: &str = "promised";

/// What a job does besides being written down.
type Act = Box<dyn FnOnce(&Loop) -> Result<(), Left> + Send>;

/// Has its name written down when it runs, then acts.
pub(super) struct Job {
    pub(super) name: &'static str,
    act: Act,
}

impl Job {
    /// Does nothing.
    pub(super) fn named(name: &'static str) -> Self {
        Job { name, act: Box::new(|_| Ok(())) }
    }

    /// Does `act`.
    pub(super) fn new(name: &'static str, act: impl FnOnce(&Loop) + Send + 'static) -> Self {
        let act = |engine: &Loop| {
            act(engine);
            Ok(())
        };
        Job { name, act: Box::new(act) }
    }

    /// Stops the loop.
    pub(super) fn stop() -> Self {
        Job::new("stop", Loop::stop)
    }

    /// Queues itself again so many times, then stops the loop.
    pub(super) fn busy(times: usize) -> Self {
        Job::new("busy", move |engine| match times.checked_sub(1) {
            Some(times) => engine.push(Job::busy(times)),
            None => engine.stop(),
        })
    }

    /// Leaves the loop.
    pub(super) fn leave() -> Self {
        Job { name: "leave", act: Box::new(|_| Err(Left)) }
    }
}

/// Has a job with its name queued.
pub(super) struct Watcher {
    pub(super) name: &'static str,
    /// Whether it is told once only, as Rust's are, or each time, as Python's.
    once: bool,
    /// What is dropped with it.
    _with: Option<Box<dyn Send>>,
}

impl Watcher {
    pub(super) fn once(name: &'static str) -> Self {
        Watcher { name, once: true, _with: None }
    }

    pub(super) fn always(name: &'static str) -> Self {
        Watcher { name, once: false, _with: None }
    }

    pub(super) fn with(self, thing: impl Send + 'static) -> Self {
        Watcher { _with: Some(Box::new(thing)), ..self }
    }
}

/// Why a test's loop was left: it was asked to.
#[derive(Debug)]
pub(super) struct Left;

impl From<Error> for Left {
    fn from(error: Error) -> Self {
        panic!("the loop failed: {error}");
    }
}

#[derive(Default)]
pub(super) struct TestHost {
    ran: RefCell<Names>,
    when_it_settles: Cell<Option<Box<dyn FnOnce()>>>,
    when_it_waits: Cell<Option<Box<dyn FnOnce()>>>,
    leaves_when_interrupted: Cell<bool>,
    interruptions: Cell<usize>,
    writes_turns_down: Cell<bool>,
    takes_at_turns_ends: Cell<Duration>,
}

impl TestHost {
    /// What ran since somebody asked last.
    pub(super) fn ran(&self) -> Names {
        self.ran.take()
    }

    /// Has `act` called the next time that the loop is about to wait, if nothing is ready.
    pub(super) fn when_it_settles(&self, act: impl FnOnce() + 'static) {
        self.when_it_settles.set(Some(Box::new(act)));
    }

    /// Has `act` called the next time that the loop, already asleep to other
    /// threads, is about to wait in the kernel.
    pub(super) fn when_it_waits(&self, act: impl FnOnce() + 'static) {
        self.when_it_waits.set(Some(Box::new(act)));
    }

    /// Has the next interruption leave the loop.
    pub(super) fn leave_when_interrupted(&self) {
        self.leaves_when_interrupted.set(true);
    }

    /// Has the end of each turn written down as well.
    pub(super) fn write_turns_down(&self) {
        self.writes_turns_down.set(true);
    }

    /// Has the end of each turn take so long.
    pub(super) fn take_at_turns_ends(&self, time: Duration) {
        self.takes_at_turns_ends.set(time);
    }

    pub(super) fn interruptions(&self) -> usize {
        self.interruptions.get()
    }
}

impl Host for TestHost {
    type Job = Job;
    type Watcher = Watcher;
    type Scope<'s> = &'s Loop;
    type Exit = Left;

    fn run(&self, engine: &Loop, job: Job) -> Result<(), Left> {
        self.ran.borrow_mut().push(job.name);
        (job.act)(engine)
    }

    fn ready(&self, _: &Loop, watcher: &mut Option<Watcher>) -> Option<Job> {
        let job = Job::named(watcher.as_ref()?.name);
        watcher.take_if(|watcher| watcher.once);
        Some(job)
    }

    fn is_promised(&self, job: &Job) -> bool {
        job.name.starts_with(PROMISED)
    }

    fn settle(&self, _: &Loop) {
        if let Some(act) = self.when_it_settles.take() {
            act();
        }
    }

    fn block<R: Send>(&self, _: &Loop, wait: impl FnOnce() -> R + Send) -> R {
        if let Some(act) = self.when_it_waits.take() {
            act();
        }
        wait()
    }

    fn turn_ends(&self, engine: &Loop) -> Result<bool, Left> {
        if self.writes_turns_down.get() {
            self.ran.borrow_mut().push("end of turn");
        }
        let takes = self.takes_at_turns_ends.get();
        engine.clock().advance(takes);
        Ok(!takes.is_zero())
    }

    fn interrupted(&self, _: &Loop) -> Result<(), Left> {
        self.interruptions.set(self.interruptions.get() + 1);
        if self.leaves_when_interrupted.take() { Err(Left) } else { Ok(()) }
    }
}

/// Keeps what a loop says of itself.
#[derive(Clone, Default)]
pub(super) struct Recorder {
    events: Rc<RefCell<Vec<(u64, Event)>>>,
}

impl Recorder {
    /// What happened since somebody asked last.
    pub(super) fn events(&self) -> Vec<Event> {
        self.timed_events().into_iter().map(|(_, event)| event).collect()
    }

    /// The same, with the loop's time of each.
    pub(super) fn timed_events(&self) -> Vec<(u64, Event)> {
        self.events.take()
    }

    /// How many descriptors were ready in each poll since somebody asked last.
    pub(super) fn polls(&self) -> Vec<usize> {
        let found = |event| match event {
            Event::PollEnds { events } => Some(events),
            _ => None,
        };
        self.events().into_iter().filter_map(found).collect()
    }
}

impl Sink for Recorder {
    fn record(&self, at_ns: u64, event: Event) {
        self.events.borrow_mut().push((at_ns, event));
    }
}
