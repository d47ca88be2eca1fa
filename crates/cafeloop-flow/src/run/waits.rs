//! Where the time went: waits by the line that waits, work by what runs.

use std::collections::HashMap;

use crate::event::LaneKind;
use crate::id::{CodeId, Frame, Lane, WorkId};
use crate::run::Run;
use crate::run::chain::ChainId;
use crate::run::task::{State, Totals, What};
use crate::run::thread::Doing;

/// Whom a wait is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Whom {
    /// Something outside of the program.
    Outside,
    /// Other tasks of the run.
    Tasks,
    /// Other threads, or processes, of the run.
    Threads,
}

/// The waits of one line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitSite {
    /// The line; without a line number if the waits were too short to be explained,
    /// and then the code is the task's.
    pub site: Frame,
    /// For what, in a word; empty if that isn't known.
    pub noun: &'static str,
    /// For whom.
    pub whom: Whom,
    /// How many.
    pub count: u64,
    /// How long altogether.
    pub total_ns: u64,
    /// The longest.
    pub longest_ns: u64,
}

/// What used the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Busy {
    /// A task's code, a callback's, or a line at which a thread was seen working.
    pub site: Frame,
    /// How often it ran, or was seen.
    pub count: u64,
    /// How long altogether.
    pub total_ns: u64,
    /// The longest.
    pub longest_ns: u64,
}

/// Counts what was busy, by code.
#[derive(Debug, Default)]
pub(super) struct BusySum(HashMap<Frame, Busy>);

impl BusySum {
    pub(super) fn add(&mut self, site: Frame, ns: u64) {
        let busy =
            self.0.entry(site).or_insert(Busy { site, count: 0, total_ns: 0, longest_ns: 0 });
        busy.count += 1;
        busy.total_ns = busy.total_ns.saturating_add(ns);
        busy.longest_ns = busy.longest_ns.max(ns);
    }

    pub(super) fn sorted(self) -> Vec<Busy> {
        let mut busy: Vec<Busy> = self.0.into_values().collect();
        busy.sort_by_key(|it| (u64::MAX - it.total_ns, it.site));
        busy
    }
}

/// Sums the states of a run's tasks and threads.
pub(super) fn sum(run: &Run) -> (Totals, Vec<WaitSite>) {
    let mut totals = Totals::default();
    let mut sites: HashMap<(Frame, &'static str, Whom), WaitSite> = HashMap::new();
    let mut known = HashMap::new();
    let mut site_of = |chain: ChainId, code: CodeId| {
        if chain == ChainId::NONE {
            return Frame { code, line: 0 };
        }
        *known.entry(chain).or_insert_with(|| run.site(chain))
    };
    let mut add = |site: Frame, noun: &'static str, whom: Whom, ns: u64| {
        let start = WaitSite { site, noun, whom, count: 0, total_ns: 0, longest_ns: 0 };
        let wait = sites.entry((site, noun, whom)).or_insert(start);
        wait.count += 1;
        wait.total_ns = wait.total_ns.saturating_add(ns);
        wait.longest_ns = wait.longest_ns.max(ns);
    };
    for task in &run.tasks {
        for interval in run.intervals(task) {
            totals.add(&interval);
            if let State::Waiting { what, chain, inner } = interval.state {
                let whom = match (inner, what) {
                    (false, _) => Whom::Outside,
                    (true, What::Work(_)) => Whom::Threads,
                    (true, _) => Whom::Tasks,
                };
                add(site_of(chain, task.code), what.noun(), whom, interval.ns());
            }
        }
    }
    for thread in &run.threads {
        for stretch in run.stretches(thread) {
            match stretch.doing {
                Doing::Calling(chain) | Doing::Waiting(chain) => {
                    // A worker that waits for work is none of the program's waiting.
                    if thread.kind != LaneKind::Worker {
                        totals.waiting_ns = totals.waiting_ns.saturating_add(stretch.ns());
                        add(site_of(chain, CodeId::NONE), "", Whom::Outside, stretch.ns());
                    }
                }
                Doing::Joining(chain) => {
                    totals.inner_ns = totals.inner_ns.saturating_add(stretch.ns());
                    add(site_of(chain, CodeId::NONE), "", Whom::Threads, stretch.ns());
                }
                Doing::Working => {
                    totals.running_ns = totals.running_ns.saturating_add(stretch.ns());
                }
                Doing::Unknown | Doing::Job(_) | Doing::Resting | Doing::Turning | Doing::Idle => {}
            }
        }
    }
    let mut sites: Vec<WaitSite> = sites.into_values().collect();
    sites.sort_by_key(|it| (it.whom, u64::MAX - it.total_ns, it.site, it.noun));
    (totals, sites)
}

/// How long the threads that ran executors' jobs, of the run itself and of its children,
/// were seen to wait in each of them for something outside of the program, in nanoseconds,
/// by its place among [`Run::works`].
pub(crate) fn waits_in_jobs(run: &Run) -> Vec<u64> {
    let mut waited_ns = waits_in_jobs_here(run);
    let places: HashMap<WorkId, usize> =
        run.works.iter().enumerate().map(|(place, work)| (work.id, place)).collect();
    for child in &run.children {
        for (theirs, ns) in child.works.iter().zip(waits_in_jobs_here(child)) {
            if let Some(place) = theirs.id_at(run.metadata.pid).and_then(|id| places.get(&id)) {
                waited_ns[*place] = ns;
            }
        }
    }
    waited_ns
}

fn waits_in_jobs_here(run: &Run) -> Vec<u64> {
    let mut waited_ns = vec![0u64; run.works.len()];
    let mut jobs: HashMap<Lane, Vec<usize>> = HashMap::new();
    for (place, work) in run.works.iter().enumerate() {
        if work.begun_ns.is_some() && work.process.is_none() {
            jobs.entry(work.lane).or_default().push(place);
        }
    }
    for thread in &run.threads {
        let Some(jobs) = jobs.get_mut(&thread.lane) else { continue };
        // A thread runs one after another.
        jobs.sort_unstable_by_key(|&place| run.works[place].begun_ns);
        let mut jobs = jobs.iter().copied().peekable();
        for wait in run.stretches(thread) {
            if !matches!(wait.doing, Doing::Calling(_) | Doing::Waiting(_)) {
                continue;
            }
            let ends_ns = |place: usize| run.works[place].ended_ns.unwrap_or(run.end_ns);
            while jobs.next_if(|&place| ends_ns(place) <= wait.from_ns).is_some() {}
            // A wait is over when its job is.
            if let Some(&place) = jobs.peek()
                && run.works[place].begun_ns.is_some_and(|begun_ns| begun_ns <= wait.from_ns)
            {
                waited_ns[place] = waited_ns[place].saturating_add(wait.ns());
            }
        }
    }
    waited_ns
}
