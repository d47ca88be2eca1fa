//! The finding `timer-late`.
//!
//! # What it sees
//! Timers that fired more than 10 ms after their time because their loop was busy.
//!
//! # Why it matters
//! Sleeps take longer than they say, and timeouts come late.
//!
//! # What to do
//! Look at what ran just before: see `blocked-loop`.

use crate::findings::{Finding, Sight};
use crate::quantity::{Time, count, thousands};
use crate::run::{Run, Timers};

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let timers = &run.timers;
    if timers.late == 0 {
        return Vec::new();
    }
    let held = |block: &crate::run::Block| {
        block.from_ns < timers.latest_at_ns
            && block.to_ns >= timers.latest_at_ns.saturating_sub(timers.latest_ns)
    };
    let because = match run.blocks.iter().find(|block| held(block)) {
        Some(_) => "the loop was held by one job then: see blocked-loop",
        None => "the loop had many things to run before: see what ran, and whether it can be less",
    };
    vec![Finding {
        name: "timer-late",
        saw: format!(
            "{} of {} fired more than {} late, as the loop was busy; the latest by {}, {} after the beginning",
            count(timers.late, "timer"),
            thousands(timers.fired),
            Time(Timers::LATE_NS),
            Time(timers.latest_ns),
            Time(timers.latest_at_ns.saturating_sub(run.start_ns))
        ),
        why: "sleeps take longer than they say, and timeouts come late",
        advice: because.to_owned(),
        cost_ns: timers.late_total_ns,
        site: None,
        tasks: Vec::new(),
        sight: Some(Sight {
            task: None,
            from_ns: run.timers.latest_at_ns.saturating_sub(run.timers.latest_ns),
            to_ns: run.timers.latest_at_ns,
        }),
    }]
}
