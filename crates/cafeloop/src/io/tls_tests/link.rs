//! Two sides of TLS and what is between them, for proptest and for a fuzzer: they know
//! nothing of either, and use what the crate has for all.

use std::cell::RefCell;

use cafeloop::io::tls::Next;

use super::toy::Side;

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Write(usize),
    TurnEnds,
    /// The carrier delivers so many bytes, one at a time.
    Deliver(usize),
    CarrierIsFull,
    CarrierHasRoom,
    PauseReading,
    ResumeReading,
    /// The library wants to read before it writes, as when keys are changed.
    Rekey,
    Marks(usize),
}

impl Step {
    /// What the next bytes stand for; `None` at their end.
    fn of(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let kind = bytes.next()?;
        let mut number = || bytes.next().map(usize::from);
        Some(match kind % 9 {
            0 => Step::Write(number()? % 12),
            1 => Step::TurnEnds,
            2 => Step::Deliver(1 + number()? % 8),
            3 => Step::CarrierIsFull,
            4 => Step::CarrierHasRoom,
            5 => Step::PauseReading,
            6 => Step::ResumeReading,
            7 => Step::Rekey,
            _ => Step::Marks(number()? % 20),
        })
    }
}

/// Has the bytes drive two machines, and all that is on its way arrive in the end.
pub(crate) fn drive(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let link = Link::new();
    while let Some(side) = bytes.next()
        && let Some(step) = Step::of(&mut bytes)
    {
        link.take(side % 2 == 0, step);
    }
    link.settle();
    for (own, other) in [(0, 1), (1, 0)] {
        let (side, other) = (link.0[own].borrow(), link.0[other].borrow());
        assert_eq!(side.received, other.accepted);
        assert_eq!(side.events, ["made"]);
    }
}

/// Two sides and what is between them.
pub(super) struct Link(pub(super) [RefCell<Side>; 2]);

impl Link {
    pub(super) fn new() -> Self {
        let link = Link([RefCell::default(), RefCell::default()]);
        link.0.iter().for_each(|side| side.borrow_mut().begin());
        link
    }

    pub(super) fn take(&self, is_first: bool, step: Step) {
        let own = &self.0[usize::from(is_first)];
        let other = &self.0[usize::from(!is_first)];
        let mut side = own.borrow_mut();
        match step {
            Step::Write(count) => side.write(count),
            Step::TurnEnds => side.turn_ends(),
            Step::Deliver(count) => {
                for _ in 0..count {
                    let Some(byte) = other.borrow_mut().carrier.pop_front() else { break };
                    if !side.is_carrier_closed {
                        side.receive(std::iter::once(byte));
                    }
                }
            }
            Step::CarrierIsFull => _ = side.machine.carrier_is_full(),
            Step::CarrierHasRoom => {
                if side.machine.carrier_has_room() {
                    side.drain();
                }
            }
            Step::PauseReading => side.machine.pause_reading(),
            Step::ResumeReading => {
                if side.machine.resume_reading() && !side.machine.is_shaking_hands() {
                    side.go_on();
                }
            }
            Step::Rekey => side.toy.is_stubborn = side.machine.next() == Next::Read,
            Step::Marks(high) => side.machine.set_outgoing_marks(high, high / 4),
        }
        drop(side);
        self.check();
    }

    pub(super) fn check(&self) {
        for (own, other) in [(0, 1), (1, 0)] {
            let (side, other) = (self.0[own].borrow(), self.0[other].borrow());
            assert!(other.accepted.starts_with(&side.received), "bytes arrive once and in order");
            let is_seen_to = side.flushes_at_turns_end || side.machine.is_stuck();
            let is_open = side.machine.next() == Next::Read;
            assert!(
                !is_open || side.machine.queue().is_empty() || is_seen_to,
                "what waits is never forgotten"
            );
            assert!(side.told.windows(2).all(|pair| pair[0] != pair[1]), "pause, resume, pause");
            assert_eq!(side.told.last() == Some(&true), side.machine.is_paused());
        }
    }

    /// Lets all that is on its way arrive.
    pub(super) fn settle(&self) {
        for _ in 0..3 {
            for is_first in [false, true] {
                self.0[usize::from(is_first)].borrow_mut().toy.is_stubborn = false;
                // Whatever was read unsticks it.
                self.0[usize::from(is_first)].borrow_mut().read();
                self.take(is_first, Step::CarrierHasRoom);
                self.take(is_first, Step::ResumeReading);
                self.take(is_first, Step::TurnEnds);
                self.take(is_first, Step::Deliver(usize::from(u16::MAX)));
            }
        }
    }
}
