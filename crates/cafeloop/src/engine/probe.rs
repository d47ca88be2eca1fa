//! Where the engine says what it does.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use cafeloop_flow::{Event, Sink};

/// The points at which events are emitted.  Off, each costs one branch: neither
/// the clock is read nor the event built.
pub(super) struct Probe {
    /// Whether there is a sink: all that is looked at while there is none.
    is_heard: Cell<bool>,
    sink: RefCell<Option<Rc<dyn Sink>>>,
    /// When the last event was told; 0 if this sink has heard of none.
    told_ns: Cell<u64>,
}

impl Probe {
    pub(super) fn new(sink: Option<Rc<dyn Sink>>) -> Self {
        let is_heard = Cell::new(sink.is_some());
        Probe { is_heard, sink: RefCell::new(sink), told_ns: Cell::new(0) }
    }

    /// Puts another sink in place; the caller drops the one before.
    pub(super) fn set(&self, sink: Option<Rc<dyn Sink>>) -> Option<Rc<dyn Sink>> {
        self.is_heard.set(sink.is_some());
        self.told_ns.set(0);
        self.sink.replace(sink)
    }

    #[inline]
    pub(super) fn is_heard(&self) -> bool {
        self.is_heard.get()
    }

    /// Whoever listens.  It is handed out, because a sink is somebody's code, during
    /// which no cell may stay borrowed.
    pub(super) fn sink(&self) -> Option<Rc<dyn Sink>> {
        self.sink.borrow().clone()
    }

    #[inline]
    pub(super) fn emit(&self, now_ns: impl FnOnce() -> u64, event: impl FnOnce() -> Event) {
        if self.is_heard() {
            self.tell(now_ns(), event());
        }
    }

    #[cold]
    fn tell(&self, at_ns: u64, event: Event) {
        self.told_ns.set(at_ns);
        if let Some(sink) = self.sink() {
            sink.record(at_ns, event);
        }
    }

    /// When the last event was told, to those who know that it was a moment ago.
    pub(super) fn told_ns(&self) -> Option<u64> {
        Some(self.told_ns.get()).filter(|&told_ns| told_ns > 0)
    }
}

/// A moment of a loop that somebody wants to hear of.
#[derive(Clone, Copy)]
pub struct Moment<'a> {
    /// When it is, by the loop's clock.
    pub at_ns: u64,
    /// Who listens.
    pub sink: &'a dyn Sink,
}

impl Moment<'_> {
    /// Tells of something that happened at this moment.
    #[inline]
    pub fn tell(&self, event: Event) {
        self.sink.record(self.at_ns, event);
    }
}
