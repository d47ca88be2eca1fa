//! An exchange: one request and its answer, again and again on one connection.
//!
//! It is bytes in and bytes out, and a judgement; it knows no socket and no clock.

mod download;
mod echo;
mod http;
mod upload;

pub(crate) use download::{Download, download_piece};
pub(crate) use echo::Echo;
pub(crate) use http::{Http, HttpJob};
pub(crate) use upload::{Upload, UploadJob};

use crate::failure::Failure;

/// What one connection says, and what it expects to hear.
pub(crate) trait Exchange {
    /// Begins the next request; each of a run has another number.
    fn begin(&mut self, number: u64);

    /// What to send next, in one piece, after `sent` bytes of the request; empty
    /// when it was sent whole.
    fn unsent(&self, sent: usize) -> &[u8];

    fn has_unsent(&self, sent: usize) -> bool {
        !self.unsent(sent).is_empty()
    }

    /// Takes what has arrived, and says whether the answer is whole.
    fn receive(&mut self, bytes: &[u8]) -> Result<Answer, Failure>;

    /// Bytes that the last exchange was about, counted once.
    fn payload_bytes(&self) -> u64;
}

/// How far an answer has come.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Partial,
    Whole,
    /// And the server closes the connection.
    WholeAndLast,
}

/// The lengths that uploads and downloads begin with: eight bytes, the first the
/// most significant.
pub(crate) const LENGTH_BYTES: usize = 8;
