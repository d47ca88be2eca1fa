//! The finding `lost-exception`.
//!
//! # What it sees
//! Exceptions of tasks and futures that nobody asked for before they were gone.
//!
//! # Why it matters
//! Something failed, and the program went on as if it hadn't.
//!
//! # What to do
//! Await the task, look at its `exception()`, or run it in a `TaskGroup`, which raises
//! it.

use std::collections::HashMap;

use crate::findings::{Finding, labels, words};
use crate::id::{CodeId, Frame, StringId};
use crate::quantity::count;
use crate::run::{Run, TaskIndex};

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let mut lost: HashMap<(StringId, Option<CodeId>), Vec<Option<TaskIndex>>> = HashMap::new();
    for exception in &run.lost_exceptions {
        let code = exception.task.and_then(|task| run.task(task)).map(|task| task.code);
        lost.entry((exception.class, code)).or_default().push(exception.task);
    }
    let mut lost: Vec<_> = lost.into_iter().collect();
    lost.sort_by_key(|(what, tasks)| (usize::MAX - tasks.len(), *what));
    lost.into_iter()
        .map(|((class, code), lost)| {
            let tasks: Vec<TaskIndex> = lost.iter().copied().flatten().collect();
            let class = match run.names().string(class) {
                "" => "exception",
                class => class,
            };
            let whose = match code {
                Some(code) => format!(
                    "of {}, {}",
                    run.place(Frame { code, line: run.names().first_line(code) }),
                    labels(run, &tasks)
                ),
                None => "of futures".to_owned(),
            };
            Finding {
                name: "lost-exception",
                saw: format!("{} {whose}: nobody asked", count(lost.len(), class)),
                why: "something failed, and the program went on as if it hadn't",
                advice: format!(
                    "await the task, or start it in {} {}, which raises what its tasks raise",
                    words(run).a,
                    words(run).task_group
                ),
                cost_ns: 0,
                site: code.map(|code| Frame { code, line: 0 }),
                tasks,
                sight: None,
            }
        })
        .collect()
}
