//! Whether a write is the only one of its turn.

/// Counts the writes of a turn, to guess how many the next one will have.
#[derive(Debug, Default)]
pub(super) struct TurnWrites {
    /// The turn in which something was written last.
    turn: Option<u64>,
    writes: u32,
}

impl TurnWrites {
    /// Whether a write in this turn is the first, and is expected to be the only one.
    /// `None` is no turn that could end: nothing can wait for it.
    #[inline]
    pub(super) fn goes_at_once(&mut self, turn: Option<u64>) -> bool {
        if turn.is_none() {
            return true;
        }
        if turn == self.turn {
            self.writes = self.writes.saturating_add(1);
            return false;
        }
        let before = self.writes;
        (self.turn, self.writes) = (turn, 1);
        before <= 1
    }
}
