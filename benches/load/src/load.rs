//! The load: many connections on one thread, through the phases of a run.
//!
//! A run opens its connections, each with one request; then it warms up; then it
//! measures.  Each phase ends when all that was asked is answered, so the server is
//! idle at its borders, and what it did between two of them is exactly the requests
//! in between.

use std::collections::VecDeque;
use std::io;
use std::ops::Range;
use std::time::{Duration, Instant};

use crate::connection::{Connection, Life, Progress};
use crate::course::{Bound, Course, Next, Pace};
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::poller::{Interest, Poller};
use crate::server_cpu::ServerCpu;
use crate::tally::Tally;
use crate::target::Target;

/// What is read at once; more than any datagram.
pub(crate) const BUFFER_BYTES: usize = 256 * 1024;

/// A server keeps only so many connections waiting (asyncio's 100); when more come
/// at once, the kernel lets some of them try again after a second.
const OPENING_AT_ONCE: usize = 64;

/// How many times per time-out requests without an answer are looked for.
const LOOKS_PER_TIMEOUT: u32 = 20;

/// The kernel may end a wait late by a thousandth of it (`select_estimate_accuracy`
/// in Linux's `fs/select.c`), so a wait that is longer than this is ended early,
const LONGEST_PROMPT_WAIT: Duration = Duration::from_millis(20);
/// by one part in so many, and the rest waited for.
const BEFORE_THE_END: u32 = 500;

/// What the poller calls Ctrl-C.
const INTERRUPT: usize = usize::MAX;

/// What a run is to do.
pub(crate) struct Plan {
    pub(crate) target: Target,
    pub(crate) connections: usize,
    pub(crate) life: Life,
    pub(crate) pace: Pace,
    pub(crate) bound: Bound,
    pub(crate) warm_up: Duration,
    pub(crate) timeout: Duration,
    /// The process whose CPU time is asked for.
    pub(crate) server: Option<u32>,
}

/// What a run has found.
pub(crate) struct Findings {
    pub(crate) tally: Tally,
    pub(crate) elapsed: Duration,
    pub(crate) server_cpu: Option<Duration>,
    pub(crate) ending: Ending,
}

/// How a run has ended.
#[derive(Debug)]
pub(crate) enum Ending {
    AsPlanned,
    Interrupted,
    /// The server isn't there any more.
    Lost(Failure),
}

/// Why a phase was left before its end.
enum Stop {
    Interrupted,
    Lost(Failure),
    Error(Error),
}

/// Puts `plan` into effect; `exchange` is made once for each connection.
pub(crate) fn run(
    plan: &Plan,
    interrupt: &Interrupt,
    exchange: impl Fn() -> Box<dyn Exchange>,
) -> Result<Findings> {
    let server = plan.server.map(ServerCpu::of).transpose()?;
    let mut load = Load::new(plan, interrupt, exchange)?;
    let begun = load.open().and_then(|()| match plan.warm_up {
        Duration::ZERO => Ok(()),
        warm_up => load.phase(plan.pace, Bound::Time(warm_up)),
    });
    match begun {
        Ok(()) => load.measure(server.as_ref()),
        Err(Stop::Interrupted) => Err(Error::interrupted()),
        Err(Stop::Lost(failure)) => Err(Error::not_begun(&plan.target, failure)),
        Err(Stop::Error(error)) => Err(error),
    }
}

struct Load<'plan> {
    plan: &'plan Plan,
    poller: Poller,
    buffer: Vec<u8>,
    connections: Vec<Connection>,
    /// Those that may have the next request, the longest idle first.
    idle: VecDeque<usize>,
    /// Those that have had none, as long as the run is opening.
    unopened: Range<usize>,
    is_open: bool,
    /// Requests that aren't answered yet.
    waiting: usize,
    course: Course,
    /// Requests of all phases, so that each has its own number.
    number: u64,
    tally: Tally,
    look_for_lost_at: Instant,
}

impl<'plan> Load<'plan> {
    fn new(
        plan: &'plan Plan,
        interrupt: &Interrupt,
        exchange: impl Fn() -> Box<dyn Exchange>,
    ) -> Result<Self> {
        let poller = Poller::new().map_err(Error::poller)?;
        poller.add(interrupt, INTERRUPT, Interest::Read).map_err(Error::poller)?;
        let connection = |token| Connection::new(token, exchange(), plan.life);
        let now = Instant::now();
        Ok(Load {
            plan,
            poller,
            buffer: vec![0; BUFFER_BYTES],
            connections: (0..plan.connections).map(connection).collect(),
            idle: VecDeque::with_capacity(plan.connections),
            unopened: 0..plan.connections,
            is_open: false,
            waiting: 0,
            course: Course::new(plan.pace, plan.bound, now),
            number: 0,
            tally: Tally::new(),
            look_for_lost_at: now,
        })
    }

    /// Opens all connections, a few at a time, by one request on each.  Until each
    /// was answered, any failure is the end: it isn't the server it should be.
    fn open(&mut self) -> Result<(), Stop> {
        self.idle.extend(self.unopened.by_ref().take(OPENING_AT_ONCE));
        self.phase(Pace::Answers, Bound::Requests(self.connections.len() as u64))?;
        self.idle.extend(0..self.connections.len());
        self.is_open = true;
        Ok(())
    }

    fn measure(&mut self, server: Option<&ServerCpu>) -> Result<Findings> {
        let before = server.map(ServerCpu::used).transpose()?;
        let stopped = self.phase(self.plan.pace, self.plan.bound);
        let elapsed = self.course.began().elapsed();
        let ending = match stopped {
            Ok(()) => Ending::AsPlanned,
            Err(Stop::Interrupted) => Ending::Interrupted,
            Err(Stop::Lost(failure)) => Ending::Lost(failure),
            Err(Stop::Error(error)) => return Err(error),
        };
        // Of a server that has gone nothing can be said.
        let after = server.and_then(|server| server.used().ok());
        // Less than before: a thread has ended, and its time is lost.
        let server_cpu = before.zip(after).and_then(|(before, after)| after.checked_sub(before));
        let tally = std::mem::replace(&mut self.tally, Tally::new());
        Ok(Findings { tally, elapsed, server_cpu, ending })
    }

    /// Sends requests as `pace` has it, up to `bound`, and waits for all answers.
    fn phase(&mut self, pace: Pace, bound: Bound) -> Result<(), Stop> {
        self.tally = Tally::new();
        self.course = Course::new(pace, bound, Instant::now());
        loop {
            let next = self.send_due()?;
            if next == Next::Over && self.waiting == 0 {
                return Ok(());
            }
            self.wait(next)?;
            self.take_answers()?;
            self.give_up_lost()?;
        }
    }

    /// Sends what is due, as long as there are idle connections.
    fn send_due(&mut self) -> Result<Next, Stop> {
        let mut now = Instant::now();
        loop {
            let next = self.course.next(now);
            let (Next::Due(due), Some(index)) = (next, self.idle.front().copied()) else {
                return Ok(next);
            };
            self.idle.pop_front();
            self.course.sent_one();
            self.number += 1;
            self.waiting += 1;
            let connection = &mut self.connections[index];
            let begun = connection.begin(&self.plan.target, &self.poller, self.number, due, now);
            if let Err(failure) = begun {
                self.failed(failure)?;
                self.rest(index);
                now = Instant::now();
            }
        }
    }

    /// Waits for answers, and for when the next request is due.
    fn wait(&mut self, next: Next) -> Result<(), Stop> {
        let now = Instant::now();
        let wake = match next {
            Next::At(due) => Some(self.course.end().map_or(due, |end| due.min(end))),
            // No connection is idle, or no request is left: an answer comes first.
            Next::Due(_) | Next::Over => None,
        };
        let wake = wake.map_or(self.look_for_lost_at, |wake| wake.min(self.look_for_lost_at));
        let mut wait = wake.saturating_duration_since(now);
        if wait > LONGEST_PROMPT_WAIT {
            wait -= wait / BEFORE_THE_END;
        }
        self.poller.wait(Some(wait)).map_err(stopped_by)
    }

    fn take_answers(&mut self) -> Result<(), Stop> {
        for event in 0..self.poller.events() {
            let index = self.poller.token(event);
            if index == INTERRUPT {
                return Err(Stop::Interrupted);
            }
            match self.connections[index].advance(&self.poller, &mut self.buffer) {
                Progress::Pending => continue,
                Progress::Answered { due, payload_bytes } => {
                    self.tally.answered(due.elapsed(), payload_bytes);
                }
                Progress::Failed(failure) => self.failed(failure)?,
                Progress::Unasked(failure) => {
                    self.failed(failure)?;
                    continue;
                }
            }
            self.rest(index);
            self.send_due()?;
        }
        Ok(())
    }

    /// Gives up requests whose time is over.
    fn give_up_lost(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        if now < self.look_for_lost_at {
            return Ok(());
        }
        self.look_for_lost_at = now + self.plan.timeout / LOOKS_PER_TIMEOUT;
        let Some(deadline) = now.checked_sub(self.plan.timeout) else {
            return Ok(());
        };
        for index in 0..self.connections.len() {
            if let Some(failure) = self.connections[index].give_up_if_begun_before(deadline) {
                self.failed(failure)?;
                self.rest(index);
            }
        }
        Ok(())
    }

    /// A connection's request has come to its end, and the next may go out: on this
    /// one, or on one that isn't open yet, as long as there are such.
    fn rest(&mut self, index: usize) {
        self.waiting -= 1;
        if self.is_open {
            self.idle.push_back(index);
        } else {
            self.idle.extend(self.unopened.next());
        }
    }

    fn failed(&mut self, failure: Failure) -> Result<(), Stop> {
        if failure.kind.ends_the_run() || !self.is_open {
            return Err(Stop::Lost(failure));
        }
        self.tally.failed(failure);
        Ok(())
    }
}

fn stopped_by(error: io::Error) -> Stop {
    Stop::Error(Error::poller(error))
}
