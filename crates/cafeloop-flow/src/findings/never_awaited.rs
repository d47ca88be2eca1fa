//! The finding `never-awaited`.
//!
//! # What it sees
//! Coroutines that were made and dropped without having been awaited.
//!
//! # Why it matters
//! Calling a coroutine function runs nothing: what it should have done didn't happen.
//!
//! # What to do
//! Await the call, or make a task of it.

use std::collections::HashMap;

use crate::findings::{Finding, words};
use crate::id::{CodeId, Frame};
use crate::quantity::count;
use crate::run::Run;

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let mut dropped: HashMap<(CodeId, Frame), u64> = HashMap::new();
    for &(code, chain) in &run.never_awaited {
        *dropped.entry((code, run.site(chain))).or_default() += 1;
    }
    let mut dropped: Vec<_> = dropped.into_iter().collect();
    dropped.sort_by_key(|&(what, times)| (u64::MAX - times, what));
    dropped
        .into_iter()
        .map(|((code, site), times)| {
            let made = if site.code == CodeId::NONE {
                String::new()
            } else {
                format!(", made in {},", run.place(site))
            };
            let were = if times == 1 { "was" } else { "were" };
            Finding {
                name: "never-awaited",
                saw: format!(
                    "{} of {}{made} {were} never awaited",
                    count(times, "coroutine"),
                    run.place(Frame { code, line: run.names().first_line(code) })
                ),
                why: "calling a coroutine function runs nothing: what it should do didn't happen",
                advice: format!(
                    "await the call, or hand it to {} and keep the task",
                    words(run).create_task
                ),
                cost_ns: 0,
                site: Some(if site.code == CodeId::NONE { Frame { code, line: 0 } } else { site }),
                tasks: Vec::new(),
                sight: None,
            }
        })
        .collect()
}
