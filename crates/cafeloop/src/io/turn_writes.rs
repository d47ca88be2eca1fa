//! Whether a write is the only one of its turn.

/// To wake who waits for them costs as much as to copy so many bytes, some microseconds:
/// a write of more isn't put off for others' sake.
const WORTH_A_WAKE_UP: usize = 16 * 1024;

/// The turn of a loop in which something is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turn {
    /// No other turn of the loop has this number.
    pub number: u64,
    /// Whether another connection has written in it before.
    pub is_shared: bool,
}

/// Counts a connection's writes of a turn, to guess how many the next one will have.
#[derive(Debug, Default)]
pub(super) struct TurnWrites {
    /// The turn in which something was written last.
    turn: Option<u64>,
    writes: u32,
}

impl TurnWrites {
    /// Whether a write of `bytes` bytes in this turn goes at once: it is the first, is
    /// expected to be the only one, and no other connection's is to go with it.  `None`
    /// is no turn that could end: nothing can wait for it.
    #[inline]
    pub(super) fn goes_at_once(&mut self, turn: Option<Turn>, bytes: usize) -> bool {
        let Some(turn) = turn else { return true };
        if self.turn == Some(turn.number) {
            self.writes = self.writes.saturating_add(1);
            return false;
        }
        let before = self.writes;
        (self.turn, self.writes) = (Some(turn.number), 1);
        before <= 1 && (!turn.is_shared || bytes >= WORTH_A_WAKE_UP)
    }
}
