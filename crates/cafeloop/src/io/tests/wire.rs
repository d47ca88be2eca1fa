//! The far side of a stream and the kernel between, for proptest and for a fuzzer: they
//! know nothing of either, and use what the crate has for all.

use std::mem;

use cafeloop::io::{Close, End, Keep, Refused, Settled, Stream, Turn, Write};

/// What a driver of the machine is told to do and has done to it, in any order.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Write(usize),
    /// Another connection of the loop writes.
    OtherWrites,
    TurnEnds,
    /// The kernel has room for so many bytes and says so.
    Room(usize),
    Marks(usize, usize),
    EndWriting,
    Close,
    Abort,
}

impl Step {
    /// What the next bytes stand for; `None` at their end.
    fn of(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let kind = bytes.next()?;
        let mut number = || bytes.next().map(usize::from);
        Some(match kind % 8 {
            0 => Step::Write(number()? % 7),
            1 => Step::TurnEnds,
            2 => Step::Room(number()? % 9),
            3 => {
                let low = number()? % 6;
                Step::Marks(low + number()? % 6, low)
            }
            4 => Step::EndWriting,
            5 => Step::Close,
            6 => Step::OtherWrites,
            _ => Step::Abort,
        })
    }
}

/// Has the bytes drive a machine; whatever they are, nothing may be wrong.
pub(crate) fn drive(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let mut wire = Wire::default();
    while let Some(step) = Step::of(&mut bytes) {
        wire.take(step);
    }
}

/// The far side and the kernel between, as a driver that obeys the machine.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "what was seen, each by itself")]
pub(super) struct Wire {
    pub(super) machine: Stream<Vec<u8>>,
    pub(super) turn: Turn,
    /// Bytes that the kernel still takes.
    pub(super) room: usize,
    pub(super) watches_for_room: bool,
    pub(super) flushes_at_turns_end: bool,
    pub(super) arrived: Vec<u8>,
    pub(super) sends: usize,
    /// What the writer was told: true is to pause.
    pub(super) told: Vec<bool>,
    pub(super) eof: bool,
    pub(super) is_lost: bool,
    pub(super) last_byte: u8,
    pub(super) accepted: Vec<u8>,
}

impl Wire {
    pub(super) fn bytes(&mut self, count: usize) -> Vec<u8> {
        let last = &mut self.last_byte;
        let count_up = |_| {
            *last = last.wrapping_add(1);
            *last
        };
        (0..count).map(count_up).collect()
    }

    pub(super) fn kernel_takes(&mut self, bytes: &[u8]) -> usize {
        assert!(!self.eof && !self.is_lost, "nothing is sent after the end");
        let taken = bytes.len().min(self.room);
        self.room -= taken;
        self.sends += 1;
        self.arrived.extend(&bytes[..taken]);
        taken
    }

    pub(super) fn write(&mut self, count: usize) -> Result<Write, Refused> {
        let bytes = self.bytes(count);
        let answer = self.machine.write(count, Some(self.turn))?;
        match answer {
            Write::Nothing | Write::Lost(_) => return Ok(answer),
            Write::Now => {
                let taken = self.kernel_takes(&bytes);
                self.machine.sent_at_once(count, taken, || bytes.clone());
                self.watches_for_room |= taken < count;
            }
            Write::Later => match self.machine.keep(bytes.clone(), count) {
                Keep::Wait => {}
                Keep::SendAtTurnsEnd => self.flushes_at_turns_end = true,
                Keep::SendNow => self.flush(),
            },
        }
        self.accepted.extend(bytes);
        self.pause_if_full();
        Ok(answer)
    }

    pub(super) fn pause_if_full(&mut self) {
        if self.machine.pauses() {
            self.told.push(true);
        }
    }

    pub(super) fn flush(&mut self) {
        let waiting: Vec<u8> =
            self.machine.queue().iter().flat_map(|(body, left)| body[left].to_vec()).collect();
        assert_eq!(waiting.len(), self.machine.queue().bytes());
        let taken = self.kernel_takes(&waiting);
        self.machine.sent(taken);
        if self.machine.resumes() {
            self.told.push(false);
        }
        self.settle();
    }

    pub(super) fn settle(&mut self) {
        self.watches_for_room = false;
        match self.machine.settle() {
            Settled::Waits => self.watches_for_room = true,
            Settled::Idle | Settled::Drained => {}
            Settled::EndWriting => self.eof = true,
            Settled::Lose => self.is_lost = true,
        }
    }

    pub(super) fn turn_ends(&mut self) {
        self.turn = Turn { number: self.turn.number + 1, is_shared: false };
        if mem::take(&mut self.flushes_at_turns_end) {
            self.flush_first();
        }
    }

    pub(super) fn flush_first(&mut self) {
        if self.machine.waits_for_turns_end() {
            self.flush();
            self.pause_if_full();
        }
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Write(count) => _ = self.write(count),
            Step::OtherWrites => self.turn.is_shared = true,
            Step::TurnEnds => self.turn_ends(),
            Step::Room(bytes) => {
                self.room = bytes;
                if self.watches_for_room {
                    self.flush();
                }
            }
            Step::Marks(high, low) => {
                self.machine.set_marks(high, low);
                self.pause_if_full();
            }
            Step::EndWriting => {
                self.flush_first();
                self.eof |= self.machine.end_writing() == End::Now;
            }
            Step::Close => {
                self.flush_first();
                self.is_lost |= self.machine.close() == Close::Lose;
            }
            Step::Abort => {
                self.flush_first();
                self.watches_for_room = false;
                self.is_lost |= self.machine.abort().is_some();
            }
        }
        self.check();
    }

    pub(super) fn check(&self) {
        assert!(self.accepted.starts_with(&self.arrived), "bytes arrive once and in order");
        assert_eq!(self.is_lost, self.machine.is_lost());
        if !self.is_lost {
            let waiting = self.accepted.len() - self.arrived.len();
            assert_eq!(self.machine.queue().bytes(), waiting);
            let is_seen_to = self.watches_for_room || self.flushes_at_turns_end;
            assert!(waiting == 0 || is_seen_to, "what waits is never forgotten");
            assert!(waiting > 0 || !self.watches_for_room, "nobody watches for nothing");
        }
        assert!(self.told.windows(2).all(|pair| pair[0] != pair[1]), "pause, resume, pause");
        assert_eq!(self.told.last() == Some(&true), self.machine.is_paused());
    }
}
