//! The state of a loop, which belongs to its own thread: no lock, no atomic.
//!
//! Everything is behind a cell because jobs call back into the loop that runs
//! them.  The rule that makes this sound: **no cell stays borrowed while
//! anybody's code runs**.  Running a job is such code, and so is dropping a job
//! or a watcher; therefore the methods here hand what they replace or cancel to
//! the caller.

use std::cell::{Cell, RefCell};
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};
use std::rc::Rc;
use std::sync::Arc;

use cafeloop_flow::{Event, Sink};
use slab::Slab;

use super::blocking::Pool;
use super::clock::Clock;
use super::foresight::Foresight;
use super::host::Host;
use super::inbox::Inbox;
use super::probe::{Moment, Probe};
use super::ready::Ready;
use super::registry::{Interest, Registry};
use super::shared::{Remote, Shared};
use super::signals::Signals;
use super::timers::{TimerKey, Timers};
use super::turn::Pace;
use crate::error::Error;
use crate::sys::{Events, Poller, Readiness, Reports, Waker};

/// Tokens of the loop's own descriptors; the registry's have smaller ones.
pub(super) const WAKER: u64 = u64::MAX;
pub(super) const SIGNALS: u64 = u64::MAX - 1;

/// An event loop.  Dropping it closes it: what is queued is dropped, the
/// descriptors of the loop are closed, those of its users are not.
pub struct Engine<H: Host> {
    pub(super) host: H,
    pub(super) clock: Clock,
    pub(super) probe: Probe,
    pub(super) poller: Poller,
    /// Room for events; taken out while a poll fills it.
    pub(super) events: Cell<Events>,
    pub(super) shared: Arc<Shared<H::Job>>,
    pub(super) ready: RefCell<Ready<H::Job>>,
    pub(super) timers: RefCell<Timers<H::Job>>,
    pub(super) registry: RefCell<Registry<H::Watcher>>,
    pub(super) signals: RefCell<Signals<H::Watcher>>,
    pool: RefCell<Option<Pool>>,
    /// How many [`Working`] there are: a virtual clock waits for them.
    pub(super) working: Rc<Cell<usize>>,
    /// What each [`Expected`] waits for.
    pub(super) expected: Rc<RefCell<Slab<String>>>,
    pub(super) foresight: Foresight,
    pub(super) pace: Pace,
    pub(super) stopping: Cell<bool>,
    /// The loop's thread waits in the kernel, and nobody has woken it yet.
    pub(super) sleeps: Cell<bool>,
}

impl<H: Host> Engine<H> {
    /// A loop that nobody runs yet; `sink` is told what it does.  Fails for want
    /// of descriptors, or on a kernel older than Linux 5.11.
    pub fn new(host: H, clock: Clock, sink: Option<Rc<dyn Sink>>) -> Result<Self, Error> {
        let open = || {
            let (poller, waker) = (Poller::new()?, Waker::new()?);
            let readable = Readiness { read: true, write: false };
            poller.add(waker.as_raw_fd(), WAKER, readable, Reports::Each)?;
            Ok((poller, waker))
        };
        let (poller, waker) = open().map_err(|cause| Error::io("open an event loop", cause))?;
        Ok(Engine {
            host,
            clock,
            probe: Probe::new(sink),
            poller,
            events: Cell::default(),
            shared: Arc::new(Inbox::new(waker)),
            ready: RefCell::new(Ready::new()),
            timers: RefCell::default(),
            registry: RefCell::new(Registry::new()),
            signals: RefCell::new(Signals::new()),
            pool: RefCell::new(None),
            working: Rc::default(),
            expected: Rc::default(),
            foresight: Foresight::default(),
            pace: Pace::default(),
            stopping: Cell::new(false),
            sleeps: Cell::new(false),
        })
    }

    /// Has `seed` choose the order of jobs that are ready for different reasons, where
    /// the host hasn't promised one; the same seed chooses the same for a program that
    /// does the same.
    pub fn set_seed(&self, seed: u64) {
        self.ready.borrow_mut().set_seed(seed);
    }

    /// The language that the loop serves.
    pub fn host(&self) -> &H {
        &self.host
    }

    /// The loop's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The loop as other threads see it.
    pub fn remote(&self) -> Remote<H::Job> {
        Remote::new(self.shared.clone())
    }

    /// Has `sink` told what the loop does, in the place of the one returned, which
    /// the caller drops.
    pub fn set_sink(&self, sink: Option<Rc<dyn Sink>>) -> Option<Rc<dyn Sink>> {
        self.probe.set(sink)
    }

    /// Whether somebody listens.
    #[inline]
    pub fn is_heard(&self) -> bool {
        self.probe.is_heard()
    }

    /// Calls `tell` with this moment, if somebody listens.
    #[inline]
    pub fn tell(&self, tell: impl FnOnce(Moment<'_>)) {
        if self.probe.is_heard()
            && let Some(sink) = self.probe.sink()
        {
            tell(Moment { at_ns: self.clock.now_ns(), sink: &*sink });
        }
    }

    /// Has [`run`](Engine::run) return at the end of the turn; at the end of its
    /// first if it isn't running.
    pub fn stop(&self) {
        self.stopping.set(true);
    }

    /// Has `job` run in the next turn, or in this one if it hasn't come to its
    /// jobs yet.
    #[inline(always)]
    pub fn push(&self, job: H::Job) {
        self.ready.borrow_mut().push(job, |job| self.host.is_promised(job));
    }

    /// The same for a thread that isn't the loop's, but has the lock that the host lets go
    /// of while it [blocks](Host::block): then the loop's thread is between two of its
    /// steps, or in the kernel, and is woken.
    pub fn push_and_wake(&self, job: H::Job) {
        self.emit(|| Event::Posted { jobs: 1 });
        self.ready.borrow_mut().push_from_outside(job, |job| self.host.is_promised(job));
        if self.sleeps.replace(false) {
            self.shared.waker().wake();
        }
    }

    /// Has `job` queued when `deadline_ns` has come, never before.
    #[inline(always)]
    pub fn set_timer(&self, deadline_ns: u64, job: H::Job) -> TimerKey {
        self.emit(|| Event::TimerSet { deadline_ns });
        self.timers.borrow_mut().set(deadline_ns, job)
    }

    /// Takes back the job of a timer; `None` if it has fired already.
    pub fn cancel_timer(&self, key: TimerKey) -> Option<H::Job> {
        let job = self.timers.borrow_mut().cancel(key);
        if job.is_some() {
            self.emit(|| Event::TimerCancelled);
        }
        job
    }

    /// Has `watcher` told when `fd` is ready, in the place of the one returned.
    ///
    /// The descriptor stays its owner's, who calls [`unwatch`](Engine::unwatch)
    /// or [`forget`](Engine::forget) before closing it.  Fails as `epoll_ctl(2)`
    /// does: for a descriptor that is closed or can't be polled.
    pub fn watch(
        &self,
        fd: RawFd,
        interest: Interest,
        watcher: H::Watcher,
    ) -> std::io::Result<Option<H::Watcher>> {
        self.watch_for(fd, interest, Reports::Each, watcher)
    }

    /// The same for `watcher` to be told once, of a descriptor that its owner may close
    /// without a word: the kernel is asked each time whose the number is, and reports
    /// nothing between.  [`Host::ready`] takes such a watcher out.
    pub fn watch_once(
        &self,
        fd: RawFd,
        interest: Interest,
        watcher: H::Watcher,
    ) -> std::io::Result<Option<H::Watcher>> {
        self.watch_for(fd, interest, Reports::Once, watcher)
    }

    fn watch_for(
        &self,
        fd: RawFd,
        interest: Interest,
        reports: Reports,
        watcher: H::Watcher,
    ) -> std::io::Result<Option<H::Watcher>> {
        let mut registry = self.registry.borrow_mut();
        let answer = registry.watch(&self.poller, fd, interest, reports, watcher);
        drop(registry);
        answer.map_err(|(error, _refused)| error)
    }

    /// Takes a watcher back; `None` if there was none.
    pub fn unwatch(&self, fd: RawFd, interest: Interest) -> Option<H::Watcher> {
        self.unwatch_if(fd, interest, |_| true)
    }

    /// Takes a watcher back if it is the one that `is_meant` knows, which looks and
    /// does nothing else.  A number that its owner has closed may be another's by now.
    pub fn unwatch_if(
        &self,
        fd: RawFd,
        interest: Interest,
        is_meant: impl FnOnce(&H::Watcher) -> bool,
    ) -> Option<H::Watcher> {
        self.registry.borrow_mut().unwatch(&self.poller, fd, interest, is_meant)
    }

    /// The descriptor of a watcher that `is_meant` knows, which looks and does nothing
    /// else: for one whose number its owner has closed.  Looks at each descriptor.
    pub fn find(&self, is_meant: impl Fn(&H::Watcher) -> bool) -> Option<RawFd> {
        self.registry.borrow().find(is_meant)
    }

    /// Takes all watchers of a descriptor back, before its owner closes it.
    pub fn forget(&self, fd: RawFd) -> [Option<H::Watcher>; 2] {
        self.registry.borrow_mut().forget(&self.poller, fd)
    }

    /// Calls `give` with the descriptor to which a signal handler writes the
    /// number of its signal, as one byte.
    pub fn with_signal_writer<R>(
        &self,
        give: impl FnOnce(BorrowedFd<'_>) -> R,
    ) -> Result<R, Error> {
        let pipe = self.signals.borrow_mut().pipe(&self.poller, SIGNALS);
        let pipe = pipe.map_err(|cause| Error::io("open a pipe for signals", cause))?;
        Ok(give(pipe.writer()))
    }

    /// Has `watcher` told each time that `signal` comes, in the place of the one
    /// returned.
    pub fn watch_signal(&self, signal: i32, watcher: H::Watcher) -> Option<H::Watcher> {
        self.signals.borrow_mut().watch(signal, watcher)
    }

    /// Takes a signal's watcher back; `None` if there was none.
    pub fn unwatch_signal(&self, signal: i32) -> Option<H::Watcher> {
        self.signals.borrow_mut().unwatch(signal)
    }

    /// The signals that somebody watches, in order.
    pub fn watched_signals(&self) -> Vec<i32> {
        self.signals.borrow().numbers()
    }

    /// Has `work` run by a thread of the loop's pool, which is made when first
    /// needed.  It must report its result by itself, through the
    /// [`Remote`], and must not panic.  Fails if no thread can be made.
    pub fn submit(&self, work: impl FnOnce() + Send + 'static) -> Result<Working, Error> {
        let answer = self.pool.borrow_mut().get_or_insert_with(Pool::new).submit(Box::new(work));
        answer.map_err(|(cause, _refused)| Error::io("start a thread for blocking work", cause))?;
        Ok(self.work())
    }

    /// Holds a virtual clock for as long as what is returned lives: somebody in the
    /// loop waits for work in a thread that isn't of the loop's pool.
    pub fn work(&self) -> Working {
        self.working.set(self.working.get() + 1);
        Working { count: self.working.clone() }
    }

    /// Has a virtual clock pass as real time does for as long as what is returned lives:
    /// something may come from outside by another way than a descriptor that is watched.
    /// `what` completes "can't foresee".
    pub fn expect(&self, what: impl Into<String>) -> Expected {
        let key = self.expected.borrow_mut().insert(what.into());
        Expected { all: self.expected.clone(), key }
    }

    /// Waits for the threads of the pool and ends them.
    pub fn end_threads(&self) {
        let pool = self.pool.take();
        drop(pool);
    }

    /// Whether nothing is queued, set or watched.
    pub fn is_idle(&self) -> bool {
        let holds = Cell::new(false);
        self.for_each_held(|_| holds.set(true), |_| holds.set(true));
        !holds.get()
    }

    /// Shows the host everything of its own that the loop holds.  The host looks
    /// and does nothing else: the loop's state is borrowed meanwhile.
    pub fn for_each_held(
        &self,
        mut job: impl FnMut(&H::Job),
        mut watcher: impl FnMut(&H::Watcher),
    ) {
        self.ready.borrow().iter().for_each(&mut job);
        self.timers.borrow().iter().for_each(&mut job);
        self.shared.for_each(&mut job);
        self.registry.borrow().iter().for_each(&mut watcher);
        self.signals.borrow().iter().for_each(&mut watcher);
    }

    #[inline]
    pub(super) fn emit(&self, event: impl FnOnce() -> Event) {
        self.probe.emit(|| self.clock.now_ns(), event);
    }
}

impl<H: Host> Drop for Engine<H> {
    fn drop(&mut self) {
        let posted = self.shared.close();
        drop(posted);
    }
}

/// Work that somebody in the loop waits for a thread to do.
pub struct Working {
    count: Rc<Cell<usize>>,
}

impl Drop for Working {
    fn drop(&mut self) {
        self.count.set(self.count.get() - 1);
    }
}

/// Something from outside that somebody in the loop waits for.
pub struct Expected {
    all: Rc<RefCell<Slab<String>>>,
    key: usize,
}

impl Drop for Expected {
    fn drop(&mut self) {
        self.all.borrow_mut().remove(self.key);
    }
}
