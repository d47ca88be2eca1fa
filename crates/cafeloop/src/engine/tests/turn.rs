//! What runs in which turn, in what order, and when the kernel is asked.

use std::io::{self, Write};
use std::os::fd::AsRawFd;

use super::{Job, Left, Watcher, new_loop, recorded_loop, recorded_loop_by, run, turn};
use crate::engine::turn::{BETWEEN_POLLS_NS, JOBS_BETWEEN_POLLS};
use crate::engine::{Clock, Interest};

#[test]
fn jobs_run_in_the_order_in_which_they_were_queued() {
    let engine = new_loop();
    for name in ["a", "b", "c"] {
        engine.push(Job::named(name));
    }
    assert_eq!(turn(&engine), ["a", "b", "c"]);
}

#[test]
fn what_a_job_queues_runs_in_the_next_turn() {
    let engine = new_loop();
    engine.push(Job::new("a", |engine| engine.push(Job::named("c"))));
    engine.push(Job::named("b"));
    assert_eq!(turn(&engine), ["a", "b"]);
    assert_eq!(turn(&engine), ["c"]);
}

#[test]
fn the_host_is_told_when_the_jobs_of_a_turn_have_run() {
    let engine = new_loop();
    engine.host().write_turns_down();
    engine.push(Job::new("a", |engine| engine.push(Job::stop())));
    engine.push(Job::named("b"));
    assert_eq!(run(&engine), ["a", "b", "end of turn", "stop", "end of turn"]);
}

#[test]
fn a_turn_queues_posts_then_descriptors_then_timers_behind_what_was_ready() {
    let engine = new_loop();
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    writer.write_all(b"!").expect("the pipe has room");
    engine.set_timer(0, Job::named("timer"));
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("descriptor")).expect("a pipe can be polled");
    assert!(engine.remote().post(Job::named("post")).is_ok());
    engine.push(Job::named("ready"));
    assert_eq!(turn(&engine), ["ready", "post", "descriptor", "timer"]);
}

#[test]
fn due_timers_run_by_deadline_and_ties_in_the_order_of_creation() {
    let engine = new_loop();
    engine.set_timer(7, Job::new("end", |engine| engine.push(Job::stop())));
    run(&engine);
    for (deadline_ns, name) in [(5, "d"), (3, "a"), (4, "b"), (4, "c"), (5, "e")] {
        engine.set_timer(deadline_ns, Job::named(name));
    }
    assert_eq!(turn(&engine), ["a", "b", "c", "d", "e"]);
}

#[test]
fn a_timer_that_is_due_when_a_job_sets_it_runs_in_the_next_turn() {
    let engine = new_loop();
    engine.push(Job::new("a", |engine| {
        engine.set_timer(0, Job::named("timer"));
        engine.push(Job::named("b"));
    }));
    assert_eq!(turn(&engine), ["a"]);
    assert_eq!(turn(&engine), ["b", "timer"]);
}

#[test]
fn a_cancelled_timer_gives_its_job_back_once_and_runs_nothing() {
    let engine = new_loop();
    let key = engine.set_timer(1, Job::named("cancelled"));
    engine.set_timer(2, Job::stop());
    assert_eq!(engine.cancel_timer(key).map(|job| job.name), Some("cancelled"));
    assert!(engine.cancel_timer(key).is_none());
    assert_eq!(run(&engine), ["stop"]);
}

#[test]
fn a_timer_that_has_fired_can_no_longer_be_cancelled() {
    let engine = new_loop();
    let key = engine.set_timer(0, Job::named("timer"));
    assert_eq!(turn(&engine), ["timer"]);
    assert!(engine.cancel_timer(key).is_none());
}

#[test]
fn stopping_ends_the_run_after_the_jobs_of_the_turn() {
    let engine = new_loop();
    engine.push(Job::stop());
    engine.push(Job::new("a", |engine| engine.push(Job::named("b"))));
    assert_eq!(run(&engine), ["stop", "a"]);
    assert_eq!(turn(&engine), ["b"]);
}

#[test]
fn a_loop_stopped_before_it_runs_runs_one_turn() {
    let engine = new_loop();
    engine.stop();
    engine.push(Job::new("a", |engine| engine.push(Job::named("b"))));
    assert_eq!(run(&engine), ["a"]);
}

#[test]
fn a_stop_ends_one_run_only() {
    let engine = new_loop();
    assert!(turn(&engine).is_empty());
    engine.push(Job::new("a", |engine| engine.push(Job::stop())));
    assert_eq!(run(&engine), ["a", "stop"]);
}

#[test]
fn a_job_that_leaves_keeps_the_rest_queued_for_the_next_run() {
    let engine = new_loop();
    for job in [Job::named("a"), Job::leave(), Job::named("b")] {
        engine.push(job);
    }
    assert!(matches!(engine.run(&engine), Err(Left)));
    assert_eq!(engine.host().ran(), ["a", "leave"]);
    assert_eq!(turn(&engine), ["b"]);
}

#[test]
fn leaving_forgets_a_stop_of_the_same_turn() {
    let engine = new_loop();
    engine.push(Job::stop());
    engine.push(Job::leave());
    assert!(engine.run(&engine).is_err());
    engine.push(Job::new("a", |engine| engine.push(Job::stop())));
    assert_eq!(run(&engine), ["stop", "leave", "a", "stop"]);
}

#[test]
fn a_job_that_runs_turns_of_its_own_leaves_nothing_to_run_twice() {
    let engine = new_loop();
    engine.push(Job::new("outer", |engine| {
        engine.stop();
        engine.run(engine).expect("no job leaves");
        engine.stop();
    }));
    engine.push(Job::named("inner"));
    assert_eq!(run(&engine), ["outer", "inner"]);
}

#[test]
fn the_first_turn_of_each_run_asks_the_kernel() {
    let (engine, recorder) = recorded_loop();
    let (reader, _writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::always("pipe")).expect("a pipe can be polled");
    for _ in 0..3 {
        engine.push(Job::named("a"));
        turn(&engine);
        assert_eq!(recorder.polls(), [0]);
    }
}

#[test]
fn a_turn_that_does_not_ask_the_kernel_tells_no_watcher() {
    let engine = new_loop();
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    writer.write_all(b"!").expect("the pipe has room");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::always("pipe")).expect("a pipe can be polled");
    engine.push(Job::busy(2));
    assert_eq!(run(&engine), ["busy", "pipe", "busy", "busy"]);
}

#[test]
fn a_busy_loop_with_nobody_outside_never_asks_the_kernel() {
    let (engine, recorder) = recorded_loop();
    engine.push(Job::busy(3 * JOBS_BETWEEN_POLLS));
    run(&engine);
    assert!(recorder.polls().is_empty());
}

#[test]
fn a_busy_loop_asks_the_kernel_once_for_many_jobs() {
    let (engine, recorder) = recorded_loop();
    let (reader, _writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::always("pipe")).expect("a pipe can be polled");
    engine.push(Job::busy(1000));
    let turns = run(&engine).len();
    assert_eq!(recorder.polls().len(), turns.div_ceil(JOBS_BETWEEN_POLLS));
}

#[test]
fn a_job_that_queues_itself_for_ever_does_not_starve_descriptors() {
    let engine = new_loop();
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("pipe")).expect("a pipe can be polled");
    // The kernel was asked before this, in the first turn.
    engine.push(Job::new("write", move |_| writer.write_all(b"!").expect("the pipe has room")));
    engine.push(Job::busy(10 * JOBS_BETWEEN_POLLS));
    let ran = run(&engine);
    let at = ran.iter().position(|&name| name == "pipe").expect("it is told");
    // Behind the jobs between two polls and the one queued when it is told.
    assert!(at <= JOBS_BETWEEN_POLLS + 1, "it had to wait for {at} jobs");
}

#[test]
fn a_job_that_queues_itself_for_ever_starves_neither_posts_nor_timers() {
    let engine = new_loop();
    engine.push(Job::busy(10));
    turn(&engine);
    assert!(engine.remote().post(Job::named("post")).is_ok());
    engine.set_timer(0, Job::named("timer"));
    assert_eq!(turn(&engine), ["busy", "post", "timer"]);
}

#[test]
fn a_busy_loop_asks_the_kernel_again_when_a_job_took_long() {
    let (engine, recorder) = recorded_loop_by(Clock::real());
    let (reader, _writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::always("pipe")).expect("a pipe can be polled");
    engine.push(Job::new("slow", |engine| {
        let began_ns = engine.clock().now_ns();
        while engine.clock().now_ns() < began_ns + BETWEEN_POLLS_NS {}
        engine.push(Job::stop());
    }));
    assert_eq!(run(&engine), ["slow", "stop"]);
    assert_eq!(recorder.polls(), [0, 0]);
}
