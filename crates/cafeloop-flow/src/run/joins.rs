//! Waits for other threads and processes of the run: in them there is nothing to wait for
//! but what those wait for, or work at, and what could overlap is theirs.
//!
//! A task that waits for an executor's job waits for the thread that runs it, if it is known
//! what that did.
//!
//! Of a thread a recording doesn't say what it waits for.  If it waits in Python's own
//! modules of threads and processes, and others did something for most of that time, it
//! waited for them; if nobody did anything that was seen, it waited for something outside.

use crate::event::LaneKind;
use crate::run::chain::{ChainId, is_of_the_program};
use crate::run::task::{By, Span, State, What};
use crate::run::thread::Doing;
use crate::run::{Run, Work};

/// Modules that wait for other threads, by the ends of their paths.
const MODULES: [&str; 2] = ["/threading.py", "/queue.py"];
/// Packages that wait for other threads and processes, by what is in the middle.
const PACKAGES: [&str; 2] = ["/concurrent/futures/", "/multiprocessing/"];
/// Others are at something for one part in so many of the wait, at least.
const PARTS: u64 = 2;

/// From when until when something was done, in nanoseconds.
type Times = (u64, u64);

/// Finds those of tasks for jobs of the run's own threads and processes.
fn find_for_jobs(run: &mut Run) {
    if run.works.is_empty() {
        return;
    }
    let seen: Vec<bool> = run.works.iter().map(|work| is_seen(run, work)).collect();
    let is_seen = |place: u32| seen.get(place as usize).copied().unwrap_or_default();
    for task in &mut run.tasks {
        let wakers: Vec<Option<By>> = task.spans.iter().skip(1).map(by).chain([None]).collect();
        for (span, waker) in task.spans.iter_mut().zip(wakers) {
            let State::Waiting { what, inner, .. } = &mut span.state else { continue };
            // Of several that were gathered, the last one.
            *inner |= match (*what, waker) {
                (What::Work(place), _) | (What::Gathered(_), Some(By::Work(place))) => {
                    is_seen(place)
                }
                _ => false,
            };
        }
    }
}

/// Whether it is known what the thread did that ran a job.
fn is_seen(run: &Run, work: &Work) -> bool {
    let threads = match work.process {
        None => Some(&run.threads),
        Some(pid) => {
            let child = run.children.iter().find(|child| child.metadata.pid == pid);
            child.map(|child| &child.threads)
        }
    };
    let mut threads = threads.into_iter().flatten();
    work.begun_ns.is_some() && threads.any(|it| it.lane == work.lane && it.kind == LaneKind::Thread)
}

fn by(span: &Span) -> Option<By> {
    match span.state {
        State::Ready { by } => Some(by),
        _ => None,
    }
}

/// Finds them, in the tasks and threads of the run itself.
pub(super) fn find(run: &mut Run) {
    find_for_jobs(run);
    find_of_threads(run);
}

fn find_of_threads(run: &mut Run) {
    let joins: Vec<ChainId> =
        run.chains.ids().filter(|&chain| is_between_threads(run, chain)).collect();
    if joins.is_empty() {
        return;
    }
    let mut done = Vec::new();
    add_done(run, &mut done);
    let done = union(done);
    let end_ns = run.end_ns;
    for thread in &mut run.threads {
        let ends: Vec<u64> = thread.stretches(end_ns).map(|stretch| stretch.to_ns).collect();
        for (span, to_ns) in thread.spans.iter_mut().zip(ends) {
            let (Doing::Calling(chain) | Doing::Waiting(chain)) = span.doing else { continue };
            let least_ns = to_ns.saturating_sub(span.from_ns).div_ceil(PARTS);
            if joins.binary_search(&chain).is_ok() && shared(&done, span.from_ns, to_ns) >= least_ns
            {
                span.doing = Doing::Joining(chain);
            }
        }
    }
}

/// When threads, tasks and child processes were at something but such a wait.
fn add_done(run: &Run, done: &mut Vec<Times>) {
    for thread in &run.threads {
        for stretch in run.stretches(thread) {
            let is_done = match stretch.doing {
                Doing::Calling(chain) | Doing::Waiting(chain) => !is_between_threads(run, chain),
                Doing::Working | Doing::Job(_) => true,
                Doing::Joining(_)
                | Doing::Unknown
                | Doing::Resting
                | Doing::Turning
                | Doing::Idle => false,
            };
            if is_done {
                done.push((stretch.from_ns, stretch.to_ns));
            }
        }
    }
    for interval in run.tasks.iter().flat_map(|task| run.intervals(task)) {
        if !matches!(interval.state, State::Waiting { inner: true, .. } | State::Unknown) {
            done.push((interval.from_ns, interval.to_ns));
        }
    }
    for child in &run.children {
        add_done(child, done);
    }
}

/// Whether what waits there is Python's own, and waits for threads or processes.
fn is_between_threads(run: &Run, chain: ChainId) -> bool {
    let Some(innermost) = run.frames(chain).last() else { return false };
    let file = run.names().file(innermost.code);
    let is_theirs = MODULES.iter().any(|module| file.ends_with(module))
        || PACKAGES.iter().any(|package| file.contains(package));
    is_theirs && !is_of_the_program(file)
}

/// The same times without overlaps, in order.
fn union(mut times: Vec<Times>) -> Vec<Times> {
    times.sort_unstable();
    times.dedup_by(|next, before| {
        let touches = next.0 <= before.1;
        if touches {
            before.1 = before.1.max(next.1);
        }
        touches
    });
    times
}

/// How much of `from_ns` to `to_ns` is in one of these times.
fn shared(times: &[Times], from_ns: u64, to_ns: u64) -> u64 {
    let first = times.partition_point(|time| time.1 <= from_ns);
    times[first..]
        .iter()
        .take_while(|time| time.0 < to_ns)
        .map(|time| time.1.min(to_ns) - time.0.max(from_ns))
        .sum()
}
