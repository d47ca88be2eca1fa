//! Jobs that other threads post, and work that is handed to threads.

use std::os::fd::AsRawFd;
use std::sync::mpsc::channel;
use std::thread;

use super::{Job, Loop, new_loop, recorded_loop, run, turn};
use crate::engine::Remote;

/// How often the loop was woken and hasn't noticed yet, as `proc(5)` shows it.
fn wake_ups(engine: &Loop) -> u64 {
    let fd = engine.shared.waker().as_raw_fd();
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{fd}"));
    let info = info.expect("the loop has its eventfd open");
    let count = info.lines().find_map(|line| line.strip_prefix("eventfd-count:"));
    let count = count.expect("an eventfd shows its count").trim();
    u64::from_str_radix(count, 16).expect("the count is hexadecimal")
}

fn post(remote: &Remote<Job>, job: Job) {
    assert!(remote.post(job).is_ok());
}

#[test]
fn posts_run_in_their_order_behind_what_was_ready() {
    let engine = new_loop();
    for name in ["b", "c"] {
        post(&engine.remote(), Job::named(name));
    }
    engine.push(Job::named("a"));
    assert_eq!(turn(&engine), ["a", "b", "c"]);
}

#[test]
fn what_a_job_posts_runs_in_the_next_turn() {
    let engine = new_loop();
    engine.push(Job::new("a", |engine| post(&engine.remote(), Job::named("b"))));
    assert_eq!(turn(&engine), ["a"]);
    assert_eq!(turn(&engine), ["b"]);
}

#[test]
fn a_post_to_a_loop_that_is_awake_wakes_nobody() {
    let engine = new_loop();
    post(&engine.remote(), Job::named("a"));
    assert_eq!(wake_ups(&engine), 0);
}

#[test]
fn a_burst_of_posts_wakes_a_sleeping_loop_once() {
    let (engine, recorder) = recorded_loop();
    let other = engine.clone();
    engine.host().when_it_waits(move || {
        for _ in 0..100 {
            post(&other.remote(), Job::named("a"));
        }
        post(&other.remote(), Job::stop());
        assert_eq!(wake_ups(&other), 1);
    });
    assert_eq!(run(&engine).len(), 101);
    assert_eq!(recorder.polls(), [1]);
    assert_eq!(wake_ups(&engine), 0);
}

#[test]
fn who_has_the_hosts_lock_queues_at_once_and_wakes_nobody_who_is_awake() {
    let engine = new_loop();
    engine.push(Job::named("a"));
    engine.push_and_wake(Job::named("b"));
    engine.push(Job::named("c"));
    assert_eq!(wake_ups(&engine), 0);
    assert_eq!(turn(&engine), ["a", "b", "c"]);
}

#[test]
fn who_has_the_hosts_lock_wakes_a_sleeping_loop_once() {
    let (engine, recorder) = recorded_loop();
    let other = engine.clone();
    engine.host().when_it_waits(move || {
        for _ in 0..100 {
            other.push_and_wake(Job::named("a"));
        }
        other.push_and_wake(Job::stop());
        assert_eq!(wake_ups(&other), 1);
    });
    assert_eq!(run(&engine).len(), 101);
    assert_eq!(recorder.polls(), [1]);
    assert_eq!(wake_ups(&engine), 0);
}

#[test]
fn what_is_queued_while_the_host_settles_is_not_slept_over() {
    let engine = new_loop();
    let other = engine.clone();
    engine.host().when_it_settles(move || other.push(Job::stop()));
    assert_eq!(run(&engine), ["stop"]);
}

#[test]
fn a_post_after_a_wait_that_something_else_ended_wakes_nobody() {
    let engine = new_loop();
    let raise = |engine: &Loop| {
        let written = engine.with_signal_writer(|fd| rustix::io::write(fd, &[0]));
        assert_eq!(written.expect("a pipe can be made"), Ok(1));
    };
    raise(&engine);
    turn(&engine);
    let other = engine.clone();
    engine.host().when_it_waits(move || raise(&other));
    engine.host().leave_when_interrupted();
    assert!(engine.run(&engine).is_err());
    post(&engine.remote(), Job::named("a"));
    assert_eq!(wake_ups(&engine), 0);
    assert_eq!(turn(&engine), ["a"]);
}

#[test]
fn a_loop_sleeps_again_after_it_was_woken() {
    let (engine, recorder) = recorded_loop();
    for _ in 0..3 {
        let remote = engine.remote();
        engine.host().when_it_waits(move || post(&remote, Job::stop()));
        assert_eq!(run(&engine), ["stop"]);
        assert_eq!(recorder.polls(), [1]);
    }
}

#[test]
fn posts_of_many_threads_all_run() {
    const NAMES: [&str; 4] = ["a", "b", "c", "d"];
    let engine = new_loop();
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let remote = engine.remote();
            thread::spawn(move || {
                for name in NAMES {
                    post(&remote, Job::named(name));
                }
                post(&remote, Job::new("end", |engine| engine.push(Job::stop())));
            })
        })
        .collect();
    let mut ran = Vec::new();
    while ran.iter().filter(|&&name| name == "end").count() < threads.len() {
        ran.extend(run(&engine));
    }
    for name in NAMES {
        assert_eq!(ran.iter().filter(|&&other| other == name).count(), threads.len());
    }
    for thread in threads {
        thread.join().expect("the thread doesn't panic");
    }
}

#[test]
fn posts_of_a_thread_run_in_its_order() {
    let engine = new_loop();
    let remote = engine.remote();
    let poster = thread::spawn(move || {
        for name in ["a", "b", "c"] {
            post(&remote, Job::named(name));
        }
        post(&remote, Job::stop());
    });
    assert_eq!(run(&engine), ["a", "b", "c", "stop"]);
    poster.join().expect("the thread doesn't panic");
}

#[test]
fn posts_to_a_closed_loop_are_given_back() {
    let engine = new_loop();
    let remote = engine.remote();
    drop(engine);
    assert_eq!(remote.post(Job::named("late")).err().map(|job| job.name), Some("late"));
}

#[test]
fn remotes_know_their_loop() {
    let (engine, other) = (new_loop(), new_loop());
    assert!(engine.remote().is_same(&engine.remote().clone()));
    assert!(!engine.remote().is_same(&other.remote()));
}

#[test]
fn work_runs_on_another_thread_and_posts_its_result() {
    let engine = new_loop();
    let remote = engine.remote();
    let here = thread::current().id();
    let working = engine.submit(move || {
        let there = thread::current().id();
        let answer = if there == here { "here" } else { "elsewhere" };
        post(&remote, Job::named(answer));
        post(&remote, Job::stop());
    });
    assert_eq!(run(&engine), ["elsewhere", "stop"]);
    drop(working.expect("a thread can be made"));
}

#[test]
fn ending_the_threads_waits_for_what_they_do() {
    let engine = new_loop();
    let (starts, begun) = channel();
    let remote = engine.remote();
    let work = move || {
        starts.send(()).expect("the test listens");
        post(&remote, Job::named("done"));
    };
    let working = engine.submit(work).expect("a thread can be made");
    begun.recv().expect("the work begins");
    engine.end_threads();
    drop(working);
    assert_eq!(turn(&engine), ["done"]);
}

#[test]
fn threads_that_were_ended_are_made_again_for_more_work() {
    let engine = new_loop();
    for _ in 0..2 {
        let remote = engine.remote();
        let work = move || post(&remote, Job::stop());
        let working = engine.submit(work).expect("a thread can be made");
        assert_eq!(run(&engine), ["stop"]);
        drop(working);
        engine.end_threads();
    }
}
