//! Streaming out: a length is sent, and the server sends so many bytes, as fast as
//! they are taken.

use std::sync::LazyLock;

use super::echo::wrong;
use super::{Answer, Exchange, LENGTH_BYTES};
use crate::failure::Failure;
use crate::load::BUFFER_BYTES;

/// A download is the numbers from 0 to 250, again and again.  A prime, so that a
/// piece of the usual lengths that is lost or repeated is noticed.
const PERIOD: usize = 251;

/// Enough of them for a whole buffer that begins anywhere in the period.
static NUMBERS: LazyLock<Vec<u8>> =
    LazyLock::new(|| (0..=250).cycle().take(BUFFER_BYTES + PERIOD).collect());

/// What a download goes on with after `done` bytes, up to a whole buffer, when so
/// many are `left`.
pub(crate) fn download_piece(done: u64, left: u64) -> &'static [u8] {
    // Both are cut to what fits.
    let begin = usize::try_from(done % PERIOD as u64).unwrap_or(0);
    let length = usize::try_from(left).unwrap_or(BUFFER_BYTES).min(BUFFER_BYTES);
    &NUMBERS[begin..begin + length]
}

pub(crate) struct Download {
    request: [u8; LENGTH_BYTES],
    bytes: usize,
    received: usize,
}

impl Download {
    pub(crate) fn new(bytes: usize) -> Self {
        Download { request: (bytes as u64).to_be_bytes(), bytes, received: 0 }
    }
}

impl Exchange for Download {
    fn begin(&mut self, _number: u64) {
        self.received = 0;
    }

    fn unsent(&self, sent: usize) -> &[u8] {
        &self.request[sent..]
    }

    fn receive(&mut self, bytes: &[u8]) -> Result<Answer, Failure> {
        let left = self.bytes - self.received;
        let expected = download_piece(self.received as u64, left as u64);
        if !expected.starts_with(bytes) {
            return Err(wrong(self.received, expected, bytes));
        }
        self.received += bytes.len();
        Ok(if self.received == self.bytes { Answer::Whole } else { Answer::Partial })
    }

    fn payload_bytes(&self) -> u64 {
        self.bytes as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_download_is_checked_from_piece_to_piece() {
        let sent: Vec<u8> = (0..=250).cycle().take(1000).collect();
        let mut download = Download::new(1000);
        for _ in 0..2 {
            download.begin(0);
            for piece in sent.chunks(300) {
                let is_last = piece.len() < 300;
                let answer = if is_last { Answer::Whole } else { Answer::Partial };
                assert_eq!(download.receive(piece).ok(), Some(answer));
            }
        }
    }

    #[test]
    fn a_piece_that_is_missing_is_noticed() {
        let sent: Vec<u8> = (0..=250).cycle().take(1000).collect();
        let mut download = Download::new(1000);
        assert!(download.receive(&sent[..256]).is_ok());
        let failure = download.receive(&sent[512..600]).expect_err("256 bytes are missing");
        assert_eq!(failure.detail, "byte 256 of the answer is 0x0a, expected 0x05");
    }

    #[test]
    fn a_piece_goes_on_where_the_last_one_stopped() {
        assert_eq!(download_piece(250, 3), [250, 0, 1]);
        assert_eq!(download_piece(u64::MAX, u64::MAX).len(), BUFFER_BYTES);
    }

    #[test]
    fn a_download_that_goes_on_is_wrong() {
        let sent: Vec<u8> = (0..=250).cycle().take(11).collect();
        let mut download = Download::new(10);
        assert!(download.receive(&sent).is_err());
    }
}
