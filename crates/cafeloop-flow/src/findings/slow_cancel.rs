//! The finding `slow-cancel`.
//!
//! # What it sees
//! Tasks that took more than 100 ms from being asked to end until they were done.
//!
//! # Why it matters
//! Whoever cancels waits for it: timeouts come late, and the program's end takes long.
//!
//! # What to do
//! Look at what the task does when it is cancelled: a `finally` or `except` that waits,
//! a cancellation that is swallowed, or a job in a thread, which can't be cancelled.

use crate::findings::{Finding, labels};
use crate::quantity::{Time, count};
use crate::run::{Run, TaskIndex};

/// 100 ms: until then, whoever pressed Ctrl-C takes it for immediate.
const SLOW_NS: u64 = 100_000_000;

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let mut slow: Vec<(u64, TaskIndex, bool)> = Vec::new();
    for (index, task) in (0..).map(TaskIndex).zip(&run.tasks) {
        let Some(asked_ns) = task.cancel_asked_ns else { continue };
        let took_ns = run.lifetime(task).1.saturating_sub(asked_ns);
        if took_ns > SLOW_NS {
            slow.push((took_ns, index, task.end.is_none()));
        }
    }
    slow.sort_by_key(|&(took_ns, index, _)| (u64::MAX - took_ns, index));
    let Some(&(longest_ns, ..)) = slow.first() else { return Vec::new() };
    let tasks: Vec<TaskIndex> = slow.iter().map(|it| it.1).collect();
    let never = slow.iter().filter(|it| it.2).count();
    let never = match never {
        0 => String::new(),
        1 if tasks.len() == 1 => "; it had not ended when the recording did".to_owned(),
        never => format!("; {never} of them had not ended when the recording did"),
    };
    vec![Finding {
        name: "slow-cancel",
        saw: format!(
            "{} took up to {} from being cancelled to {} end: {}{never}",
            count(tasks.len(), "task"),
            Time(longest_ns),
            if tasks.len() == 1 { "its" } else { "their" },
            labels(run, &tasks)
        ),
        why: "whoever cancels waits for it: timeouts come late, and so does the program's end",
        advice: "look at what they do when cancelled: a finally or except that waits, a \
                 CancelledError that is swallowed, or a job in a thread, which can't be cancelled"
            .to_owned(),
        cost_ns: longest_ns,
        site: None,
        tasks,
        sight: None,
    }]
}
