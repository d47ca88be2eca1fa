//! When a writer is asked to pause, and when to go on.

/// asyncio's default, in bytes.
const HIGH: usize = 64 * 1024;

/// What is kept for the end of the turn is sent before that when it is four times what
/// the high mark allows to wait: 1 MiB in writes of 64 KiB took 133 µs of CPU on the
/// loopback in calls of four, 159 in calls of two.
const SENT_TOGETHER: usize = 4;
/// But not more than asyncio reads at once, in bytes, whatever the mark.
const MOST_SENT_TOGETHER: usize = 256 * 1024;

/// Above the high mark the writer is to pause; at the low one it may go on.
#[derive(Debug)]
pub(super) struct WaterMarks {
    pub(super) high: usize,
    pub(super) low: usize,
    pub(super) is_paused: bool,
}

impl Default for WaterMarks {
    fn default() -> Self {
        WaterMarks { high: HIGH, low: HIGH / 4, is_paused: false }
    }
}

impl WaterMarks {
    /// How many bytes may wait for the end of the turn; never fewer than for the kernel.
    pub(super) fn until_turns_end(&self) -> usize {
        self.high.max(self.high.saturating_mul(SENT_TOGETHER).min(MOST_SENT_TOGETHER))
    }

    /// Whether the writer is to be asked to pause now, with so many bytes waiting.
    pub(super) fn pauses(&mut self, waiting: usize) -> bool {
        let pauses = !self.is_paused && waiting > self.high;
        self.is_paused |= pauses;
        pauses
    }

    /// Whether it is to be told now to go on.
    pub(super) fn resumes(&mut self, waiting: usize) -> bool {
        let resumes = self.is_paused && waiting <= self.low;
        self.is_paused &= !resumes;
        resumes
    }
}
