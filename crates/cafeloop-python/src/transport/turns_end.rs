//! What is sent when the jobs of a turn have run.

use std::cell::{Cell, RefCell};

use pyo3::prelude::*;

use super::{Stream, Tls};

/// The turns of a loop, and the connections that wait for the end of this one.
#[derive(Default)]
pub(crate) struct TurnsEnd {
    turn: Cell<u64>,
    is_running: Cell<bool>,
    waiting: RefCell<Vec<Waiting>>,
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
    /// A number for this turn; none if no loop runs, whose turn could end.
    #[inline]
    pub(crate) fn turn(&self) -> Option<u64> {
        self.is_running.get().then(|| self.turn.get())
    }

    pub(crate) fn set_running(&self, is_running: bool) {
        self.is_running.set(is_running);
    }

    /// Has a connection send what waits when this turn ends.
    pub(super) fn wait(&self, who: Waiting) {
        self.waiting.borrow_mut().push(who);
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
