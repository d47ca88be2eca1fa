//! The finding `blocked-loop`.
//!
//! # What it sees
//! Steps of tasks and callbacks that ran for longer than the recording's threshold
//! without letting anything else run, by the line that was seen meanwhile; the tasks
//! that were ready all that time; and how long they were kept, altogether.
//!
//! # Why it matters
//! A loop runs one thing at a time: while it runs, no task, timer or connection gets
//! its turn.
//!
//! # What to do
//! Hand the work to a thread (if it waits, or lets go of the interpreter's lock) or to
//! a process (if it computes), or cut it into pieces with `await` between them.

use std::collections::HashMap;

use crate::findings::{Finding, Sight, labels, words};
use crate::id::{CodeId, Frame, Lane};
use crate::quantity::{Time, count};
use crate::run::{Block, Run, State, TaskIndex};

/// The blocks of one line, and whom they kept.
#[derive(Default)]
struct Held {
    blocks: Vec<Block>,
    kept: Vec<TaskIndex>,
    kept_ns: u64,
}

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let mut places: HashMap<Frame, usize> = HashMap::new();
    let mut held: Vec<(Frame, Held)> = Vec::new();
    let mut lanes: HashMap<Lane, Vec<(Block, usize)>> = HashMap::new();
    for &block in &run.blocks {
        let site = match run.site(block.chain) {
            site if site.code == CodeId::NONE => Frame { code: block.code, line: 0 },
            site => site,
        };
        let place = *places.entry(site).or_insert_with(|| {
            held.push((site, Held::default()));
            held.len() - 1
        });
        held[place].1.blocks.push(block);
        lanes.entry(block.lane).or_default().push((block, place));
    }
    if !held.is_empty() {
        find_kept(run, &lanes, &mut held);
    }
    held.into_iter().map(|(site, held)| finding(run, site, held)).collect()
}

/// Finds the tasks that were ready while their loop was held.
fn find_kept(run: &Run, lanes: &HashMap<Lane, Vec<(Block, usize)>>, held: &mut [(Frame, Held)]) {
    for (index, task) in (0..).map(TaskIndex).zip(&run.tasks) {
        let Some(blocks) = lanes.get(&task.lane) else { continue };
        for interval in run.intervals(task) {
            if !matches!(interval.state, State::Ready { .. }) || interval.ns() == 0 {
                continue;
            }
            // Those of one lane come one after another.
            let first = blocks.partition_point(|(block, _)| block.to_ns <= interval.from_ns);
            let during = blocks[first..].iter().take_while(|it| it.0.from_ns < interval.to_ns);
            for (block, place) in during.filter(|it| it.0.task != Some(index)) {
                let held = &mut held[*place].1;
                let from_ns = interval.from_ns.max(block.from_ns);
                let kept_ns = interval.to_ns.min(block.to_ns).saturating_sub(from_ns);
                held.kept_ns = held.kept_ns.saturating_add(kept_ns);
                if held.kept.last() != Some(&index) {
                    held.kept.push(index);
                }
            }
        }
    }
}

fn finding(run: &Run, site: Frame, held: Held) -> Finding {
    let Held { blocks, kept, kept_ns } = held;
    let lengths = blocks.iter().map(|block| block.to_ns.saturating_sub(block.from_ns));
    let total_ns = lengths.clone().fold(0, u64::saturating_add);
    let longest_ns = lengths.clone().max().unwrap_or(0);
    let longest = blocks.iter().zip(lengths).max_by_key(|it| it.1).map(|(block, _)| block);
    let often = match blocks.len() {
        1 => format!("held the loop for {}", Time(total_ns)),
        times => format!(
            "held the loop {times} times, for {} altogether, {} at the longest",
            Time(total_ns),
            Time(longest_ns)
        ),
    };
    let meanwhile = if kept.is_empty() {
        "no task was ready meanwhile".to_owned()
    } else {
        format!(
            "{} ready meanwhile, for {} altogether: {}",
            if kept.len() == 1 { "1 task was".into() } else { count(kept.len(), "task") + " were" },
            Time(kept_ns),
            labels(run, &kept)
        )
    };
    Finding {
        name: "blocked-loop",
        saw: format!("{} {often}; {meanwhile}", run.place(site)),
        why: "a loop runs one thing at a time: meanwhile no task, timer or connection gets its turn",
        advice: format!(
            "hand it to a thread with {} if it waits, or to a process{} if it computes; or cut it \
             into pieces with an await between",
            words(run).to_thread,
            if run.metadata.runtime.contains("Py") {
                " with a ProcessPoolExecutor"
            } else {
                " or thread"
            }
        ),
        cost_ns: total_ns,
        site: Some(site),
        tasks: kept,
        sight: longest.map(|&Block { task, from_ns, to_ns, .. }| Sight { task, from_ns, to_ns }),
    }
}
