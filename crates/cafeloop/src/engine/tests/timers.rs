//! Timers against a plain model: a list that is searched from end to end.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::engine::timers::{DEAD_TOLERATED, TimerKey, Timers};

/// A timer of the model; the job is a number, in the order of creation.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Plain {
    deadline_ns: u64,
    job: usize,
    is_set: bool,
}

#[derive(Default)]
struct Model {
    timers: Vec<Plain>,
}

impl Model {
    fn set(&mut self, deadline_ns: u64) -> usize {
        let job = self.timers.len();
        self.timers.push(Plain { deadline_ns, job, is_set: true });
        job
    }

    fn cancel(&mut self, job: usize) -> Option<usize> {
        let timer = &mut self.timers[job];
        std::mem::take(&mut timer.is_set).then_some(job)
    }

    /// The first of the nearest, which is the oldest of a tie.
    fn nearest(&mut self) -> Option<&mut Plain> {
        self.timers.iter_mut().filter(|timer| timer.is_set).min_by_key(|timer| timer.deadline_ns)
    }

    fn pop_due(&mut self, now_ns: u64) -> Option<(u64, usize)> {
        let timer = self.nearest().filter(|timer| timer.deadline_ns <= now_ns)?;
        timer.is_set = false;
        Some((timer.deadline_ns, timer.job))
    }

    fn jobs(&self) -> Vec<usize> {
        self.timers.iter().filter(|timer| timer.is_set).map(|timer| timer.job).collect()
    }
}

#[derive(Clone, Debug)]
enum Step {
    /// So many nanoseconds from now; few, for many ties.
    Set(u64),
    SetMany(Vec<u64>),
    SetAt(u64),
    /// Any timer ever set: most are dead, and their slots taken again.
    Cancel(Index),
    CancelMany(Vec<Index>),
    /// Lets time pass, then takes one timer.
    PopOne(u64),
    /// Lets time pass, then takes all that are due.
    PopAll(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..20u64).prop_map(Step::Set),
        1 => vec(0..200u64, 0..200).prop_map(Step::SetMany),
        1 => prop_oneof![Just(0), Just(u64::MAX)].prop_map(Step::SetAt),
        4 => any::<Index>().prop_map(Step::Cancel),
        1 => vec(any::<Index>(), 0..300).prop_map(Step::CancelMany),
        2 => (0..4u64).prop_map(Step::PopOne),
        1 => (0..20u64).prop_map(Step::PopAll),
    ]
}

fn assert_bounded(timers: &Timers<usize>) {
    let alive = timers.iter().count();
    let dead = timers.entries() - alive;
    assert!(dead <= alive.max(DEAD_TOLERATED), "{dead} dead entries beside {alive} timers");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn timers_do_as_a_plain_list_would(steps in vec(step(), 0..80)) {
        let mut timers = Timers::new();
        let mut model = Model::default();
        let mut keys: Vec<TimerKey> = Vec::new();
        let mut now_ns = 0;
        for step in steps {
            match step {
                Step::Set(delay_ns) => {
                    let job = model.set(now_ns + delay_ns);
                    keys.push(timers.set(now_ns + delay_ns, job));
                }
                Step::SetMany(delays_ns) => {
                    for delay_ns in delays_ns {
                        let job = model.set(now_ns + delay_ns);
                        keys.push(timers.set(now_ns + delay_ns, job));
                    }
                }
                Step::SetAt(deadline_ns) => {
                    let job = model.set(deadline_ns);
                    keys.push(timers.set(deadline_ns, job));
                }
                Step::Cancel(which) if !keys.is_empty() => {
                    let job = which.index(keys.len());
                    prop_assert_eq!(timers.cancel(keys[job]), model.cancel(job));
                }
                Step::CancelMany(which) if !keys.is_empty() => {
                    for job in which.iter().map(|which| which.index(keys.len())) {
                        prop_assert_eq!(timers.cancel(keys[job]), model.cancel(job));
                        assert_bounded(&timers);
                    }
                }
                Step::Cancel(_) | Step::CancelMany(_) => {}
                Step::PopOne(passed_ns) => {
                    now_ns += passed_ns;
                    let popped = timers.pop_due(now_ns);
                    prop_assert!(popped.is_none_or(|(deadline_ns, _)| deadline_ns <= now_ns));
                    prop_assert_eq!(popped, model.pop_due(now_ns));
                }
                Step::PopAll(passed_ns) => {
                    now_ns += passed_ns;
                    while let Some(popped) = model.pop_due(now_ns) {
                        prop_assert_eq!(timers.pop_due(now_ns), Some(popped));
                        assert_bounded(&timers);
                    }
                    prop_assert_eq!(timers.pop_due(now_ns), None);
                }
            }
            assert_bounded(&timers);
            let nearest_ns = model.nearest().map(|timer| timer.deadline_ns);
            prop_assert_eq!(timers.next_deadline_ns(), nearest_ns);
            let mut jobs: Vec<usize> = timers.iter().copied().collect();
            jobs.sort_unstable();
            prop_assert_eq!(jobs, model.jobs());
        }
    }
}

#[test]
fn the_key_of_a_dead_timer_cancels_nothing_when_its_slot_is_taken_again() {
    let mut timers = Timers::new();
    let cancelled = timers.set(1, "cancelled");
    assert_eq!(timers.cancel(cancelled), Some("cancelled"));
    let fired = timers.set(1, "fired");
    assert_eq!(timers.cancel(cancelled), None);
    assert_eq!(timers.pop_due(1), Some((1, "fired")));
    timers.set(1, "alive");
    assert_eq!([timers.cancel(cancelled), timers.cancel(fired)], [None, None]);
    assert_eq!(timers.pop_due(1), Some((1, "alive")));
}

#[test]
fn a_timer_is_not_due_a_nanosecond_early() {
    let mut timers = Timers::new();
    timers.set(1000, ());
    assert_eq!(timers.pop_due(999), None);
    assert_eq!(timers.pop_due(1000), Some((1000, ())));
}

#[test]
fn timers_cancelled_at_once_leave_nothing_behind() {
    let mut timers = Timers::new();
    for deadline_ns in 0..100_000 {
        let key = timers.set(deadline_ns, ());
        timers.cancel(key);
        assert!(timers.entries() <= DEAD_TOLERATED + 1);
    }
}

#[test]
fn the_dead_go_too_when_the_living_fire() {
    let mut timers = Timers::new();
    let dead: Vec<_> = (0..1000).map(|_| timers.set(u64::MAX, ())).collect();
    timers.set(u64::MAX - 1, ());
    for deadline_ns in 0..1000 {
        timers.set(deadline_ns, ());
    }
    for key in dead {
        timers.cancel(key);
    }
    assert_eq!(timers.entries(), 2001);
    while timers.pop_due(1000).is_some() {}
    assert!(timers.entries() <= 1 + DEAD_TOLERATED);
}
