//! The ready queue: what a job costs besides itself, and what a run costs besides
//! its jobs.
//!
//! Jobs that queue themselves again, so many in each turn: `item/s` counts jobs.

mod host;

use divan::Bencher;
use divan::counter::ItemsCount;

use self::host::{Job, new_loop, run};

/// Jobs in one measurement; a multiple of each number of jobs in a turn.
const JOBS: usize = 100_000;

fn main() {
    divan::main();
}

#[divan::bench(args = [1, 10, 1_000, 100_000])]
fn push_and_pop(bencher: Bencher, in_a_turn: usize) {
    let engine = new_loop(None);
    for _ in 0..in_a_turn {
        engine.push(Job::Push);
    }
    bencher.counter(ItemsCount::new(JOBS)).bench_local(|| run(&engine, JOBS));
}

/// A run of one turn, in which nothing is to be done.
#[divan::bench]
fn nothing(bencher: Bencher) {
    let engine = new_loop(None);
    bencher.bench_local(|| {
        engine.stop();
        run(&engine, 0);
    });
}
