//! Where the engine says what it does.

use cafeloop_flow::{Event, Sink};

/// The points at which events are emitted.  Off, each costs one branch: neither
/// the clock is read nor the event built.
pub(super) struct Probe {
    sink: Option<Box<dyn Sink>>,
}

impl Probe {
    pub(super) fn new(sink: Option<Box<dyn Sink>>) -> Self {
        Probe { sink }
    }

    #[inline]
    pub(super) fn emit(&self, now_ns: impl FnOnce() -> u64, event: impl FnOnce() -> Event) {
        if let Some(sink) = &self.sink {
            sink.record(now_ns(), event());
        }
    }
}
