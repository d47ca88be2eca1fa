//! What a run has counted: answers, their latencies, and failures by name.

use std::collections::BTreeMap;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::failure::{Failure, FailureKind};

/// A day, in which no answer is waited for.
const LONGEST_LATENCY_NS: u64 = 86_400_000_000_000;
/// Latencies are exact to one in a thousand.
const SIGNIFICANT_DIGITS: u8 = 3;

pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) payload_bytes: u64,
    latency_ns: Histogram<u64>,
    longest: Duration,
    /// How often each has happened, and what was found the first time.
    failures: BTreeMap<FailureKind, (u64, String)>,
}

/// The latencies that a report names; zero if nothing was answered.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Latencies {
    pub(crate) p50: Duration,
    pub(crate) p90: Duration,
    pub(crate) p99: Duration,
    pub(crate) p999: Duration,
    pub(crate) max: Duration,
}

impl Tally {
    pub(crate) fn new() -> Self {
        let latency_ns = Histogram::new_with_bounds(1, LONGEST_LATENCY_NS, SIGNIFICANT_DIGITS);
        Tally {
            answered: 0,
            payload_bytes: 0,
            latency_ns: latency_ns.expect("these bounds and digits are within its own"),
            longest: Duration::ZERO,
            failures: BTreeMap::new(),
        }
    }

    pub(crate) fn answered(&mut self, latency: Duration, payload_bytes: u64) {
        self.answered += 1;
        self.payload_bytes += payload_bytes;
        self.longest = self.longest.max(latency);
        let latency_ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.latency_ns.saturating_record(latency_ns);
    }

    pub(crate) fn failed(&mut self, failure: Failure) {
        self.failures.entry(failure.kind).or_insert((0, failure.detail)).0 += 1;
    }

    pub(crate) fn latencies(&self) -> Latencies {
        // The histogram gives the upper end of what it can't tell apart.
        let at = |quantile| {
            Duration::from_nanos(self.latency_ns.value_at_quantile(quantile)).min(self.longest)
        };
        Latencies { p50: at(0.5), p90: at(0.9), p99: at(0.99), p999: at(0.999), max: self.longest }
    }

    /// Each kind of failure, how often it happened, and what the first one found.
    pub(crate) fn failures(&self) -> impl Iterator<Item = (FailureKind, u64, &str)> {
        self.failures.iter().map(|(kind, (count, detail))| (*kind, *count, detail.as_str()))
    }

    pub(crate) fn failed_requests(&self) -> u64 {
        self.failures.values().map(|(count, _)| count).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latencies_stand_at_their_ranks() {
        let mut tally = Tally::new();
        for ms in 1..=1000 {
            tally.answered(Duration::from_millis(ms), 10);
        }
        assert_eq!((tally.answered, tally.payload_bytes), (1000, 10_000));
        let latencies = tally.latencies();
        for (found, ms) in [
            (latencies.p50, 500),
            (latencies.p90, 900),
            (latencies.p99, 990),
            (latencies.p999, 999),
            (latencies.max, 1000),
        ] {
            let expected = Duration::from_millis(ms);
            assert!(found.abs_diff(expected) <= expected / 1000, "{found:?} for {expected:?}");
        }
    }

    #[test]
    fn nothing_answered_has_no_latency() {
        assert_eq!(Tally::new().latencies(), Latencies::default());
    }

    #[test]
    fn failures_are_counted_by_name_and_the_first_is_kept() {
        let mut tally = Tally::new();
        for detail in ["one", "two"] {
            tally.failed(Failure::new(FailureKind::WrongBytes, detail));
        }
        tally.failed(Failure::closed());
        let failures: Vec<_> = tally.failures().collect();
        assert_eq!(failures[1], (FailureKind::WrongBytes, 2, "one"));
        assert_eq!(failures[0].0, FailureKind::Closed);
        assert_eq!(tally.failed_requests(), 3);
    }
}
