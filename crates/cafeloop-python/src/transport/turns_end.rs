//! What is sent when the jobs of a turn have run.

use std::cell::{Cell, RefCell};

use pyo3::prelude::*;

use super::Stream;

/// The turns of a loop, and the connections that wait for the end of this one.
#[derive(Default)]
pub(crate) struct TurnsEnd {
    turn: Cell<u64>,
    is_running: Cell<bool>,
    waiting: RefCell<Vec<Py<Stream>>>,
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

    /// Has `stream` send what waits when this turn ends.
    pub(super) fn wait(&self, stream: &Bound<'_, Stream>) {
        self.waiting.borrow_mut().push(stream.clone().unbind());
    }

    /// Begins the next turn, and has those send that wait for it.
    #[inline]
    pub(crate) fn come(&self, py: Python<'_>) -> PyResult<()> {
        self.turn.set(self.turn.get().wrapping_add(1));
        if self.waiting.borrow().is_empty() { Ok(()) } else { self.send(py) }
    }

    fn send(&self, py: Python<'_>) -> PyResult<()> {
        let mut waiting = self.waiting.take();
        let mut outcome = Ok(());
        for stream in waiting.drain(..) {
            // One that leaves the loop doesn't keep the others' bytes back.
            outcome = outcome.and(Stream::send_what_waits(stream.bind(py)));
        }
        // Its room serves the next turn, unless sending has made others wait.
        if self.waiting.borrow().is_empty() {
            self.waiting.replace(waiting);
        }
        outcome
    }
}
