//! One connection of the load: it sends a request, takes the answer, and says what
//! became of it.
//!
//! It opens its transport when it needs one, so a transport that was lost, or that
//! a run of short connections has used up, is simply replaced with the next
//! request.

use std::io;
use std::time::Instant;

use crate::exchange::{Answer, Exchange};
use crate::failure::{Failure, FailureKind};
use crate::poller::{Interest, Poller};
use crate::target::Target;
use crate::transport::Transport;

pub(crate) struct Connection {
    /// What the poller calls it.
    token: usize,
    exchange: Box<dyn Exchange>,
    life: Life,
    link: Option<Link>,
    state: State,
}

/// How long a connection is used.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Life {
    AllRequests,
    OneRequest,
}

/// An open transport, and what the poller watches it for.
struct Link {
    transport: Transport,
    interest: Interest,
}

#[derive(Clone, Copy)]
enum State {
    Idle,
    Exchanging(Exchanging),
}

/// A request that isn't answered yet.
#[derive(Clone, Copy)]
struct Exchanging {
    /// When it should have been sent.
    due: Instant,
    /// When it was.
    began: Instant,
    sent: usize,
}

/// What became of a request.
pub(crate) enum Progress {
    /// Nothing yet, or there was none.
    Pending,
    /// It was answered; it was due then, and was about so many bytes.
    Answered {
        due: Instant,
        payload_bytes: u64,
    },
    Failed(Failure),
    /// There was none, and yet something came.
    Unasked(Failure),
}

impl Connection {
    pub(crate) fn new(token: usize, exchange: Box<dyn Exchange>, life: Life) -> Self {
        Connection { token, exchange, life, link: None, state: State::Idle }
    }

    /// Begins the request with this number, and sends what can be sent.
    pub(crate) fn begin(
        &mut self,
        target: &Target,
        poller: &Poller,
        number: u64,
        due: Instant,
        now: Instant,
    ) -> Result<(), Failure> {
        self.exchange.begin(number);
        let mut exchanging = Exchanging { due, began: now, sent: 0 };
        let begun = self.send_first(target, poller, &mut exchanging);
        self.state = State::Exchanging(exchanging);
        begun.map_err(|error| self.fail(error))
    }

    fn send_first(
        &mut self,
        target: &Target,
        poller: &Poller,
        exchanging: &mut Exchanging,
    ) -> io::Result<()> {
        if let Some(link) = &mut self.link {
            send(&mut link.transport, &*self.exchange, exchanging)?;
            return link.watch(poller, self.token, self.exchange.has_unsent(exchanging.sent));
        }
        let mut transport = Transport::connect(target)?;
        send(&mut transport, &*self.exchange, exchanging)?;
        let interest = interest(&transport, self.exchange.has_unsent(exchanging.sent));
        poller.add(&transport, self.token, interest)?;
        self.link = Some(Link { transport, interest });
        Ok(())
    }

    /// Goes on, after the poller has found it ready.  An event for a transport that
    /// was replaced meanwhile does no harm: the new one isn't ready, and says so.
    pub(crate) fn advance(&mut self, poller: &Poller, buffer: &mut [u8]) -> Progress {
        let answer = match self.state {
            State::Idle => return self.look_into_silence(buffer),
            State::Exchanging(_) => self.go_on(poller, buffer),
        };
        match (answer, self.state) {
            (Ok(Answer::Partial), _) | (_, State::Idle) => Progress::Pending,
            (Ok(answer), State::Exchanging(Exchanging { due, .. })) => {
                self.state = State::Idle;
                if answer == Answer::WholeAndLast || self.life == Life::OneRequest {
                    self.close();
                }
                Progress::Answered { due, payload_bytes: self.exchange.payload_bytes() }
            }
            (Err(failure), State::Exchanging(_)) => Progress::Failed(self.fail(failure)),
        }
    }

    fn go_on(&mut self, poller: &Poller, buffer: &mut [u8]) -> Result<Answer, Failure> {
        let (Some(link), State::Exchanging(exchanging)) = (&mut self.link, &mut self.state) else {
            return Ok(Answer::Partial);
        };
        send(&mut link.transport, &*self.exchange, exchanging)?;
        let answer = loop {
            let received = match link.transport.receive(buffer) {
                Ok(0) => return Err(Failure::closed()),
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break Answer::Partial,
                Err(error) => return Err(error.into()),
            };
            let answer = self.exchange.receive(&buffer[..received])?;
            if answer != Answer::Partial || !link.transport.may_have_more(received, buffer) {
                break answer;
            }
        };
        let has_unsent = self.exchange.has_unsent(exchanging.sent);
        if has_unsent && answer != Answer::Partial {
            let detail = "the answer was whole before the request was";
            return Err(Failure::new(FailureKind::WrongBytes, detail));
        }
        link.watch(poller, self.token, has_unsent)?;
        Ok(answer)
    }

    /// Nothing was asked: a server may say goodbye, and nothing else.
    fn look_into_silence(&mut self, buffer: &mut [u8]) -> Progress {
        let received = match &mut self.link {
            Some(link) => link.transport.receive(buffer),
            None => return Progress::Pending,
        };
        match received {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Progress::Pending,
            Ok(0) | Err(_) => {
                self.link = None;
                Progress::Pending
            }
            Ok(received) => Progress::Unasked(self.fail(Failure::new(
                FailureKind::WrongBytes,
                format!("{received} bytes came that nobody had asked for"),
            ))),
        }
    }

    /// Gives up a request that was sent before `deadline` and has no answer.
    pub(crate) fn give_up_if_begun_before(&mut self, deadline: Instant) -> Option<Failure> {
        match self.state {
            State::Exchanging(Exchanging { began, .. }) if began < deadline => {
                Some(self.fail(Failure::new(FailureKind::TimedOut, "no answer in time")))
            }
            _ => None,
        }
    }

    /// Nothing more can be learnt from this transport.
    fn fail(&mut self, failure: impl Into<Failure>) -> Failure {
        self.link = None;
        self.state = State::Idle;
        failure.into()
    }

    fn close(&mut self) {
        if let Some(link) = self.link.take() {
            link.transport.close();
        }
    }
}

impl Link {
    fn watch(&mut self, poller: &Poller, token: usize, has_unsent: bool) -> io::Result<()> {
        let interest = interest(&self.transport, has_unsent);
        if interest != self.interest {
            poller.modify(&self.transport, token, interest)?;
            self.interest = interest;
        }
        Ok(())
    }
}

fn interest(transport: &Transport, has_unsent: bool) -> Interest {
    if transport.waits_for_room(has_unsent) { Interest::ReadAndWrite } else { Interest::Read }
}

/// Sends as much of the request as the transport takes.
fn send(
    transport: &mut Transport,
    exchange: &dyn Exchange,
    exchanging: &mut Exchanging,
) -> io::Result<()> {
    loop {
        let unsent = exchange.unsent(exchanging.sent);
        if unsent.is_empty() {
            return Ok(());
        }
        match transport.send(unsent) {
            Ok(0) => return Ok(()),
            Ok(sent) => exchanging.sent += sent,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}
