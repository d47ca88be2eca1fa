//! The finding `starved`.
//!
//! # What it sees
//! Tasks that together were ready, but not running, for four times as long as they ran,
//! on a loop that had hardly any idle time.
//!
//! # Why it matters
//! There is more to compute than one thread can do; more tasks only wait longer.
//!
//! # What to do
//! Move the computing to threads or processes, or start fewer tasks at once.

use crate::findings::Finding;
use crate::id::Frame;
use crate::quantity::{Time, percent};
use crate::run::{Doing, Run};

/// Ready four times as long as running: with three equal tasks, two are always ready.
const READY_TO_RUNNING: u64 = 4;
/// Of the loop's time in which it ran jobs, at least.
const BUSY_PERCENT: u64 = 80;
/// 100 ms: a program that is over before isn't starved.
const LEAST_NS: u64 = 100_000_000;

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let (mut turning_ns, mut idle_ns) = (0u64, 0u64);
    for stretch in run.threads.iter().flat_map(|thread| run.stretches(thread)) {
        match stretch.doing {
            Doing::Turning => turning_ns = turning_ns.saturating_add(stretch.ns()),
            Doing::Idle => idle_ns = idle_ns.saturating_add(stretch.ns()),
            _ => {}
        }
    }
    let loop_ns = turning_ns.saturating_add(idle_ns);
    let busy = u128::from(turning_ns) * 100 >= u128::from(loop_ns) * u128::from(BUSY_PERCENT);
    let (ready_ns, running_ns) = (run.totals.ready_ns, task_running_ns(run));
    let far = ready_ns >= running_ns.saturating_mul(READY_TO_RUNNING);
    if !busy || !far || turning_ns < LEAST_NS || running_ns == 0 {
        return Vec::new();
    }
    let most = run.busy.first().map(|busy| busy.site).filter(|site| *site != Frame::default());
    let mostly = most.map_or(String::new(), |site| format!("; {} ran most", run.place(site)));
    vec![Finding {
        name: "starved",
        saw: format!(
            "tasks were ready for {} altogether and ran for {}, on a loop that was busy for {} of \
             its time{mostly}",
            Time(ready_ns),
            Time(running_ns),
            percent(turning_ns, loop_ns)
        ),
        why: "there is more to compute than one thread can do; an event loop only hides waiting",
        advice: "move the computing to threads or processes, or start fewer tasks at once"
            .to_owned(),
        cost_ns: ready_ns,
        site: most,
        tasks: Vec::new(),
        sight: None,
    }]
}

fn task_running_ns(run: &Run) -> u64 {
    let lanes = run.threads.iter().flat_map(|thread| run.stretches(thread));
    let working_ns = lanes
        .filter(|stretch| stretch.doing == Doing::Working)
        .fold(0u64, |sum, stretch| sum.saturating_add(stretch.ns()));
    run.totals.running_ns.saturating_sub(working_ns)
}
