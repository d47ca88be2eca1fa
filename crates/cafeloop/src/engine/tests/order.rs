//! In which order jobs run that are ready for different reasons.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::rc::Rc;

use proptest::prelude::*;

use super::{Job, Loop, Names, Watcher, new_loop, turn};
use crate::engine::Interest;

/// More than enough for each order of a few jobs to come out.
const SEEDS: u64 = 200;

fn seeded(seed: u64) -> Rc<Loop> {
    let engine = new_loop();
    engine.set_seed(seed);
    engine
}

/// What runs in the turn after the one that `begin` prepares, by each seed.
fn orders(begin: impl Fn(&Loop)) -> BTreeSet<Names> {
    let second_turn = |seed| {
        let engine = seeded(seed);
        begin(&engine);
        turn(&engine);
        turn(&engine)
    };
    (0..SEEDS).map(second_turn).collect()
}

/// A job that queues others.
fn queues(names: &'static [&'static str]) -> Job {
    Job::new("queues", |engine| names.iter().for_each(|name| engine.push(Job::named(name))))
}

#[test]
fn without_a_seed_jobs_run_in_the_order_in_which_they_were_queued() {
    let engine = new_loop();
    engine.push(queues(&["a", "b"]));
    engine.push(queues(&["c"]));
    turn(&engine);
    assert_eq!(turn(&engine), ["a", "b", "c"]);
}

#[test]
fn jobs_of_different_sources_run_in_every_order() {
    let orders = orders(|engine| {
        engine.push(queues(&["a"]));
        engine.push(queues(&["b"]));
        engine.push(queues(&["c"]));
    });
    assert_eq!(orders.len(), 6);
}

#[test]
fn jobs_of_one_source_keep_their_order() {
    let orders = orders(|engine| {
        engine.push(queues(&["a", "b"]));
        engine.push(queues(&["c"]));
    });
    let expected = [["a", "b", "c"], ["a", "c", "b"], ["c", "a", "b"]];
    assert_eq!(orders, expected.map(Vec::from).into());
}

#[test]
fn other_threads_are_one_source_and_part_no_others_jobs() {
    let orders = orders(|engine| {
        engine.push(Job::new("queues", |engine| {
            engine.push(Job::named("a"));
            engine.push_and_wake(Job::named("1"));
            engine.push(Job::named("b"));
            engine.push_and_wake(Job::named("2"));
        }));
    });
    assert_eq!(orders.len(), 6);
    for order in orders {
        let place = |name| order.iter().position(|other| *other == name);
        assert!(place("a") < place("b") && place("1") < place("2"), "{order:?}");
    }
}

#[test]
fn what_is_queued_before_the_loop_runs_has_one_source() {
    for seed in 0..SEEDS {
        let engine = seeded(seed);
        for name in ["a", "b", "c"] {
            engine.push(Job::named(name));
        }
        assert_eq!(turn(&engine), ["a", "b", "c"]);
    }
}

#[test]
fn promised_jobs_keep_their_order_whoever_queued_them() {
    let orders = orders(|engine| {
        engine.push(queues(&["promised 1", "a"]));
        engine.push(queues(&["promised 2", "b"]));
    });
    assert!(orders.len() > 1);
    for order in orders {
        let promised: Names =
            order.into_iter().filter(|name| name.starts_with("promised")).collect();
        assert_eq!(promised, ["promised 1", "promised 2"]);
    }
}

#[test]
fn timers_of_one_deadline_fire_in_every_order_and_others_by_their_deadlines() {
    let fired = |seed| {
        let engine = seeded(seed);
        for (deadline_ns, name) in [(2, "late"), (1, "a"), (1, "b"), (1, "c")] {
            engine.set_timer(deadline_ns, Job::named(name));
        }
        engine.clock().advance_to(2);
        turn(&engine)
    };
    let orders: BTreeSet<Names> = (0..SEEDS).map(fired).collect();
    assert_eq!(orders.len(), 6);
    assert!(orders.iter().all(|order| order[3] == "late"));
}

#[test]
fn descriptors_that_are_ready_in_one_poll_are_told_in_every_order() {
    let told = |seed| {
        let engine = seeded(seed);
        let mut pipes = Vec::new();
        for name in ["a", "b", "c"] {
            let (reader, mut writer) = io::pipe().expect("a pipe can be made");
            writer.write_all(b"!").expect("the pipe has room");
            let watcher = Watcher::once(name);
            engine
                .watch(reader.as_raw_fd(), Interest::Read, watcher)
                .expect("a pipe can be polled");
            pipes.push((reader, writer));
        }
        turn(&engine)
    };
    let orders: BTreeSet<Names> = (0..SEEDS).map(told).collect();
    assert_eq!(orders.len(), 6);
}

#[test]
fn jobs_of_other_threads_keep_their_order() {
    for seed in 0..SEEDS {
        let engine = seeded(seed);
        for name in ["a", "b", "c"] {
            assert!(engine.remote().post(Job::named(name)).is_ok());
        }
        assert_eq!(turn(&engine), ["a", "b", "c"]);
    }
}

#[test]
fn jobs_that_were_queued_before_there_was_a_seed_keep_their_order() {
    for seed in 0..SEEDS {
        let engine = new_loop();
        engine.push(Job::named("a"));
        engine.push(Job::named("b"));
        engine.set_seed(seed);
        engine.push(Job::named("c"));
        let ran = turn(&engine);
        assert_eq!(ran.iter().filter(|name| **name != "c").collect::<Vec<_>>(), [&"a", &"b"]);
    }
}

/// A program: in each turn, each job queues so many others.
fn program() -> impl Strategy<Value = Vec<Vec<u8>>> {
    prop::collection::vec(prop::collection::vec(0..4_u8, 1..6), 1..6)
}

/// Runs it, and gives the names of what ran.
fn trace(seed: u64, program: &[Vec<u8>]) -> Names {
    const NAMES: [&str; 4] = ["a", "b", "promised c", "promised d"];
    let engine = seeded(seed);
    let mut ran = Vec::new();
    for level in program {
        for (index, &count) in level.iter().enumerate() {
            engine.push(Job::new(NAMES[index % NAMES.len()], move |engine| {
                (0..count).for_each(|n| engine.push(Job::named(NAMES[usize::from(n)])));
            }));
        }
        ran.extend(turn(&engine));
    }
    ran.extend(turn(&engine));
    ran
}

proptest! {
    #[test]
    fn one_seed_gives_one_order(seed: u64, program in program()) {
        prop_assert_eq!(trace(seed, &program), trace(seed, &program));
    }

    #[test]
    fn no_job_is_lost_or_runs_twice(seed: u64, program in program()) {
        let sorted = |mut names: Names| {
            names.sort_unstable();
            names
        };
        prop_assert_eq!(sorted(trace(seed, &program)), sorted(trace(0, &program)));
    }
}
