//! A stream connection: what is read when, what is sent when, and how it ends.
//!
//! Four things are independent of each other, and each is an enum below: the
//! connection's life, its input, its output, and how what waits is going to be
//! sent.  The rules are asyncio's (`_SelectorSocketTransport` in CPython), and one
//! of our own: the first write of a turn is sent at once, the others of the same
//! turn together at its end, also those of other connections that are small.  A
//! connection that wrote several times in the last turn in which it wrote is expected
//! to do so again, and then all go together.

use super::looks::Looks;
use super::read_size::{LARGE_READ, ReadSize, Room};
use super::turn_writes::{Turn, TurnWrites};
use super::water_marks::WaterMarks;
use super::write_queue::WriteQueue;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// Closed by its user: what was written is still delivered.
    Closing,
    /// Nothing is read or sent any more.
    Lost,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Reading,
    Paused,
    /// The other side has ended its writing, and ours goes on.
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Open,
    /// Somebody else sends on the socket, for instance a file; `ends` if the
    /// writing is to be ended when it comes back.
    Lent {
        ends: bool,
    },
    /// To be ended when all was sent.
    Ending,
    Ended,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sending {
    /// Nothing waits.
    Idle,
    /// At the end of the turn.
    AtTurnsEnd,
    /// When the kernel has room again.
    WhenThereIsRoom,
}

/// What is to be done with bytes that the user writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// Nothing: there are none.
    Nothing,
    /// Send them, then say what the kernel took: [`Stream::sent_at_once`].
    Now,
    /// Hand them over with [`Stream::keep`].
    Later,
    /// Forget them: the connection is lost, and so many writes before found it so.
    Lost(u32),
}

/// Why a write is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The writing was ended.
    Ended,
    /// The socket is lent to somebody else.
    Lent,
}

/// What is to be done after bytes were kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nothing: there is a time for them already.
    Wait,
    /// Send at the end of this turn.
    SendAtTurnsEnd,
    /// Send now: more waits than is worth a call of the kernel's.
    SendNow,
}

/// What is to be done after something was sent, or nothing could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// Watch for room, then send what waits.
    Waits,
    /// Nothing waits any more.
    Idle,
    /// As above, and whoever wanted to borrow the socket may have it.
    Drained,
    /// As above, and the writing is to be ended.
    EndWriting,
    /// As above, and the connection, which was closed, is lost now.
    Lose,
}

/// How the writing ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has been ended, or the connection is closed.
    Already,
    /// Now.
    Now,
    /// When all was sent.
    Later,
}

/// How a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// It was.
    Already,
    /// It is lost now.
    Lose,
    /// It is lost when all was sent; nothing is read any more.
    Later,
}

/// A stream connection; `C` holds bytes that were written.
#[derive(Debug)]
pub struct Stream<C> {
    life: Life,
    input: Input,
    output: Output,
    sending: Sending,
    queue: WriteQueue<C>,
    marks: WaterMarks,
    reads: ReadSize,
    looks: Looks,
    writes: TurnWrites,
    /// Writes that found the connection lost.
    writes_lost: u32,
}

impl<C> Default for Stream<C> {
    fn default() -> Self {
        Stream {
            life: Life::Open,
            input: Input::Reading,
            output: Output::Open,
            sending: Sending::Idle,
            queue: WriteQueue::new(),
            marks: WaterMarks::default(),
            reads: ReadSize::default(),
            looks: Looks::default(),
            writes: TurnWrites::default(),
            writes_lost: 0,
        }
    }
}

// --- reading

impl<C> Stream<C> {
    /// Whether the user wants to read.
    pub fn is_reading(&self) -> bool {
        self.life == Life::Open && self.input != Input::Paused
    }

    /// Whether readable bytes are to be read, and so to be watched for.
    pub fn wants_input(&self) -> bool {
        self.life == Life::Open && self.input == Input::Reading
    }

    /// Where to receive what has come; `None` if it is to be left alone.
    #[inline]
    pub fn room(&self) -> Option<Room> {
        self.wants_input().then(|| self.reads.room())
    }

    /// So many bytes were received.  Whether to look for more that isn't reported yet, if
    /// nobody else has anything to do.
    #[inline]
    pub fn received(&mut self, bytes: usize) -> bool {
        self.reads.received(bytes);
        bytes >= LARGE_READ && self.looks.found()
    }

    /// There was nothing.
    pub fn received_nothing(&mut self) {
        self.looks.found_nothing();
    }

    /// The other side has ended its writing, and ours stays open.
    pub fn input_ended(&mut self) {
        self.input = Input::Ended;
    }

    /// Stops reading; false if it was paused, or is closed.  After the other side's end it
    /// is found again by whoever resumes, as asyncio has it: the protocol may be another by
    /// then.
    pub fn pause_reading(&mut self) -> bool {
        let pauses = self.is_reading();
        if pauses {
            self.input = Input::Paused;
        }
        pauses
    }

    /// Reads again; false if it wasn't paused, or is closed.
    pub fn resume_reading(&mut self) -> bool {
        let resumes = self.life == Life::Open && self.input == Input::Paused;
        if resumes {
            self.input = Input::Reading;
        }
        resumes
    }
}

// --- writing

impl<C> Stream<C> {
    /// What is to be done with `bytes` bytes.  `turn` is the loop's; `None` if no
    /// loop runs, whose turn could end.
    #[inline]
    pub fn write(&mut self, bytes: usize, turn: Option<Turn>) -> Result<Write, Refused> {
        match self.output {
            Output::Open => {}
            Output::Lent { .. } => return Err(Refused::Lent),
            Output::Ending | Output::Ended => return Err(Refused::Ended),
        }
        if bytes == 0 {
            return Ok(Write::Nothing);
        }
        if self.life == Life::Lost {
            return Ok(Write::Lost(self.lose_write()));
        }
        let goes_now = self.writes.goes_at_once(turn, bytes) && self.sending == Sending::Idle;
        Ok(if goes_now { Write::Now } else { Write::Later })
    }

    /// A write was lost, and so many before it.
    pub fn lose_write(&mut self) -> u32 {
        let before = self.writes_lost;
        self.writes_lost = before.saturating_add(1);
        before
    }

    /// Of `bytes` bytes that were sent at once the kernel took the first `taken`;
    /// `body` gives what holds them, if that isn't all.
    pub fn sent_at_once(&mut self, bytes: usize, taken: usize, body: impl FnOnce() -> C) {
        if taken < bytes {
            self.queue.push(body(), taken..bytes);
            self.sending = Sending::WhenThereIsRoom;
        }
    }

    /// Keeps bytes that can't be sent at once.
    pub fn keep(&mut self, body: C, bytes: usize) -> Keep {
        self.queue.push(body, 0..bytes);
        match self.sending {
            Sending::WhenThereIsRoom => Keep::Wait,
            _ if self.queue.bytes() > self.marks.until_turns_end() => Keep::SendNow,
            Sending::AtTurnsEnd => Keep::Wait,
            Sending::Idle => {
                self.sending = Sending::AtTurnsEnd;
                Keep::SendAtTurnsEnd
            }
        }
    }

    /// Whether something waits for the end of the turn.  Whatever depends on it
    /// having been sent, as in asyncio it would have been, sends it first.
    pub fn waits_for_turns_end(&self) -> bool {
        self.sending == Sending::AtTurnsEnd
    }

    /// What waits to be sent.
    pub fn queue(&self) -> &WriteQueue<C> {
        &self.queue
    }

    /// The kernel took so many bytes of what waits, which may be none.  Then ask
    /// [`resumes`](Stream::resumes), then [`settle`](Stream::settle).
    pub fn sent(&mut self, taken: usize) {
        self.queue.advance(taken);
        self.sending = if self.queue.is_empty() { Sending::Idle } else { Sending::WhenThereIsRoom };
    }

    /// What is to be done next about the output.
    pub fn settle(&mut self) -> Settled {
        if !self.queue.is_empty() {
            return Settled::Waits;
        }
        match (self.life, self.output) {
            (Life::Closing, _) => {
                self.life = Life::Lost;
                Settled::Lose
            }
            (Life::Open, Output::Ending) => {
                self.output = Output::Ended;
                Settled::EndWriting
            }
            (Life::Open, Output::Lent { .. }) => Settled::Drained,
            _ => Settled::Idle,
        }
    }

    /// Sets the marks, in bytes, between which a writer is left alone.
    pub fn set_marks(&mut self, high: usize, low: usize) {
        (self.marks.high, self.marks.low) = (high, low);
    }

    /// Whether the writer is to be asked to pause now: not for what waits only for the end
    /// of the turn, which the kernel may have room for.
    pub fn pauses(&mut self) -> bool {
        self.sending == Sending::WhenThereIsRoom && self.marks.pauses(self.queue.bytes())
    }

    /// Whether the writer is to be told now to go on.
    pub fn resumes(&mut self) -> bool {
        self.marks.resumes(self.queue.bytes())
    }

    /// Whether the writer was asked to pause.
    pub fn is_paused(&self) -> bool {
        self.marks.is_paused
    }

    /// Lends the socket to somebody who writes to it: until it is returned, writes
    /// are refused.  False if it is lent already.  It may be used when nothing
    /// waits any more.
    pub fn lend(&mut self) -> bool {
        let lends = !self.is_lent();
        if lends {
            self.output = Output::Lent { ends: self.output != Output::Open };
        }
        lends
    }

    /// Whether it is lent.
    pub fn is_lent(&self) -> bool {
        matches!(self.output, Output::Lent { .. })
    }

    /// The socket is back; true if the writing is to be ended now.
    pub fn give_back(&mut self) -> bool {
        let Output::Lent { ends } = self.output else { return false };
        self.output = if ends { Output::Ended } else { Output::Open };
        ends && self.life == Life::Open
    }
}

// --- ends

impl<C> Stream<C> {
    /// Whether its user has closed it, or it is lost.
    pub fn is_closing(&self) -> bool {
        self.life != Life::Open
    }

    /// Whether nothing is read or sent any more.
    pub fn is_lost(&self) -> bool {
        self.life == Life::Lost
    }

    /// Ends the writing; reading goes on.
    pub fn end_writing(&mut self) -> End {
        match self.output {
            _ if self.life != Life::Open => End::Already,
            Output::Ending | Output::Ended | Output::Lent { ends: true } => End::Already,
            Output::Lent { ends: false } => {
                self.output = Output::Lent { ends: true };
                End::Later
            }
            Output::Open if self.queue.is_empty() => {
                self.output = Output::Ended;
                End::Now
            }
            Output::Open => {
                self.output = Output::Ending;
                End::Later
            }
        }
    }

    /// Closes the connection: what was written is delivered first.
    pub fn close(&mut self) -> Close {
        if self.life != Life::Open {
            return Close::Already;
        }
        if self.queue.is_empty() {
            self.life = Life::Lost;
            Close::Lose
        } else {
            self.life = Life::Closing;
            Close::Later
        }
    }

    /// Ends the connection at once, by the user's wish or for an error.  Gives what
    /// wasn't sent; `None` if the connection was lost already.
    pub fn abort(&mut self) -> Option<WriteQueue<C>> {
        if self.life == Life::Lost {
            return None;
        }
        self.life = Life::Lost;
        self.sending = Sending::Idle;
        Some(self.queue.take())
    }
}
