//! The monotonic clock, and time-outs that end when they should.

use std::num::NonZeroU64;

use rustix::thread::{current_timer_slack, set_current_timer_slack};
use rustix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds, as `clock_gettime(2)` gives it.
pub(crate) fn monotonic_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    // The monotonic clock starts at boot: neither part is ever negative.
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// `CLOCK_THREAD_CPUTIME_ID` in nanoseconds: how long the calling thread has run.
pub(crate) fn thread_time_ns() -> u64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.tv_sec.cast_unsigned() * 1_000_000_000 + used.tv_nsec.cast_unsigned()
}

/// The kernel may end a time-out this much late, to wake up less often;
/// 50 µs unless lowered (`PR_SET_TIMERSLACK` in `prctl(2)`).
const PROMPT_SLACK_NS: NonZeroU64 = NonZeroU64::MIN;

/// While this lives, the thread that made it has its time-outs ended promptly.
///
/// The slack is inherited by threads and child processes, so it is put back.
pub(crate) struct PromptTimers {
    before_ns: Option<NonZeroU64>,
}

impl PromptTimers {
    /// Lowers the slack of the calling thread.  A kernel that refuses costs
    /// punctuality, not correctness, so this can't fail.
    pub(crate) fn begin() -> Self {
        let before_ns = current_timer_slack().ok().and_then(NonZeroU64::new);
        let _ = set_current_timer_slack(Some(PROMPT_SLACK_NS));
        PromptTimers { before_ns }
    }
}

impl Drop for PromptTimers {
    fn drop(&mut self) {
        let _ = set_current_timer_slack(self.before_ns);
    }
}
