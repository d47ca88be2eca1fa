//! A message that must come back as it was sent.

use std::ops::Range;
use std::rc::Rc;

use super::{Answer, Exchange};
use crate::failure::{Failure, FailureKind};
use crate::tape::Tape;

pub(crate) struct Echo {
    tape: Rc<Tape>,
    /// Where on the tape the message stands.
    message: Range<usize>,
    /// The message is sent in pieces of so many bytes, the last may be shorter.
    piece_bytes: usize,
    received: usize,
}

impl Echo {
    /// Messages from `tape`, each sent by so many `writes`.
    pub(crate) fn new(tape: Rc<Tape>, writes: usize) -> Self {
        let message = tape.place(0);
        let piece_bytes = message.len().div_ceil(writes);
        Echo { tape, message, piece_bytes, received: 0 }
    }
}

impl Exchange for Echo {
    fn begin(&mut self, number: u64) {
        self.message = self.tape.place(number);
        self.received = 0;
    }

    fn unsent(&self, sent: usize) -> &[u8] {
        let piece_end = (sent / self.piece_bytes + 1) * self.piece_bytes;
        let end = piece_end.min(self.message.len());
        self.tape.bytes(self.message.start + sent..self.message.start + end)
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Answer, Failure> {
        let expected = self.tape.bytes(self.message.start + self.received..self.message.end);
        if !expected.starts_with(bytes) {
            return Err(wrong(self.received, expected, bytes));
        }
        self.received += bytes.len();
        Ok(if bytes.len() == expected.len() { Answer::Whole } else { Answer::Partial })
    }

    fn payload_bytes(&self) -> u64 {
        self.message.len() as u64
    }
}

/// Says what is wrong about bytes that aren't the expected ones.
pub(super) fn wrong(position: usize, expected: &[u8], found: &[u8]) -> Failure {
    let alike = expected.iter().zip(found).take_while(|(one, other)| one == other).count();
    let place = position + alike;
    let detail = match (expected.get(alike), found.get(alike)) {
        (Some(expected), Some(found)) => {
            format!("byte {place} of the answer is {found:#04x}, expected {expected:#04x}")
        }
        _ => format!("the answer goes on after {place} bytes, where it should end"),
    };
    Failure::new(FailureKind::WrongBytes, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn echo(bytes: usize, writes: usize) -> Echo {
        Echo::new(Rc::new(Tape::new(bytes)), writes)
    }

    /// The request, as the pieces in which it is sent.
    fn pieces(echo: &Echo) -> Vec<Vec<u8>> {
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        let mut sent = 0;
        while !echo.unsent(sent).is_empty() {
            pieces.push(echo.unsent(sent).to_owned());
            sent += echo.unsent(sent).len();
        }
        pieces
    }

    #[test]
    fn a_message_is_sent_by_as_many_writes_as_were_asked_for() {
        for (writes, lengths) in [(1, vec![10]), (2, vec![5, 5]), (3, vec![4, 4, 2])] {
            let pieces = pieces(&echo(10, writes));
            assert_eq!(pieces.iter().map(Vec::len).collect::<Vec<_>>(), lengths);
        }
    }

    #[test]
    fn a_piece_that_was_sent_in_part_goes_on_where_it_stopped() {
        let echo = echo(10, 2);
        let whole = pieces(&echo).concat();
        assert_eq!(echo.unsent(3), &whole[3..5]);
        assert_eq!(echo.unsent(6), &whole[6..10]);
    }

    #[test]
    fn what_comes_back_in_pieces_is_whole_with_the_last() {
        let mut echo = echo(10, 1);
        for number in [0, 7, 7] {
            echo.begin(number);
            let message = pieces(&echo).concat();
            assert_eq!(echo.receive(&message[..4]).ok(), Some(Answer::Partial));
            assert_eq!(echo.receive(&message[4..]).ok(), Some(Answer::Whole));
        }
    }

    #[test]
    fn a_byte_that_differs_is_named() {
        let mut echo = echo(10, 1);
        let mut message = pieces(&echo).concat();
        message[6] ^= 1;
        assert_eq!(echo.receive(&message[..5]).ok(), Some(Answer::Partial));
        let failure = echo.receive(&message[5..]).expect_err("it isn't what was sent");
        assert_eq!(failure.kind, FailureKind::WrongBytes);
        assert!(failure.detail.starts_with("byte 6 of the answer is"), "{}", failure.detail);
    }

    #[test]
    fn an_answer_to_another_request_is_wrong() {
        let mut echo = echo(64, 1);
        let earlier = pieces(&echo).concat();
        echo.begin(1);
        assert!(echo.receive(&earlier).is_err());
    }

    #[test]
    fn an_answer_that_is_too_long_is_wrong() {
        let mut echo = echo(10, 1);
        let message = [pieces(&echo).concat(), vec![0]].concat();
        let failure = echo.receive(&message).expect_err("it is longer than what was sent");
        assert_eq!(failure.detail, "the answer goes on after 10 bytes, where it should end");
    }
}
