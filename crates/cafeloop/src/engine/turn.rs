//! One turn of the loop, phase by phase, and the running of turns.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use cafeloop_flow::{Event, Sink};

use super::core::{Engine, SIGNALS, WAKER};
use super::host::Host;
use super::probe::Moment;
use crate::error::Error;
use crate::sys::{Events, PromptTimers};

/// While jobs are always ready, the kernel is asked for events after this many,
pub(super) const JOBS_BETWEEN_POLLS: usize = 64;
/// or after this long.  A poll that only looks costs as much as a small job, and
/// a descriptor that waits for 50 µs has waited no longer than the kernel's own
/// timer slack would have let it.
pub(super) const BETWEEN_POLLS_NS: u64 = 50_000;

/// So many jobs ahead the host is told that a job comes soon: small ones take less than
/// main memory does to answer.
const JOBS_TO_SOON: usize = 6;
/// And so many ahead that it comes next.
const JOBS_TO_NEXT: usize = 3;

/// How long the loop may wait for something to happen.
#[derive(Clone, Copy, PartialEq)]
enum Wait {
    /// Jobs are ready and the kernel was asked a moment ago.
    Skip,
    /// Jobs are ready: look only.
    Look,
    /// Until the nearest deadline.
    For(Duration),
    /// Until something happens.
    Forever,
}

/// What came of waiting.
struct Polled {
    events: Events,
    signalled: bool,
    /// What time it is, if somebody has looked since the wait.
    now_ns: Option<u64>,
}

impl<H: Host> Engine<H> {
    /// Runs turns until [`stop`](Engine::stop) is called or the host leaves.
    pub fn run(&self, scope: H::Scope<'_>) -> Result<(), H::Exit> {
        let _running = Running { stopping: &self.stopping, _timers: PromptTimers::begin() };
        self.pace.poll_next();
        let mut began_ns = None;
        loop {
            began_ns = self.turn(scope, began_ns)?;
            if self.stopping.get() {
                return Ok(());
            }
        }
    }

    /// Runs a turn, which begins at `began_ns` if that is known, and gives the time of its
    /// end, if that is.
    fn turn(&self, scope: H::Scope<'_>, began_ns: Option<u64>) -> Result<Option<u64>, H::Exit> {
        let now_ns = || began_ns.unwrap_or_else(|| self.clock.now_ns());
        self.probe.emit(now_ns, || Event::TurnBegins { ready: self.ready.borrow().len() });
        let (wait, now_ns) = self.how_long(scope)?;
        let mut polled = self.poll(scope, wait, now_ns)?;
        self.queue_posted();
        self.queue_events(scope, &mut polled);
        self.queue_due_timers(scope, polled.now_ns)?;
        let signalled = polled.signalled;
        self.events.set(polled.events);
        if signalled {
            self.host.interrupted(scope)?;
        }
        self.run_ready(scope)
    }

    /// How long to wait, and what time it is, if that had to be asked: while jobs are
    /// ready a reading of the clock costs a tenth of a small job.
    fn how_long(&self, scope: H::Scope<'_>) -> Result<(Wait, Option<u64>), H::Exit> {
        if self.is_busy() {
            return self.how_soon_to_look(scope);
        }
        let deadline_ns = self.timers.borrow_mut().next_deadline_ns();
        // The last nanosecond is what a deadline too far to count is cut to, and
        // a virtual clock that jumped there would have no time left.
        let Some(deadline_ns) = deadline_ns.filter(|&deadline_ns| deadline_ns < u64::MAX) else {
            return Ok((Wait::Forever, None));
        };
        let now_ns = self.now_ns(scope)?;
        if deadline_ns > now_ns {
            return Ok((Wait::For(Duration::from_nanos(deadline_ns - now_ns)), None));
        }
        self.how_soon_to_look(scope)
    }

    /// The same while something is to be done already.
    fn how_soon_to_look(&self, scope: H::Scope<'_>) -> Result<(Wait, Option<u64>), H::Exit> {
        let outside = self.outside();
        let has_timers = self.timers.borrow_mut().next_deadline_ns().is_some();
        let now_ns = if outside == Outside::Matters || has_timers {
            Some(self.now_ns(scope)?)
        } else {
            None
        };
        let wait = if self.pace.is_due(now_ns, outside) { Wait::Look } else { Wait::Skip };
        Ok((wait, now_ns))
    }

    /// What the kernel may have to report.
    fn outside(&self) -> Outside {
        let signals = self.signals.borrow();
        if !self.registry.borrow().is_empty() || signals.is_watched() {
            Outside::Matters
        } else if signals.is_open() {
            Outside::CanWait
        } else {
            Outside::Silent
        }
    }

    /// The time by which deadlines are due.
    fn now_ns(&self, scope: H::Scope<'_>) -> Result<u64, H::Exit> {
        Ok(self.host.now_ns(scope)?.unwrap_or_else(|| self.clock.now_ns()))
    }

    /// Whether something is to be done that no waiting brings nearer.
    pub fn is_busy(&self) -> bool {
        self.stopping.get() || self.ready.borrow().len() > 0 || self.shared.is_pending()
    }

    fn poll(
        &self,
        scope: H::Scope<'_>,
        wait: Wait,
        now_ns: Option<u64>,
    ) -> Result<Polled, H::Exit> {
        let mut events = self.events.take();
        let answer = match wait {
            Wait::Skip => {
                events.clear();
                Ok(())
            }
            Wait::Look => self.look(&mut events),
            Wait::For(delay) if self.clock.is_virtual() => self.pass(scope, &mut events, delay),
            Wait::For(delay) => self.block(scope, &mut events, Some(delay)),
            Wait::Forever if self.clock.is_virtual() => self.pass_forever(scope, &mut events),
            Wait::Forever => self.block(scope, &mut events, None),
        };
        let now_ns = match wait {
            Wait::Skip => now_ns,
            Wait::Look => None,
            Wait::For(_) | Wait::Forever => {
                let now_ns = self.now_ns(scope)?;
                // What was told just now is dealt with a turn later: a look before that
                // would be told again, and the descriptor taken for one nobody watches.
                self.pace.polled(Some(now_ns));
                Some(now_ns)
            }
        };
        match answer {
            Ok(()) => Ok(Polled { events, signalled: false, now_ns }),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                Ok(Polled { events, signalled: true, now_ns })
            }
            Err(error) => Err(Error::io("wait for events", error).into()),
        }
    }

    /// Takes what the kernel has to report now.
    pub(super) fn look(&self, events: &mut Events) -> io::Result<()> {
        self.emit(|| Event::PollBegins { wait_ns: Some(0) });
        let answer = self.poller.wait(events, Some(Duration::ZERO));
        self.emit(|| Event::PollEnds { events: events.len() });
        answer
    }

    /// Waits in the kernel, unless another thread has posted something.
    pub(super) fn block(
        &self,
        scope: H::Scope<'_>,
        events: &mut Events,
        wait: Option<Duration>,
    ) -> io::Result<()> {
        self.host.settle(scope);
        if self.is_busy() || !self.shared.fall_asleep() {
            return self.look(events);
        }
        let wait_ns = wait.map(|wait| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX));
        self.emit(|| Event::PollBegins { wait_ns });
        let poller = &self.poller;
        self.sleeps.set(true);
        let answer = self.host.block(scope, || poller.wait(events, wait));
        self.sleeps.set(false);
        self.shared.awake();
        self.emit(|| Event::PollEnds { events: events.len() });
        answer
    }

    fn queue_posted(&self) {
        let posted = self.shared.take();
        if !posted.is_empty() {
            self.emit(|| Event::Posted { jobs: posted.len() });
            self.ready.borrow_mut().next_source();
            for job in posted {
                self.queue(job);
            }
        }
    }

    fn queue_events(&self, scope: H::Scope<'_>, polled: &mut Polled) {
        let mut tell = |watcher: &mut Option<H::Watcher>| {
            if let Some(job) = self.host.ready(scope, watcher) {
                self.queue(job);
            }
        };
        for event in polled.events.iter() {
            self.ready.borrow_mut().next_source();
            match event.0 {
                WAKER => self.shared.waker().reset(),
                SIGNALS => {
                    self.signals.borrow_mut().drain(&mut tell);
                    polled.signalled = true;
                }
                _ => self.registry.borrow_mut().event(&self.poller, event, &mut tell),
            }
        }
    }

    /// `now_ns` if it is known what time it is.
    fn queue_due_timers(&self, scope: H::Scope<'_>, now_ns: Option<u64>) -> Result<(), H::Exit> {
        if self.timers.borrow_mut().next_deadline_ns().is_none() {
            return Ok(());
        }
        // One reading for all: a timer that becomes due meanwhile is the next
        // turn's, or a loop that is slow enough would never leave this phase.
        let now_ns = now_ns.map_or_else(|| self.now_ns(scope), Ok)?;
        self.ready.borrow_mut().next_source();
        while let Some((deadline_ns, job)) = self.pop_due(now_ns) {
            self.emit(|| Event::TimerFired { late_ns: now_ns - deadline_ns });
            self.ready.borrow_mut().push_timer(deadline_ns, job);
        }
        Ok(())
    }

    /// Queues a job that nobody has promised a place to.
    fn queue(&self, job: H::Job) {
        self.ready.borrow_mut().push(job, |_| false);
    }

    fn pop_due(&self, now_ns: u64) -> Option<(u64, H::Job)> {
        self.timers.borrow_mut().pop_due(now_ns)
    }

    /// Gives the time, if it is known because somebody listens.
    fn run_ready(&self, scope: H::Scope<'_>) -> Result<Option<u64>, H::Exit> {
        let jobs = self.arrange();
        self.pace.ran(jobs);
        let now_ns = match self.probe.sink() {
            None => {
                self.run_jobs(scope, jobs)?;
                None
            }
            Some(sink) => Some(self.run_jobs_heard(scope, jobs, &*sink)?),
        };
        let took_time = self.host.turn_ends(scope)?;
        Ok(now_ns.filter(|_| !took_time))
    }

    fn run_jobs(&self, scope: H::Scope<'_>, jobs: usize) -> Result<(), H::Exit> {
        for _ in 0..jobs {
            // A job may have run turns of its own, and so emptied the queue.
            let Some(job) = self.pop() else { break };
            self.host.run(scope, job)?;
        }
        Ok(())
    }

    /// The same with somebody to tell; gives the time at which the last one ended.  Whoever
    /// begins to listen in one of the jobs hears of the next turn's.
    fn run_jobs_heard(
        &self,
        scope: H::Scope<'_>,
        jobs: usize,
        sink: &dyn Sink,
    ) -> Result<u64, H::Exit> {
        // The turn's begin, or the end of its wait, was told just now; one job's end is the
        // next one's begin, and the last one's is the next turn's.  Reading the clock is
        // half of the cost.
        let mut at_ns = self.probe.told_ns().unwrap_or_else(|| self.clock.now_ns());
        for _ in 0..jobs {
            let Some(job) = self.pop() else { break };
            self.host.job_begins(scope, Moment { at_ns, sink }, &job);
            let answer = self.host.run(scope, job);
            at_ns = self.clock.now_ns();
            self.host.job_ends(scope, Moment { at_ns, sink });
            answer?;
        }
        Ok(at_ns)
    }

    /// How many jobs this turn runs, in the order in which they now stand.
    fn arrange(&self) -> usize {
        let mut ready = self.ready.borrow_mut();
        ready.arrange();
        ready.len()
    }

    /// What the job queues that is given here is that job's.
    fn pop(&self) -> Option<H::Job> {
        let mut ready = self.ready.borrow_mut();
        ready.next_source();
        let job = ready.pop();
        if let Some(job) = ready.get(JOBS_TO_SOON) {
            self.host.comes_soon(job);
        }
        if let Some(job) = ready.get(JOBS_TO_NEXT) {
            self.host.comes_next(job);
        }
        job
    }
}

/// What the kernel may have to report to a loop that always has jobs.
#[derive(Clone, Copy, PartialEq)]
enum Outside {
    /// Nothing that the loop knows of.
    Silent,
    /// Signals that nobody watches: only their pipe must not become full.
    CanWait,
    /// Something that somebody waits for.
    Matters,
}

/// When a loop that always has jobs asks the kernel for events.
#[derive(Default)]
pub(super) struct Pace {
    jobs: Cell<usize>,
    polled_ns: Cell<u64>,
}

impl Pace {
    /// Whoever starts a loop for one turn wants to see all that is ready.
    fn poll_next(&self) {
        self.jobs.set(JOBS_BETWEEN_POLLS);
    }

    fn ran(&self, jobs: usize) {
        self.jobs.set(self.jobs.get().saturating_add(jobs));
    }

    /// Whether it is time for a poll; the caller then makes it.  The time must be
    /// known if the outside matters.
    fn is_due(&self, now_ns: Option<u64>, outside: Outside) -> bool {
        let is_late = || {
            now_ns.is_some_and(|now_ns| {
                now_ns.saturating_sub(self.polled_ns.get()) >= BETWEEN_POLLS_NS
            })
        };
        let due = match outside {
            Outside::Silent => false,
            Outside::CanWait => self.jobs.get() >= JOBS_BETWEEN_POLLS,
            Outside::Matters => self.jobs.get() >= JOBS_BETWEEN_POLLS || is_late(),
        };
        if due {
            self.polled(now_ns);
        }
        due
    }

    fn polled(&self, now_ns: Option<u64>) {
        self.jobs.set(0);
        if let Some(now_ns) = now_ns {
            self.polled_ns.set(now_ns);
        }
    }
}

/// While this lives, the loop runs.
struct Running<'a> {
    stopping: &'a Cell<bool>,
    _timers: PromptTimers,
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.stopping.set(false);
    }
}
