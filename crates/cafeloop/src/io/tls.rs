//! A TLS connection inside of another connection, its carrier: when to shake hands,
//! to decrypt, to encrypt, to hand on, and how it ends.
//!
//! It decides and counts; whoever drives it has the library that encrypts, with a
//! memory for what came from the carrier (incoming) and one for what goes there
//! (outgoing).  The rules are those of asyncio (`sslproto.py` in CPython), and that
//! of [`Stream`](super::Stream): the first write of a turn is encrypted and sent at
//! once, the others of the same turn together at its end, in as few records as they
//! fill.

use super::stream::{Keep, Write};
use super::turn_writes::{Turn, TurnWrites};
use super::write_queue::WriteQueue;

/// The most that one record holds, in bytes (RFC 8446, 5.1).
pub const RECORD: usize = 16 * 1024;

/// Once so many bytes wait for the end of the turn, waiting saves no record.
const ENOUGH: usize = 4 * RECORD;

/// asyncio's defaults, in bytes (`FLOW_CONTROL_HIGH_WATER_SSL_*` in its constants).
const HIGH_INCOMING: usize = 256 * 1024;
const HIGH_OUTGOING: usize = 512 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    /// The carrier isn't there yet.
    Fresh,
    ShakingHands,
    Open,
    /// Closed, or the carrier's input has ended: what is left is read and encrypted.
    Flushing,
    /// What is left was encrypted; the other side's last word is waited for.
    ShuttingDown,
    /// Nothing is read or sent any more.
    Ended,
}

/// What the user of the connection has been told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Made,
    InputEnded,
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reading {
    Wanted,
    Paused,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CarrierInput {
    Open,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum CarrierOutput {
    Open,
    /// It asked to be given nothing for now.
    Full,
}

/// What becomes of the bytes that wait to be encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Waiting {
    /// They wait for the handshake, or there are none.
    Nothing,
    ForTurnsEnd,
    /// The library needs something from the other side first.
    ForInput,
}

/// What is to be done when bytes have come from the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it is too late for them.
    Nothing,
    /// Go on with the handshake.
    ShakeHands,
    /// Decrypt, and hand on.
    Read,
    /// The same, for the last time; then shut down.
    Flush,
    /// Go on with the shutdown.
    ShutDown,
}

/// What is to be done when the carrier's input has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputEnd {
    /// Nothing.
    Ignore,
    /// The handshake has failed.
    FailHandshake,
    /// Read and encrypt what is left, then shut down.
    Flush,
    /// The same, but later: the user doesn't read now, and is to have all of it.
    KeepOpen,
    /// Encrypt what is left, then shut down.
    FlushOutput,
    /// Go on with the shutdown.
    ShutDown,
}

/// How a connection is closed by its user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It is closed already.
    Already,
    /// In the midst of its handshake: there is nothing to shut down.
    Abort,
    /// Read and encrypt what is left, then shut down.
    Flush,
}

/// What is to be encrypted next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// What is left of the first chunk: it fills a record, or is all there is.
    Chunk,
    /// So many bytes of several chunks, for one record.
    Gathered(usize),
}

/// Whether somebody is to stop filling a memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// As before.
    Leave,
    /// Stop.
    Pause,
    /// Go on.
    Resume,
}

/// Unlike those of a stream, asyncio's marks for TLS count from the high one on.
#[derive(Debug)]
struct Marks {
    high: usize,
    low: usize,
    is_paused: bool,
}

impl Marks {
    fn new(high: usize) -> Self {
        Marks { high, low: high / 4, is_paused: false }
    }

    #[inline]
    fn judge(&mut self, bytes: usize) -> Flow {
        if bytes >= self.high && !self.is_paused {
            self.is_paused = true;
            Flow::Pause
        } else if bytes <= self.low && self.is_paused {
            self.is_paused = false;
            Flow::Resume
        } else {
            Flow::Leave
        }
    }
}

/// A TLS connection; `C` holds bytes that were written and not yet encrypted.
#[derive(Debug)]
pub struct Tls<C> {
    life: Life,
    told: Told,
    reading: Reading,
    carrier_input: CarrierInput,
    carrier_output: CarrierOutput,
    waiting: Waiting,
    queue: WriteQueue<C>,
    writes: TurnWrites,
    incoming: Marks,
    outgoing: Marks,
    /// Writes that came too late.
    writes_lost: u32,
}

impl<C> Default for Tls<C> {
    fn default() -> Self {
        Tls {
            life: Life::Fresh,
            told: Told::Nothing,
            reading: Reading::Wanted,
            carrier_input: CarrierInput::Open,
            carrier_output: CarrierOutput::Open,
            waiting: Waiting::Nothing,
            queue: WriteQueue::new(),
            writes: TurnWrites::default(),
            incoming: Marks::new(HIGH_INCOMING),
            outgoing: Marks::new(HIGH_OUTGOING),
            writes_lost: 0,
        }
    }
}

// --- the handshake

impl<C> Tls<C> {
    /// One whose user was there before it, and knows that a connection is made.
    pub fn upgrading() -> Self {
        Tls { told: Told::Made, ..Tls::default() }
    }

    /// The carrier is there: shake hands.  False if it is too late for that.
    pub fn begin(&mut self) -> bool {
        let begins = self.life == Life::Fresh;
        if begins {
            self.life = Life::ShakingHands;
        }
        begins
    }

    /// The handshake is done.  False if the connection has ended meanwhile.
    pub fn open(&mut self) -> bool {
        let opens = self.life == Life::ShakingHands;
        if opens {
            self.life = Life::Open;
        }
        opens
    }

    /// Whether hands are being shaken.
    pub fn is_shaking_hands(&self) -> bool {
        self.life == Life::ShakingHands
    }

    /// Whether the user is to be told now that the connection is made.
    pub fn tells_made(&mut self) -> bool {
        let tells = self.told == Told::Nothing;
        if tells {
            self.told = Told::Made;
        }
        tells
    }
}

// --- reading

impl<C> Tls<C> {
    /// What is to be done with what came from the carrier.
    #[inline]
    pub fn next(&self) -> Next {
        match self.life {
            Life::Fresh | Life::Ended => Next::Nothing,
            Life::ShakingHands => Next::ShakeHands,
            Life::Open => Next::Read,
            Life::Flushing => Next::Flush,
            Life::ShuttingDown => Next::ShutDown,
        }
    }

    /// Whether there is anything to decrypt now or later.
    #[inline]
    pub fn may_read(&self) -> bool {
        matches!(self.life, Life::Open | Life::Flushing)
    }

    /// Whether the user wants to read.
    #[inline]
    pub fn is_reading(&self) -> bool {
        self.reading == Reading::Wanted
    }

    /// Hands on nothing until [`resume_reading`](Tls::resume_reading).
    pub fn pause_reading(&mut self) {
        self.reading = Reading::Paused;
    }

    /// Hands on again; false if it wasn't paused.  What has come meanwhile is to be
    /// dealt with a turn later, as [`next`](Tls::next) says.
    pub fn resume_reading(&mut self) -> bool {
        let resumes = self.reading == Reading::Paused;
        self.reading = Reading::Wanted;
        resumes
    }

    /// Whether the carrier is to stop reading, with so many bytes not decrypted.
    #[inline]
    pub fn incoming(&mut self, bytes: usize) -> Flow {
        self.incoming.judge(bytes)
    }

    /// Whether the user is to be told now that the other side has ended its writing.
    pub fn tells_input_ended(&mut self) -> bool {
        let tells = self.told == Told::Made;
        if tells {
            self.told = Told::InputEnded;
        }
        tells
    }
}

// --- writing

impl<C> Tls<C> {
    /// What is to be done with `bytes` bytes.  `turn` is the loop's; `None` if no
    /// loop runs, whose turn could end.
    #[inline]
    pub fn write(&mut self, bytes: usize, turn: Option<Turn>) -> Write {
        if bytes == 0 {
            return Write::Nothing;
        }
        match self.life {
            Life::Fresh | Life::ShakingHands => Write::Later,
            Life::Open => {
                let goes_now = self.writes.goes_at_once(turn, bytes) && self.queue.is_empty();
                if goes_now { Write::Now } else { Write::Later }
            }
            Life::Flushing | Life::ShuttingDown | Life::Ended => {
                self.writes_lost = self.writes_lost.saturating_add(1);
                Write::Lost(self.writes_lost - 1)
            }
        }
    }

    /// Of `bytes` bytes that were to go at once the first `taken` were encrypted.
    /// If that isn't all, `body` gives what holds them; then see to the rest, unless
    /// none was taken: [`is_stuck`](Tls::is_stuck) tells it apart.
    pub fn encrypted_at_once(&mut self, bytes: usize, taken: usize, body: impl FnOnce() -> C) {
        if taken < bytes {
            self.queue.push(body(), taken..bytes);
            self.waiting = if taken == 0 { Waiting::ForInput } else { Waiting::ForTurnsEnd };
        }
    }

    /// Keeps bytes that can't be encrypted at once.
    pub fn keep(&mut self, body: C, bytes: usize) -> Keep {
        self.queue.push(body, 0..bytes);
        if self.life != Life::Open || self.waiting == Waiting::ForInput {
            return Keep::Wait;
        }
        if self.queue.bytes() >= ENOUGH.min(self.outgoing.high) {
            return Keep::SendNow;
        }
        match self.waiting {
            Waiting::ForTurnsEnd | Waiting::ForInput => Keep::Wait,
            Waiting::Nothing => {
                self.waiting = Waiting::ForTurnsEnd;
                Keep::SendAtTurnsEnd
            }
        }
    }

    /// Whether something waits for the end of the turn.  Whatever depends on it
    /// having been sent, as in asyncio it would have been, sends it first.
    #[inline]
    pub fn waits_for_turns_end(&self) -> bool {
        self.waiting == Waiting::ForTurnsEnd
    }

    /// Whether the library wants something from the other side before it encrypts.
    pub fn is_stuck(&self) -> bool {
        self.waiting == Waiting::ForInput
    }

    /// What waits to be encrypted.
    pub fn queue(&self) -> &WriteQueue<C> {
        &self.queue
    }

    /// What of it is to be encrypted next; `None` if there is nothing, or it can't be.
    pub fn offer(&self) -> Option<Offer> {
        if !matches!(self.life, Life::Open | Life::Flushing) {
            return None;
        }
        let mut lengths = self.queue.iter().map(|(_, left)| left.len());
        let first = lengths.next()?;
        let is_all = first == self.queue.bytes();
        if is_all || first >= RECORD {
            return Some(Offer::Chunk);
        }
        Some(Offer::Gathered(RECORD.min(self.queue.bytes())))
    }

    /// So many bytes of what waits were encrypted.
    pub fn encrypted(&mut self, bytes: usize) {
        self.queue.advance(bytes);
        if self.queue.is_empty() {
            self.waiting = Waiting::Nothing;
        }
    }

    /// The library wants something from the other side before it encrypts more.
    pub fn stuck(&mut self) {
        self.waiting = Waiting::ForInput;
    }

    /// Whether the carrier takes what was encrypted.
    #[inline]
    pub fn may_send(&self) -> bool {
        self.carrier_output == CarrierOutput::Open
    }

    /// The carrier asks to be given nothing for now; false if it has.
    pub fn carrier_is_full(&mut self) -> bool {
        let was_open = self.may_send();
        self.carrier_output = CarrierOutput::Full;
        was_open
    }

    /// The carrier has room again; false if it had.
    pub fn carrier_has_room(&mut self) -> bool {
        let was_full = !self.may_send();
        self.carrier_output = CarrierOutput::Open;
        was_full
    }

    /// Whether the user is to stop writing, with so many encrypted bytes not sent.
    #[inline]
    pub fn outgoing(&mut self, bytes: usize) -> Flow {
        self.outgoing.judge(bytes + self.queue.bytes())
    }

    /// Whether the user was asked to stop writing.
    pub fn is_paused(&self) -> bool {
        self.outgoing.is_paused
    }
}

// --- marks, in bytes

impl<C> Tls<C> {
    /// How much may come before the carrier is asked to stop reading, and at how
    /// little it may go on.
    pub fn set_incoming_marks(&mut self, high: usize, low: usize) {
        (self.incoming.high, self.incoming.low) = (high, low);
    }

    /// How much may wait before the user is asked to stop writing, and at how little
    /// it may go on.
    pub fn set_outgoing_marks(&mut self, high: usize, low: usize) {
        (self.outgoing.high, self.outgoing.low) = (high, low);
    }
}

// --- ends

impl<C> Tls<C> {
    /// The carrier's input has ended.
    pub fn input_ended(&mut self) -> InputEnd {
        self.carrier_input = CarrierInput::Ended;
        match self.life {
            Life::Fresh | Life::Ended => InputEnd::Ignore,
            Life::ShakingHands => InputEnd::FailHandshake,
            Life::Open => {
                self.life = Life::Flushing;
                if self.is_reading() { InputEnd::Flush } else { InputEnd::KeepOpen }
            }
            Life::Flushing => InputEnd::FlushOutput,
            Life::ShuttingDown => InputEnd::ShutDown,
        }
    }

    /// Whether the carrier's input has ended: then the other side's last word, if it
    /// wasn't among what came, isn't waited for.
    pub fn has_input_ended(&self) -> bool {
        self.carrier_input == CarrierInput::Ended
    }

    /// The user closes the connection.
    pub fn close(&mut self) -> Close {
        match self.life {
            Life::Flushing | Life::ShuttingDown | Life::Ended => Close::Already,
            Life::ShakingHands => Close::Abort,
            // When the carrier comes it is closed.
            Life::Fresh => {
                self.life = Life::Ended;
                Close::Abort
            }
            Life::Open => {
                self.life = Life::Flushing;
                Close::Flush
            }
        }
    }

    /// What was left is read and encrypted.  False if the shutdown has begun, or the
    /// connection has ended, meanwhile.
    pub fn flushed(&mut self) -> bool {
        let begins = self.life == Life::Flushing;
        if begins {
            self.life = Life::ShuttingDown;
        }
        begins
    }

    /// Whether the connection is closed and its end is on its way.
    pub fn is_closing(&self) -> bool {
        matches!(self.life, Life::Flushing | Life::ShuttingDown)
    }

    /// The end, by the user's wish or for an error: the carrier is closed.
    pub fn end(&mut self) {
        self.life = Life::Ended;
        self.waiting = Waiting::Nothing;
    }

    /// The carrier is lost.  Gives whether the user is to be told so, and what wasn't
    /// encrypted.
    pub fn lost(&mut self) -> (bool, WriteQueue<C>) {
        let is_known = matches!(self.told, Told::Made | Told::InputEnded);
        let tells = is_known && self.life != Life::ShakingHands;
        if tells {
            self.told = Told::Lost;
        }
        self.life = Life::Ended;
        self.waiting = Waiting::Nothing;
        self.writes_lost = self.writes_lost.saturating_add(1);
        (tells, self.queue.take())
    }
}
