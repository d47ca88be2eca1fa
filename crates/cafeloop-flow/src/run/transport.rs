//! A transport of a run: what went through it, and in how many pieces.

use crate::event::FlowChange;
use crate::id::TransportId;

/// An Ethernet frame carries 1460 bytes of TCP: more than one of these isn't small.
const SMALL_BYTES: u64 = 1460;
/// 1 ms: what is sent so soon after could have gone along.
const AT_ONCE_NS: u64 = 1_000_000;

/// What one transport did.
#[derive(Clone, Debug)]
pub struct Transport {
    /// Its number in the recording.
    pub id: TransportId,
    /// With whom it talks; empty if that isn't known.
    pub peer: String,
    /// Its descriptor, if that was seen.
    pub fd: Option<u32>,
    /// Bytes received, and in how many reads.
    pub received: Traffic,
    /// Bytes sent, and in how many calls of the kernel.
    pub sent: Traffic,
    /// Small sends that followed another within a millisecond, with nothing received
    /// between.
    pub followed: Traffic,
    /// How often its protocol was asked to write no more.
    pub pauses: u64,
    /// For how long it was asked that.
    pub paused_ns: u64,
    /// When it was last asked.
    paused_since_ns: Option<u64>,
    /// The last send, unless something was received since.
    last_send_ns: Option<u64>,
}

/// Bytes, and in how many pieces they went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many pieces.
    pub pieces: u64,
    /// How many bytes.
    pub bytes: u64,
}

impl Traffic {
    fn add(&mut self, bytes: u64) {
        self.pieces += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }
}

impl Transport {
    pub(super) fn new(id: TransportId) -> Transport {
        Transport {
            id,
            peer: String::new(),
            fd: None,
            received: Traffic::default(),
            sent: Traffic::default(),
            followed: Traffic::default(),
            pauses: 0,
            paused_ns: 0,
            paused_since_ns: None,
            last_send_ns: None,
        }
    }

    pub(super) fn receive(&mut self, bytes: u64) {
        self.received.add(bytes);
        self.last_send_ns = None;
    }

    pub(super) fn send(&mut self, now_ns: u64, bytes: u64) {
        self.sent.add(bytes);
        let soon = self.last_send_ns.is_some_and(|last| now_ns.saturating_sub(last) <= AT_ONCE_NS);
        if soon && bytes < SMALL_BYTES {
            self.followed.add(bytes);
        }
        self.last_send_ns = Some(now_ns);
    }

    pub(super) fn change(&mut self, now_ns: u64, change: FlowChange) {
        match change {
            FlowChange::WritingPaused => {
                self.pauses += 1;
                self.paused_since_ns.get_or_insert(now_ns);
            }
            FlowChange::WritingResumed => {
                if let Some(since_ns) = self.paused_since_ns.take() {
                    self.paused_ns = self.paused_ns.saturating_add(now_ns.saturating_sub(since_ns));
                }
            }
            FlowChange::ReadingPaused | FlowChange::ReadingResumed => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_sends_that_could_have_gone_along_are_counted() {
        let mut transport = Transport::new(TransportId::new(1).expect("it isn't 0"));
        transport.send(0, 10);
        transport.send(500_000, 20);
        transport.send(5_000_000, 30);
        transport.receive(1);
        transport.send(5_000_001, 40);
        transport.send(5_000_002, 64 << 10);
        assert_eq!(transport.followed, Traffic { pieces: 1, bytes: 20 });
        assert_eq!(transport.sent.pieces, 5);
    }

    #[test]
    fn the_time_in_which_nothing_may_be_written_is_summed() {
        let mut transport = Transport::new(TransportId::new(1).expect("it isn't 0"));
        for (at_ns, change) in [
            (1, FlowChange::WritingPaused),
            (3, FlowChange::WritingResumed),
            (4, FlowChange::WritingResumed),
            (5, FlowChange::ReadingPaused),
            (6, FlowChange::WritingPaused),
            (10, FlowChange::WritingResumed),
        ] {
            transport.change(at_ns, change);
        }
        assert_eq!((transport.pauses, transport.paused_ns), (2, 6));
    }
}
