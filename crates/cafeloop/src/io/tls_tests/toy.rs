//! A connection's two sides without a library that encrypts: records of a length and so
//! many bytes, a handshake of two greetings, and a last word.

use std::collections::VecDeque;
use std::mem;

use cafeloop::io::tls::{Close, Flow, InputEnd, Next, Offer, Tls};
use cafeloop::io::{Keep, Turn, Write};

pub(super) const GREETING: u8 = 0xAA;
pub(super) const LAST_WORD: u8 = 0xFF;
/// A toy's record is small, so that its edges are often met.
pub(super) const MOST: usize = 5;

/// A turn in which no other connection writes.
pub(super) fn turn(number: u64) -> Turn {
    Turn { number, is_shared: false }
}

/// What reading or shaking hands came to.
pub(super) enum Answer<T> {
    Done(T),
    NeedsInput,
}

/// One side's library.
#[derive(Default)]
pub(super) struct Toy {
    pub(super) incoming: VecDeque<u8>,
    pub(super) outgoing: Vec<u8>,
    pub(super) has_greeted: bool,
    pub(super) has_said_last: bool,
    /// Encrypts nothing until something else was read.
    pub(super) is_stubborn: bool,
}

impl Toy {
    pub(super) fn shake_hands(&mut self) -> Answer<()> {
        if !mem::replace(&mut self.has_greeted, true) {
            self.outgoing.extend([GREETING; 3]);
        }
        if self.incoming.len() < 3 {
            return Answer::NeedsInput;
        }
        assert!(self.incoming.drain(..3).all(|byte| byte == GREETING));
        Answer::Done(())
    }

    /// Nothing but [`Answer::Done`] with nothing is the last word.
    pub(super) fn read(&mut self) -> Answer<Vec<u8>> {
        let Some(&length) = self.incoming.front() else { return Answer::NeedsInput };
        if length == LAST_WORD {
            return Answer::Done(Vec::new());
        }
        let length = usize::from(length);
        if self.incoming.len() <= length {
            return Answer::NeedsInput;
        }
        self.incoming.pop_front();
        self.is_stubborn = false;
        Answer::Done(self.incoming.drain(..length).collect())
    }

    pub(super) fn encrypt(&mut self, bytes: &[u8]) -> Answer<usize> {
        if self.is_stubborn {
            return Answer::NeedsInput;
        }
        let taken = bytes.len().min(MOST);
        self.outgoing.push(u8::try_from(taken).expect("a record is small"));
        self.outgoing.extend(&bytes[..taken]);
        Answer::Done(taken)
    }

    pub(super) fn shut_down(&mut self) -> Answer<()> {
        if !mem::replace(&mut self.has_said_last, true) {
            self.outgoing.push(LAST_WORD);
        }
        match self.incoming.front() {
            Some(&LAST_WORD) => Answer::Done(()),
            _ => Answer::NeedsInput,
        }
    }
}

/// One side of a connection, as a driver that obeys the machine.
#[derive(Default)]
pub(super) struct Side {
    pub(super) machine: Tls<Vec<u8>>,
    pub(super) toy: Toy,
    pub(super) turn: u64,
    pub(super) flushes_at_turns_end: bool,
    /// What the carrier was given, and has not delivered.
    pub(super) carrier: VecDeque<u8>,
    pub(super) accepted: Vec<u8>,
    pub(super) received: Vec<u8>,
    /// What the user was told: true is to pause.
    pub(super) told: Vec<bool>,
    pub(super) is_carrier_paused: bool,
    /// The order in which the user was told of things.
    pub(super) events: Vec<&'static str>,
    pub(super) is_carrier_closed: bool,
    pub(super) next_byte: u8,
}

impl Side {
    pub(super) fn begin(&mut self) {
        assert!(self.machine.begin());
        self.shake_hands();
    }

    pub(super) fn shake_hands(&mut self) {
        if let Answer::Done(()) = self.toy.shake_hands() {
            assert!(self.machine.open());
            assert!(self.machine.tells_made());
            self.events.push("made");
            self.read();
            self.send();
        } else {
            self.send();
        }
    }

    pub(super) fn write(&mut self, count: usize) {
        let next = &mut self.next_byte;
        let bytes: Vec<u8> = (0..count)
            .map(|_| {
                *next = next.wrapping_add(1);
                *next
            })
            .collect();
        match self.machine.write(count, Some(turn(self.turn))) {
            Write::Nothing | Write::Lost(_) => {}
            Write::Now => {
                let taken = match self.toy.encrypt(&bytes) {
                    Answer::Done(taken) => taken,
                    Answer::NeedsInput => 0,
                };
                self.machine.encrypted_at_once(count, taken, || bytes.clone());
                self.accepted.extend(bytes);
                if taken > 0 {
                    self.send();
                } else {
                    assert!(self.machine.is_stuck());
                    self.drain();
                }
            }
            Write::Later => {
                let kept = self.machine.keep(bytes.clone(), count);
                self.accepted.extend(bytes);
                match kept {
                    Keep::Wait => {}
                    Keep::SendAtTurnsEnd => self.flushes_at_turns_end = true,
                    Keep::SendNow => self.send(),
                }
            }
        }
    }

    pub(super) fn send(&mut self) {
        while let Some(offer) = self.machine.offer() {
            let pieces: Vec<u8> = match offer {
                Offer::Chunk => {
                    let (body, left) = self.machine.queue().iter().next().expect("it was offered");
                    body[left].to_vec()
                }
                Offer::Gathered(bytes) => {
                    let all = self.machine.queue().iter();
                    all.flat_map(|(body, left)| body[left].to_vec()).take(bytes).collect()
                }
            };
            assert!(!pieces.is_empty());
            match self.toy.encrypt(&pieces) {
                Answer::Done(taken) => self.machine.encrypted(taken),
                Answer::NeedsInput => {
                    self.machine.stuck();
                    break;
                }
            }
        }
        self.drain();
    }

    pub(super) fn drain(&mut self) {
        if self.machine.may_send() && !self.is_carrier_closed {
            self.carrier.extend(self.toy.outgoing.drain(..));
        }
        match self.machine.outgoing(self.toy.outgoing.len()) {
            Flow::Leave => {}
            Flow::Pause => self.told.push(true),
            Flow::Resume => self.told.push(false),
        }
    }

    pub(super) fn receive(&mut self, bytes: impl Iterator<Item = u8>) {
        self.toy.incoming.extend(bytes);
        self.go_on();
    }

    pub(super) fn go_on(&mut self) {
        match self.machine.next() {
            Next::Nothing => {}
            Next::ShakeHands => self.shake_hands(),
            Next::Read => self.read(),
            Next::Flush => self.flush(),
            Next::ShutDown => self.shut_down(),
        }
    }

    pub(super) fn read(&mut self) {
        if !self.machine.may_read() {
            return;
        }
        if self.machine.is_reading() {
            let mut has_ended = false;
            while let Answer::Done(bytes) = self.toy.read() {
                if bytes.is_empty() {
                    has_ended = true;
                    break;
                }
                self.received.extend(bytes);
            }
            if has_ended {
                self.tell_input_ended();
                self.close();
            }
            if self.machine.is_stuck() { self.send() } else { self.drain() }
        }
        match self.machine.incoming(self.toy.incoming.len()) {
            Flow::Leave => {}
            Flow::Pause => self.is_carrier_paused = true,
            Flow::Resume => self.is_carrier_paused = false,
        }
    }

    pub(super) fn tell_input_ended(&mut self) {
        if self.machine.tells_input_ended() {
            self.events.push("eof");
        }
    }

    pub(super) fn close(&mut self) {
        if self.machine.waits_for_turns_end() {
            self.send();
        }
        match self.machine.close() {
            Close::Already => {}
            Close::Abort => self.is_carrier_closed = true,
            Close::Flush => self.flush(),
        }
    }

    pub(super) fn flush(&mut self) {
        self.read();
        self.send();
        self.flushed();
    }

    pub(super) fn flushed(&mut self) {
        if self.machine.flushed() {
            self.shut_down();
        }
    }

    pub(super) fn shut_down(&mut self) {
        let is_over =
            self.machine.has_input_ended() || matches!(self.toy.shut_down(), Answer::Done(()));
        self.drain();
        if is_over {
            self.tell_input_ended();
            self.is_carrier_closed = true;
        }
    }

    pub(super) fn carrier_input_ends(&mut self) {
        match self.machine.input_ended() {
            InputEnd::Ignore | InputEnd::KeepOpen => {}
            InputEnd::FailHandshake => {
                self.machine.end();
                self.is_carrier_closed = true;
            }
            InputEnd::Flush => self.flush(),
            InputEnd::FlushOutput => {
                self.send();
                self.flushed();
            }
            InputEnd::ShutDown => self.shut_down(),
        }
    }

    pub(super) fn turn_ends(&mut self) {
        self.turn += 1;
        if mem::take(&mut self.flushes_at_turns_end) && self.machine.waits_for_turns_end() {
            self.send();
        }
    }

    pub(super) fn lose(&mut self) {
        if self.machine.lost().0 {
            self.events.push("lost");
        }
    }
}
