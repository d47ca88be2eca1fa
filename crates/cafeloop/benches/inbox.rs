//! The inbox: jobs that post themselves again, so many in each turn, which take
//! them all at once.  `item/s` counts jobs.
//!
//! One thread does both, so that this is the cost of the door and not of the
//! traffic: neither lock nor queue is contended, and the loop never sleeps.

mod host;

use divan::Bencher;
use divan::counter::ItemsCount;

use self::host::{Job, new_loop, run};

/// Jobs in one measurement; a multiple of each burst.
const JOBS: usize = 100_000;

fn main() {
    divan::main();
}

#[divan::bench(args = [1, 10, 1_000, 100_000])]
fn post_and_take(bencher: Bencher, burst: usize) {
    let engine = new_loop(None);
    for _ in 0..burst {
        engine.push(Job::Post);
    }
    bencher.counter(ItemsCount::new(JOBS)).bench_local(|| run(&engine, JOBS));
}
