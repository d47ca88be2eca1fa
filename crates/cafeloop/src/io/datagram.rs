//! A datagram endpoint: what is sent when, and how it ends.
//!
//! The rules are asyncio's (`_SelectorDatagramTransport` in CPython).  A datagram goes
//! at once unless others wait before it; those go in their order, each whole or not
//! at all.  One that the network refuses is gone, and the next has its turn.

use std::collections::VecDeque;

use super::looks::Looks;
use super::read_size::{ReadSize, Room};
use super::stream::Close;
use super::water_marks::WaterMarks;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Life {
    Open,
    /// Closed by its user: what waits is still sent.
    Closing,
    /// Nothing waits any more, and the protocol is going to be told.
    Lost,
    /// The protocol was told.
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Input {
    Reading,
    Paused,
}

/// To whom an endpoint sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peers {
    /// Always to the same.
    One,
    /// To whom each datagram names.  Then a last one can still be sent between the
    /// loss and when the protocol is told of it, as asyncio has it.
    Any,
}

/// What differs between endpoints.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// To whom it sends.
    pub peers: Peers,
    /// What each datagram that waits counts beside its own bytes.
    pub header: usize,
}

/// What is to be done with a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Send {
    /// Send it; if the kernel is full, [`Datagram::keep`] it.
    Now,
    /// Keep it: others wait before it.
    Later,
    /// Forget it: the endpoint is lost, and so many before found it so.
    Lost(u32),
}

/// What is to be done when those that waited were sent, as far as they could be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent {
    /// Watch for room, then send the next.
    Waits,
    /// Nothing: none waits any more.
    All,
    /// As above, and the endpoint, which was closed, is lost now.
    Lose,
}

/// A datagram endpoint; `D` holds a datagram and where it goes.
#[derive(Debug)]
pub struct Datagram<D> {
    rules: Rules,
    life: Life,
    input: Input,
    /// Each with its bytes.
    waiting: VecDeque<(D, usize)>,
    /// Of those that wait, with their headers.
    bytes: usize,
    marks: WaterMarks,
    reads: ReadSize,
    looks: Looks,
    /// Datagrams that found the endpoint lost.
    sends_lost: u32,
}

impl<D> Datagram<D> {
    /// An endpoint that is open and reads.
    pub fn new(rules: Rules) -> Self {
        Datagram {
            rules,
            life: Life::Open,
            input: Input::Reading,
            waiting: VecDeque::new(),
            bytes: 0,
            marks: WaterMarks::default(),
            reads: ReadSize::default(),
            looks: Looks::default(),
            sends_lost: 0,
        }
    }
}

// --- reading

impl<D> Datagram<D> {
    /// Whether datagrams are to be received, and so to be watched for.
    pub fn is_reading(&self) -> bool {
        self.life == Life::Open && self.input == Input::Reading
    }

    /// Where to receive the next; `None` if it is to be left alone.
    #[inline]
    pub fn room(&self) -> Option<Room> {
        self.is_reading().then(|| self.reads.room())
    }

    /// One of so many bytes was received.  Whether to look in the next turn for another
    /// that isn't reported yet, unless it is to be left alone by then.
    #[inline]
    pub fn received(&mut self, bytes: usize) -> bool {
        self.reads.received(bytes);
        self.looks.found()
    }

    /// There was none.
    pub fn received_nothing(&mut self) {
        self.looks.found_nothing();
    }

    /// Stops receiving; false if nothing was received anyway.
    pub fn pause_reading(&mut self) -> bool {
        let pauses = self.is_reading();
        if pauses {
            self.input = Input::Paused;
        }
        pauses
    }

    /// Receives again; false if it wasn't paused, or is closed.
    pub fn resume_reading(&mut self) -> bool {
        let resumes = self.life == Life::Open && self.input == Input::Paused;
        if resumes {
            self.input = Input::Reading;
        }
        resumes
    }
}

// --- sending

impl<D> Datagram<D> {
    /// What is to be done with a datagram.
    #[inline]
    pub fn send(&mut self) -> Send {
        match (self.life, self.rules.peers) {
            (Life::Over, _) | (Life::Lost, Peers::One) => {
                self.sends_lost = self.sends_lost.saturating_add(1);
                Send::Lost(self.sends_lost - 1)
            }
            _ if self.waiting.is_empty() => Send::Now,
            _ => Send::Later,
        }
    }

    /// Keeps a datagram of so many bytes until there is room.  False if it is
    /// forgotten, because the endpoint is lost.
    pub fn keep(&mut self, datagram: D, bytes: usize) -> bool {
        let keeps = !self.is_lost();
        if keeps {
            self.waiting.push_back((datagram, bytes));
            self.bytes += bytes + self.rules.header;
        }
        keeps
    }

    /// Takes the next datagram that waits: it was sent or refused, unless it is given
    /// [`back`](Datagram::put_back).
    pub fn take_next(&mut self) -> Option<(D, usize)> {
        let next = self.waiting.pop_front()?;
        self.bytes -= next.1 + self.rules.header;
        Some(next)
    }

    /// Takes back the datagram that was taken last, for which there is no room yet.
    pub fn put_back(&mut self, (datagram, bytes): (D, usize)) {
        if !self.is_lost() {
            self.waiting.push_front((datagram, bytes));
            self.bytes += bytes + self.rules.header;
        }
    }

    /// What is to be done next about those that wait.
    pub fn settle(&mut self) -> Sent {
        if !self.waiting.is_empty() {
            return Sent::Waits;
        }
        if self.life == Life::Closing {
            self.life = Life::Lost;
            return Sent::Lose;
        }
        Sent::All
    }

    /// What waits to be sent, in bytes, with its headers.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Sets the marks, in bytes, between which a sender is left alone.
    pub fn set_marks(&mut self, high: usize, low: usize) {
        (self.marks.high, self.marks.low) = (high, low);
    }

    /// Whether the sender is to be asked to pause now.
    pub fn pauses(&mut self) -> bool {
        self.marks.pauses(self.bytes)
    }

    /// Whether the sender is to be told now to go on.
    pub fn resumes(&mut self) -> bool {
        self.marks.resumes(self.bytes)
    }

    /// Whether the sender was asked to pause.
    pub fn is_paused(&self) -> bool {
        self.marks.is_paused
    }
}

// --- ends

impl<D> Datagram<D> {
    /// Whether its user has closed it, or it is lost.
    pub fn is_closing(&self) -> bool {
        self.life != Life::Open
    }

    /// Whether nothing waits, and nothing will.
    pub fn is_lost(&self) -> bool {
        matches!(self.life, Life::Lost | Life::Over)
    }

    /// Closes the endpoint: what waits is sent first.
    pub fn close(&mut self) -> Close {
        if self.life != Life::Open {
            return Close::Already;
        }
        if self.waiting.is_empty() {
            self.life = Life::Lost;
            Close::Lose
        } else {
            self.life = Life::Closing;
            Close::Later
        }
    }

    /// Ends the endpoint at once, by the user's wish or for an error.  Gives what
    /// wasn't sent; `None` if it was lost already.
    pub fn abort(&mut self) -> Option<VecDeque<(D, usize)>> {
        if self.is_lost() {
            return None;
        }
        self.life = Life::Lost;
        self.bytes = 0;
        Some(std::mem::take(&mut self.waiting))
    }

    /// The protocol was told of the loss.
    pub fn told(&mut self) -> Option<VecDeque<(D, usize)>> {
        let unsent = self.abort();
        self.life = Life::Over;
        unsent
    }
}
