//! The seam at which a loop says what it does: what a job costs with nobody
//! listening, with somebody who doesn't keep what he hears, and with the recorder's
//! ring, which keeps the newest events.  `item/s` counts jobs, each of which is two
//! events.

mod host;

use std::cell::RefCell;
use std::rc::Rc;

use cafeloop::flow::{Event, Lane, Metadata, Recorder, Sink, Tap};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

use self::host::{Job, new_loop, run};

/// Jobs in one measurement.
const JOBS: usize = 100_000;
/// Jobs in a turn, so that what a turn says of itself doesn't show.
const IN_A_TURN: usize = 1_000;
/// The size of the ring: 32,768 events, which is 1 MiB.
const RING_BYTES: usize = 1 << 20;

fn main() {
    divan::main();
}

/// Hears the events and their times, and forgets them.
struct Deaf;

impl Sink for Deaf {
    fn record(&self, at_ns: u64, event: Event) {
        black_box((at_ns, event));
    }
}

fn jobs(bencher: Bencher, sink: Option<Rc<dyn Sink>>) {
    let engine = new_loop(sink);
    for _ in 0..IN_A_TURN {
        engine.push(Job::Push);
    }
    bencher.counter(ItemsCount::new(JOBS)).bench_local(|| run(&engine, JOBS));
}

#[divan::bench]
fn nobody(bencher: Bencher) {
    jobs(bencher, None);
}

#[divan::bench]
fn deaf(bencher: Bencher) {
    jobs(bencher, Some(Rc::new(Deaf)));
}

#[divan::bench]
fn ring(bencher: Bencher) {
    let recorder = Recorder::ring(Metadata::default(), RING_BYTES);
    jobs(bencher, Some(Rc::new(Tap::new(Rc::new(RefCell::new(recorder)), Lane(0)))));
}
