//! The finding `executor-queue`.
//!
//! # What it sees
//! Jobs that waited for a thread of their executor, and how many ran at once at most.
//!
//! # Why it matters
//! All threads were busy: the job's own time isn't what its task waited for.
//!
//! # What to do
//! Give the executor more threads, or give jobs that block for long one of their own.

use crate::event::WorkPlace;
use crate::findings::Finding;
use crate::id::Frame;
use crate::quantity::{Time, count};
use crate::run::{Run, Work};

/// 10 ms: starting a thread may take one or two.
const LONG_NS: u64 = 10_000_000;
/// A tenth of the run's time, summed over jobs: less changes nothing.
const LEAST_SHARE: u64 = 10;

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let queued = |work: &Work| {
        // Elsewhere it may have begun without anybody's having seen it.
        if work.begun_ns.is_none() && work.place == WorkPlace::Elsewhere {
            return 0;
        }
        let until_ns = work.begun_ns.or(work.ended_ns).unwrap_or(run.end_ns);
        work.queued_ns.map_or(0, |since_ns| until_ns.saturating_sub(since_ns))
    };
    let long: Vec<&Work> = run.works.iter().filter(|work| queued(work) > LONG_NS).collect();
    let total_ns = long.iter().fold(0u64, |sum, work| sum.saturating_add(queued(work)));
    let Some(longest) = long.iter().max_by_key(|work| queued(work)) else { return Vec::new() };
    if total_ns < run.wall_ns() / LEAST_SHARE {
        return Vec::new();
    }
    let mut tasks: Vec<_> = long.iter().filter_map(|work| work.by).collect();
    tasks.sort_unstable();
    tasks.dedup();
    let site = Frame { code: longest.code, line: 0 };
    let is_elsewhere = longest.place == WorkPlace::Elsewhere;
    vec![Finding {
        name: "executor-queue",
        saw: format!(
            "{} of {} waited for {} of the executor, {} altogether and {} at the longest \
             ({}); {} ran at once at most",
            count(long.len(), "job"),
            run.works.len(),
            if is_elsewhere { "a process" } else { "a thread" },
            Time(total_ns),
            Time(queued(longest)),
            run.place(site),
            most_at_once(run)
        ),
        why: "all of them were busy: what a task waits for is then not its own job",
        advice: if is_elsewhere {
            "more processes (max_workers) help while processors are free; give short jobs an \
             executor of their own"
        } else {
            "give the executor more threads (max_workers), or an executor of their own to jobs \
             that block for long"
        }
        .to_owned(),
        cost_ns: total_ns,
        site: Some(site),
        tasks,
        sight: None,
    }]
}

/// How many jobs ran at the same time.
fn most_at_once(run: &Run) -> usize {
    let mut changes: Vec<(u64, bool)> = Vec::new();
    for work in &run.works {
        if let Some(begun_ns) = work.begun_ns {
            changes.push((begun_ns, true));
            changes.push((work.ended_ns.unwrap_or(run.end_ns), false));
        }
    }
    // Who ends makes place first.
    changes.sort_unstable();
    let (mut now, mut most) = (0usize, 0);
    for (_, begins) in changes {
        now = if begins { now + 1 } else { now.saturating_sub(1) };
        most = most.max(now);
    }
    most
}
