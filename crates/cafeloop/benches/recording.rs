//! The seam at which a loop says what it does: what a job costs with nobody
//! listening, with somebody who doesn't keep what he hears, and with a ring that
//! keeps the newest events.
//!
//! The ring is the simplest that could do; the recorder's own is to be measured
//! here once there is one.  `item/s` counts jobs, each of which is two events.

mod host;

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use cafeloop::flow::{Event, Sink};
use divan::counter::ItemsCount;
use divan::{Bencher, black_box};

use self::host::{Job, new_loop, run};

/// Jobs in one measurement.
const JOBS: usize = 100_000;
/// Jobs in a turn, so that what a turn says of itself doesn't show.
const IN_A_TURN: usize = 1_000;
/// As many events as fit into 1 MiB, more or less.
const EVENTS_KEPT: usize = 1 << 15;

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

struct Ring {
    events: RefCell<Vec<(u64, Event)>>,
    next: Cell<usize>,
}

impl Ring {
    fn new() -> Self {
        let empty = (0, Event::JobBegins);
        Ring { events: RefCell::new(vec![empty; EVENTS_KEPT]), next: Cell::new(0) }
    }
}

impl Sink for Ring {
    fn record(&self, at_ns: u64, event: Event) {
        let next = self.next.get();
        self.events.borrow_mut()[next] = (at_ns, event);
        self.next.set((next + 1) % EVENTS_KEPT);
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
    jobs(bencher, Some(Rc::new(Ring::new())));
}
