//! What is sent when the jobs of a turn have run.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use cafeloop::io::Turn;
use pyo3::prelude::*;

use super::{Stream, Tls};

/// Who waits for the end of a turn whose jobs take longer is served between two of them.
/// Jobs that are longer than this had better not wait for each other; of those that are
/// shorter, so many go together that it doesn't matter.
const LONGEST_WAIT: Duration = Duration::from_micros(200);

/// The turns of a loop, and the connections that wait for the end of this one.
#[derive(Default)]
pub(crate) struct TurnsEnd {
    turn: Cell<u64>,
    is_running: Cell<bool>,
    /// The last turn in which somebody wrote.
    written_in: Cell<Option<u64>>,
    waiting: RefCell<Vec<Waiting>>,
    /// Since when somebody waits.
    since: Cell<Option<Instant>>,
}

/// Who waits for the end of a turn.
pub(super) enum Waiting {
    Stream(Py<Stream>),
    Tls(Py<Tls>),
}

impl Waiting {
    fn send(&self, py: Python<'_>) -> PyResult<()> {
        match self {
            Waiting::Stream(stream) => Stream::send_what_waits(stream.bind(py)),
            Waiting::Tls(tls) => Tls::send_what_waits(tls.bind(py)),
        }
    }
}

impl TurnsEnd {
    /// Whether there is a turn that could end: a loop runs.
    pub(super) fn is_running(&self) -> bool {
        self.is_running.get()
    }

    /// The turn in which a connection writes now; none if no loop runs.
    #[inline]
    pub(super) fn write(&self) -> Option<Turn> {
        if !self.is_running.get() {
            return None;
        }
        let number = self.turn.get();
        let is_shared = self.written_in.replace(Some(number)) == Some(number);
        Some(Turn { number, is_shared })
    }

    pub(crate) fn set_running(&self, is_running: bool) {
        self.is_running.set(is_running);
    }

    /// Has a connection send what waits when this turn ends.
    pub(super) fn wait(&self, who: Waiting) {
        self.waiting.borrow_mut().push(who);
        if self.since.get().is_none() {
            self.since.set(Some(Instant::now()));
        }
    }

    /// A job ends; those send that have waited for long.
    #[inline]
    pub(crate) fn job_ends(&self, py: Python<'_>) -> PyResult<()> {
        match self.since.get() {
            Some(since) if since.elapsed() >= LONGEST_WAIT => self.send(py),
            _ => Ok(()),
        }
    }

    /// Begins the next turn, and has those send that wait for it, once `prepare` was called;
    /// whether there were any.
    #[inline]
    pub(crate) fn come(&self, py: Python<'_>, prepare: impl FnOnce()) -> PyResult<bool> {
        self.turn.set(self.turn.get().wrapping_add(1));
        if self.waiting.borrow().is_empty() {
            return Ok(false);
        }
        prepare();
        self.send(py).map(|()| true)
    }

    fn send(&self, py: Python<'_>) -> PyResult<()> {
        self.since.set(None);
        let mut waiting = self.waiting.take();
        let mut outcome = Ok(());
        // What is written meanwhile, by a protocol that is told to go on, has no turn
        // whose end it could wait for: the next one may be a long wait.
        let was_running = self.is_running.replace(false);
        for who in waiting.drain(..) {
            // One that leaves the loop doesn't keep the others' bytes back.
            outcome = outcome.and(who.send(py));
        }
        self.is_running.set(was_running);
        // Its room serves the next turn, unless sending has made others wait.
        if self.waiting.borrow().is_empty() {
            self.waiting.replace(waiting);
        }
        outcome
    }
}
