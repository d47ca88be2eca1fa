//! The finding `sequential-waits`.
//!
//! # What it sees
//! One task, or one thread, that calls the same function again and again, and waits in
//! it each time; or a task, the only one of its kind, that awaits different functions
//! in a row.  Only waits for something outside of the program count, and waits for one
//! and the same connection are one conversation.
//!
//! # Why it matters
//! The waits take their sum.  Waits that overlap take the longest of them.
//!
//! # What to do
//! If none of the calls needs what another one returns, run them together.  What that
//! would take is at least the longest call's waits, and what it would save is at most
//! the rest: both are computed from the recording.

mod calls;

use std::collections::HashMap;

use self::calls::{Calls, Paths, Wait};
use crate::event::LaneKind;
use crate::findings::{Finding, labels, words};
use crate::id::CodeId;
use crate::quantity::{Time, count, thousands};
use crate::run::{Doing, Run, State, TaskIndex, What, Work, waits_in_jobs};

/// 10 ms, or a twentieth of the run's time: to save less isn't worth a change.
const LEAST_NS: u64 = 10_000_000;
const LEAST_SHARE: u64 = 20;

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let least_ns = LEAST_NS.max(run.wall_ns() / LEAST_SHARE);
    let mut kinds: HashMap<CodeId, u64> = HashMap::new();
    for task in &run.tasks {
        *kinds.entry(task.code).or_default() += 1;
    }
    let in_jobs = waits_in_jobs(run);
    let mut paths = Paths::default();
    let mut found = Found::default();
    for (index, task) in (0..).map(TaskIndex).zip(&run.tasks) {
        let waits = run.intervals(task).filter_map(|interval| match interval.state {
            State::Waiting { what, chain, inner: false } => {
                Some(Wait { chain, ns: interval.ns(), what })
            }
            // What the job waited; work of two of them doesn't overlap.
            State::Waiting { what: What::Work(place), chain, inner: true } => {
                let waited_ns = in_jobs.get(place as usize).copied().unwrap_or_default();
                let ns = waited_ns.min(interval.ns());
                Some(Wait { chain, ns, what: What::Work(place) }).filter(|_| ns > 0)
            }
            _ => None,
        });
        // A task that waits in its outermost function may be one that ticks.
        let mut any = false;
        for calls in all(run, &mut paths, &waits, 1, least_ns) {
            found.add(calls, Some(index));
            any = true;
        }
        if !any
            && kinds.get(&task.code) == Some(&1)
            && let Some(calls) = calls::in_a_row(run, &mut paths, waits)
            && calls.saves_ns() >= least_ns
        {
            found.add(calls, Some(index));
        }
    }
    for thread in run.threads.iter().filter(|thread| thread.kind != LaneKind::Worker) {
        let waits = run.stretches(thread).filter_map(|stretch| match stretch.doing {
            Doing::Calling(chain) | Doing::Waiting(chain) => {
                Some(Wait { chain, ns: stretch.ns(), what: What::Unknown })
            }
            _ => None,
        });
        // What calls an executor's job is whoever handed it over.
        let is_its = |work: &Work| work.lane == thread.lane && work.process.is_none();
        let serves = run.works.iter().any(|work| work.begun_ns.is_some() && is_its(work));
        for calls in all(run, &mut paths, &waits, usize::from(serves), least_ns) {
            found.add(calls, None);
        }
    }
    let mut findings: Vec<Finding> =
        found.0.into_values().map(|(calls, tasks)| finding(run, &calls, tasks)).collect();
    findings.sort_by(|a, b| a.saw.cmp(&b.saw));
    findings
}

/// All that one task or thread calls again and again, without counting a wait twice.
fn all(
    run: &Run,
    paths: &mut Paths,
    waits: &(impl Iterator<Item = Wait> + Clone),
    outermost: usize,
    least_ns: u64,
) -> Vec<Calls> {
    let (mut all, mut without) = (Vec::new(), Vec::new());
    // Each one takes a twentieth of the run's time, so there can't be many.
    while let Some((call, calls)) =
        calls::most_saving(run, paths, waits.clone(), outermost, &without)
            .filter(|(_, calls)| calls.saves_ns() >= least_ns)
    {
        all.push(calls);
        without.push(call);
    }
    all
}

/// What was found, by who calls what: the most that one task or thread could save, and
/// the tasks that do so.
#[derive(Default)]
struct Found(HashMap<(CodeId, CodeId), (Calls, Vec<TaskIndex>)>);

impl Found {
    fn add(&mut self, calls: Calls, task: Option<TaskIndex>) {
        let key = (calls.caller().code, calls.called.code);
        let (most, tasks) = self.0.entry(key).or_insert_with(|| (calls.clone(), Vec::new()));
        if calls.saves_ns() > most.saves_ns() {
            *most = calls;
        }
        tasks.extend(task);
    }
}

fn finding(run: &Run, calls: &Calls, tasks: Vec<TaskIndex>) -> Finding {
    let Calls { called, times, sum_ns, longest_ns, .. } = *calls;
    let what = if calls.same {
        format!("{} waited {} times one after another", run.place(called), thousands(times))
    } else {
        format!("{} different calls waited one after another", thousands(times))
    };
    let each = if sum_ns / times.max(1) >= longest_ns - longest_ns / 100 {
        format!("{} each and {} altogether", Time(longest_ns), Time(sum_ns))
    } else {
        format!("{} altogether and {} at the longest", Time(sum_ns), Time(longest_ns))
    };
    let whose = match tasks.len() {
        0 => String::new(),
        1 => format!(" in {}", labels(run, &tasks)),
        more => format!(" in one of {} that do so", count(more, "task")),
    };
    let words = words(run);
    let how = if tasks.is_empty() {
        format!("on an event loop with {}, or in threads", words.gather)
    } else {
        format!("with {} or {} {}", words.gather, words.a, words.task_group)
    };
    Finding {
        name: "sequential-waits",
        saw: format!("{what}{}{whose}: {each}", callers(run, calls)),
        why: "waits one after another take their sum; waits together take the longest of them",
        advice: format!(
            "if none needs what another returns, run them together, {how}: that would take {} at \
             least, and save {} at most",
            Time(longest_ns),
            Time(calls.saves_ns())
        ),
        cost_ns: calls.saves_ns(),
        site: Some(calls.called),
        tasks,
        sight: None,
    }
}

/// Who called, innermost first: the loop may be in any of them.
fn callers(run: &Run, calls: &Calls) -> String {
    /// More than three names say nothing.
    const NAMED: usize = 3;
    let named = calls.callers.iter().rev().take(NAMED);
    let named: Vec<String> = named.map(|&frame| run.place(frame)).collect();
    if named.is_empty() { String::new() } else { format!(", called from {}", named.join(" from ")) }
}
