//! Timers, by how many there are.  `item/s` counts timers.
//!
//! Deadlines come in no order.  `set`, `cancel` and `fire` do all that there are,
//! one after the other, so theirs is the mean from none to so many; what is
//! measured of `fire` includes the ready queue and one run, which `ready` measures
//! alone.

mod host;

use std::cell::RefCell;

use cafeloop::engine::TimerKey;
use divan::Bencher;
use divan::counter::ItemsCount;

use self::host::{Job, Loop, new_loop, run};

const SIZES: [usize; 4] = [10, 1_000, 100_000, 1_000_000];

/// Timers in one measurement where there are others all the time.
const PASSING: usize = 1_000;

/// Most seconds for one size, or a million timers would take minutes.
const SECONDS: u64 = 3;

fn main() {
    divan::main();
}

/// The numbers below `count`, in no order; the same in each run.
fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<usize> = (0..count).collect();
    // Fisher and Yates, with Marsaglia's xorshift from an arbitrary beginning.
    let mut random: u64 = 0x9E37_79B9_7F4A_7C15;
    for last in (1..count).rev() {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        let chosen = random % (last as u64 + 1);
        numbers.swap(last, usize::try_from(chosen).expect("it's at most `last`"));
    }
    numbers
}

fn set_all(engine: &Loop, deadlines: &[usize]) -> Vec<TimerKey> {
    deadlines.iter().map(|&deadline| engine.set_timer(deadline as u64, Job::Nothing)).collect()
}

fn cancel_all(engine: &Loop, keys: &[TimerKey]) {
    for &key in keys {
        engine.cancel_timer(key);
    }
}

// Each measurement is of one round, or several would be prepared at once.
#[divan::bench(args = SIZES, sample_size = 1, max_time = SECONDS)]
fn set(bencher: Bencher, count: usize) {
    let (engine, deadlines) = (new_loop(None), shuffled(count));
    let keys = RefCell::new(Vec::with_capacity(count));
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| cancel_all(&engine, &keys.take()))
        .bench_local_values(|()| keys.replace(set_all(&engine, &deadlines)));
}

#[divan::bench(args = SIZES, sample_size = 1, max_time = SECONDS)]
fn cancel(bencher: Bencher, count: usize) {
    let (engine, deadlines) = (new_loop(None), shuffled(count));
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| {
            let keys = set_all(&engine, &deadlines);
            // Set in one order of deadlines, cancelled in another.
            deadlines.iter().map(|&number| keys[number]).collect::<Vec<_>>()
        })
        .bench_local_refs(|keys| cancel_all(&engine, keys));
}

#[divan::bench(args = SIZES, sample_size = 1, max_time = SECONDS)]
fn fire(bencher: Bencher, count: usize) {
    let (engine, deadlines) = (new_loop(None), shuffled(count));
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| set_all(&engine, &deadlines))
        .bench_local_refs(|_| run(&engine, count));
}

/// As time-outs that are hardly ever reached, while `count` others wait.
#[divan::bench(args = SIZES, max_time = SECONDS)]
fn set_and_cancel(bencher: Bencher, count: usize) {
    let engine = new_loop(None);
    set_all(&engine, &shuffled(count));
    let deadlines = shuffled(PASSING);
    bencher.counter(ItemsCount::new(PASSING)).bench_local(|| {
        for &deadline in &deadlines {
            let deadline_ns = (deadline * (count / 10)) as u64;
            let key = engine.set_timer(deadline_ns, Job::Nothing);
            engine.cancel_timer(key);
        }
    });
}
