//! One connection of the raw server, and what it is answered.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use crate::args::Service;
use crate::exchange::{LENGTH_BYTES, download_piece};
use crate::poller::Interest;
use crate::socket::Socket;

const HELLO: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 13\r\n\r\n\
    Hello, World!";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// Somebody who is connected.
pub(super) struct Peer {
    socket: Socket,
    state: State,
    /// Answers that the kernel didn't take.
    unsent: Vec<u8>,
}

/// What the service knows of the connection.
enum State {
    Echo,
    /// The last bytes of what arrived, that an end of a head may begin with.
    Http {
        tail: Vec<u8>,
    },
    Upload {
        length: Length,
        left: u64,
        total: u64,
    },
    Download {
        length: Length,
        left: u64,
        total: u64,
    },
}

/// The eight bytes that a transfer begins with, as they arrive.
#[derive(Default)]
struct Length(Vec<u8>);

impl Peer {
    pub(super) fn new(socket: Socket, service: Service) -> Self {
        let length = Length::default();
        let state = match service {
            Service::Echo => State::Echo,
            Service::Http => State::Http { tail: Vec::new() },
            Service::Upload => State::Upload { length, left: 0, total: 0 },
            Service::Download => State::Download { length, left: 0, total: 0 },
        };
        Peer { socket, state, unsent: Vec::new() }
    }

    /// What it waits for.
    pub(super) fn interest(&self) -> Interest {
        match (&self.state, self.unsent.is_empty()) {
            (_, false) | (State::Download { left: 1.., .. }, _) => Interest::Write,
            _ => Interest::Read,
        }
    }

    /// Reads and writes what can be; an error is the end of the connection, and
    /// so is the end of what it sends.
    pub(super) fn advance(&mut self, buffer: &mut [u8]) -> io::Result<()> {
        if self.interest() == Interest::Write {
            return self.send_rest();
        }
        let received = match self.socket.receive(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(received) => &buffer[..received],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        match &mut self.state {
            State::Echo => self.send(received),
            State::Http { tail } => {
                for _ in 0..take_heads(tail, received) {
                    self.send(HELLO)?;
                }
                Ok(())
            }
            State::Upload { length, left, total } => {
                let answers = take_upload(length, left, total, received);
                self.send(&answers)
            }
            State::Download { length, left, total } => {
                // One request at a time: more would be another protocol.
                if let Some((asked, _)) = length.take(received) {
                    (*left, *total) = (asked, asked);
                }
                self.send_rest()
            }
        }
    }

    fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        // What waits goes first.
        let sent = if bytes.is_empty() || !self.unsent.is_empty() {
            0
        } else {
            sent(self.socket.send(bytes))?
        };
        self.unsent.extend_from_slice(&bytes[sent..]);
        Ok(())
    }

    fn send_rest(&mut self) -> io::Result<()> {
        if !self.unsent.is_empty() {
            let sent = sent(self.socket.send(&self.unsent))?;
            self.unsent.drain(..sent);
        }
        if let State::Download { left, total, .. } = &mut self.state {
            while *left > 0 {
                let piece = download_piece(*total - *left, *left);
                let sent = sent(self.socket.send(piece))?;
                *left -= sent as u64;
                if sent < piece.len() {
                    break;
                }
            }
        }
        Ok(())
    }
}

impl AsFd for Peer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// How much was sent, where nothing is no error.
fn sent(answer: io::Result<usize>) -> io::Result<usize> {
    match answer {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(0),
        answer => answer,
    }
}

impl Length {
    /// Takes what is missing; the length, and how many bytes it took, once whole.
    fn take(&mut self, bytes: &[u8]) -> Option<(u64, usize)> {
        let taken = bytes.len().min(LENGTH_BYTES - self.0.len());
        self.0.extend_from_slice(&bytes[..taken]);
        let length = <[u8; LENGTH_BYTES]>::try_from(self.0.as_slice()).ok()?;
        self.0.clear();
        Some((u64::from_be_bytes(length), taken))
    }
}

/// Counts an upload, or several; returns the answers to those that are whole.
fn take_upload(length: &mut Length, left: &mut u64, total: &mut u64, bytes: &[u8]) -> Vec<u8> {
    let mut answers = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        if *left == 0 {
            let Some((announced, taken)) = length.take(rest) else { break };
            (*left, *total) = (announced, announced);
            rest = &rest[taken..];
        }
        // Cut to the length of the rest, which fits.
        #[allow(clippy::cast_possible_truncation)]
        let taken = (*left).min(rest.len() as u64) as usize;
        *left -= taken as u64;
        rest = &rest[taken..];
        if *left == 0 {
            answers.extend_from_slice(&total.to_be_bytes());
        }
    }
    answers
}

/// Counts the heads that end in `bytes`, and keeps what the next may end with.
fn take_heads(tail: &mut Vec<u8>, bytes: &[u8]) -> usize {
    // Nearly always the one request that was asked for, whole.
    if tail.is_empty() && bytes.ends_with(END_OF_HEAD) && heads(bytes) == 1 {
        return 1;
    }
    tail.extend_from_slice(bytes);
    let count = heads(tail);
    let kept = if tail.ends_with(END_OF_HEAD) { 0 } else { tail.len().min(END_OF_HEAD.len() - 1) };
    tail.drain(..tail.len() - kept);
    count
}

fn heads(bytes: &[u8]) -> usize {
    bytes.windows(END_OF_HEAD.len()).filter(|window| *window == END_OF_HEAD).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uploads_are_counted_however_they_arrive() {
        let upload = [&3_u64.to_be_bytes()[..], b"abc"].concat();
        let twice = [upload.clone(), upload.clone()].concat();
        for piece_bytes in 1..=twice.len() {
            let (mut length, mut left, mut total) = (Length::default(), 0, 0);
            let answers: Vec<u8> = twice
                .chunks(piece_bytes)
                .flat_map(|piece| take_upload(&mut length, &mut left, &mut total, piece))
                .collect();
            assert_eq!(answers, [3_u64.to_be_bytes(), 3_u64.to_be_bytes()].concat());
        }
    }

    #[test]
    fn requests_are_counted_however_they_arrive() {
        let requests = b"GET / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\n\r\n".repeat(2);
        for piece_bytes in 1..=requests.len() {
            let mut tail = Vec::new();
            let counted: usize =
                requests.chunks(piece_bytes).map(|piece| take_heads(&mut tail, piece)).sum();
            assert_eq!(counted, 4, "in pieces of {piece_bytes}");
        }
    }
}
