//! The finding `leaked-task`.
//!
//! # What it sees
//! Tasks that were gone before they were done, because nobody held them any more.
//!
//! # Why it matters
//! A loop holds its tasks weakly: one that nobody else holds can vanish in the middle,
//! and what it had to do isn't done.
//!
//! # What to do
//! Keep each task until it is done: await it, put it into a set, or use a `TaskGroup`.

use std::collections::BTreeMap;

use crate::findings::{Finding, labels, words};
use crate::id::{CodeId, Frame};
use crate::quantity::count;
use crate::run::{End, Run, TaskIndex};

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let mut lost: BTreeMap<CodeId, Vec<TaskIndex>> = BTreeMap::new();
    for (index, task) in (0..).map(TaskIndex).zip(&run.tasks) {
        if let Some((_, End::Lost)) = task.end {
            lost.entry(task.code).or_default().push(index);
        }
    }
    lost.into_iter()
        .map(|(code, tasks)| Finding {
            name: "leaked-task",
            saw: format!(
                "{} of {} vanished before the end: {}",
                count(tasks.len(), "task"),
                run.place(Frame { code, line: run.names().first_line(code) }),
                labels(run, &tasks)
            ),
            why: "a loop holds its tasks weakly: one that nobody else holds can vanish half-done",
            advice: format!(
                "keep each task until it is done: await it, keep it in a set, or start it in {} {}",
                words(run).a,
                words(run).task_group
            ),
            cost_ns: 0,
            site: Some(Frame { code, line: 0 }),
            tasks,
            sight: None,
        })
        .collect()
}
