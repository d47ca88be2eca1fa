//! The bytes that are sent, such that no message is like another.
//!
//! A message is a piece of one tape of random bytes, and the next message begins
//! elsewhere on it: an answer that belongs to another request is noticed, and
//! neither making nor checking a message costs more than a comparison.

use std::ops::Range;

/// A prime, so that successive messages go through all the beginnings; 4 KiB more
/// than one message is what that costs.
const BEGINNINGS: usize = 4093;
/// Far enough apart that the messages of neighbours don't overlap in order.
const STRIDE: usize = 1021;

/// Random bytes, always the same ones.
pub(crate) struct Tape {
    bytes: Vec<u8>,
    message_bytes: usize,
}

impl Tape {
    /// A tape for messages of this length.
    pub(crate) fn new(message_bytes: usize) -> Self {
        Tape { bytes: random_bytes(message_bytes + BEGINNINGS), message_bytes }
    }

    /// Where the message of the request with this number stands.
    pub(crate) fn place(&self, number: u64) -> Range<usize> {
        // The remainder is below 4093: it fits.
        #[allow(clippy::cast_possible_truncation)]
        let number = (number % BEGINNINGS as u64) as usize;
        let begin = number * STRIDE % BEGINNINGS;
        begin..begin + self.message_bytes
    }

    pub(crate) fn bytes(&self, place: Range<usize>) -> &[u8] {
        &self.bytes[place]
    }
}

/// xorshift64 (Marsaglia, 2003): it need only look random.
fn random_bytes(count: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let words = std::iter::repeat_with(move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_ne_bytes()
    });
    words.flatten().take(count).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn four_thousand_successive_messages_all_differ() {
        let tape = Tape::new(8);
        let messages: HashSet<_> =
            (0..BEGINNINGS as u64).map(|number| tape.bytes(tape.place(number))).collect();
        assert_eq!(messages.len(), BEGINNINGS);
    }

    #[test]
    fn a_message_has_the_length_that_was_asked_for() {
        for length in [1, 64, 100 * 1024] {
            let tape = Tape::new(length);
            for number in [0, 1, 4092, 4093, u64::MAX] {
                assert_eq!(tape.bytes(tape.place(number)).len(), length);
            }
        }
    }
}
