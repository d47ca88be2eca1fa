//! What a run shows that its author may want to know.
//!
//! Each finding stands in a file of its own, with what it sees, why that matters, and
//! what to do.  A finding that the recording can't support isn't made: numbers come
//! from the recording, and what it can't know is said as a condition.

mod blocked_loop;
mod chatty_writes;
mod executor_queue;
mod leaked_task;
mod lost_exception;
mod never_awaited;
mod sequential_waits;
mod slow_cancel;
mod starved;
mod timer_late;

use crate::id::Frame;
use crate::run::{Run, TaskIndex};

/// Something worth knowing about a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Its name, as in `blocked-loop`.
    pub name: &'static str,
    /// What was seen, with numbers.
    pub saw: String,
    /// Why that matters.
    pub why: &'static str,
    /// What to do, and what that may bring.
    pub advice: String,
    /// The time that is at stake, in nanoseconds; 0 if it isn't about time.
    pub cost_ns: u64,
    /// The line to look at, if there is one.
    pub site: Option<Frame>,
    /// The tasks that it is about.
    pub tasks: Vec<TaskIndex>,
    /// Where to look first; if it isn't said, at the first of its tasks.
    pub sight: Option<Sight>,
}

/// A time in a picture, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sight {
    /// The task, if it is one's.
    pub task: Option<TaskIndex>,
    /// From when.
    pub from_ns: u64,
    /// Until when.
    pub to_ns: u64,
}

/// All findings of a run: first those that aren't about time, as most of them are
/// mistakes, then by the time at stake.  Its children have findings of their own.
pub fn find(run: &Run) -> Vec<Finding> {
    let checks: [fn(&Run) -> Vec<Finding>; 10] = [
        lost_exception::check,
        never_awaited::check,
        leaked_task::check,
        blocked_loop::check,
        sequential_waits::check,
        starved::check,
        slow_cancel::check,
        executor_queue::check,
        timer_late::check,
        chatty_writes::check,
    ];
    let mut findings: Vec<Finding> = checks.iter().flat_map(|check| check(run)).collect();
    findings.sort_by_key(|it| (it.cost_ns > 0, u64::MAX - it.cost_ns));
    findings
}

/// How some tasks are called.
fn labels(run: &Run, tasks: &[TaskIndex]) -> String {
    run.labels(tasks.iter().filter_map(|&index| run.task(index)))
}

/// What things are called in the program's language.
struct Words {
    gather: &'static str,
    /// Before the next.
    a: &'static str,
    task_group: &'static str,
    to_thread: &'static str,
    create_task: &'static str,
}

fn words(run: &Run) -> Words {
    if run.metadata.runtime.contains("Py") {
        Words {
            gather: "asyncio.gather",
            a: "an",
            task_group: "asyncio.TaskGroup",
            to_thread: "asyncio.to_thread",
            create_task: "asyncio.create_task",
        }
    } else {
        Words {
            gather: "gather",
            a: "a",
            task_group: "task_group",
            to_thread: "to_thread",
            create_task: "create_task",
        }
    }
}
