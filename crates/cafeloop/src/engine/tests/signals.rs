//! Signals, as the bytes that a handler would write.

use std::os::fd::AsRawFd;

use cafeloop_flow::Event;

use super::{Job, Left, Loop, Watcher, new_loop, recorded_loop, run, turn};
use crate::engine::turn::JOBS_BETWEEN_POLLS;

const INT: u8 = 2;
const USR1: u8 = 10;
const USR2: u8 = 12;

/// Does what a handler does.
fn raise(engine: &Loop, signals: &[u8]) {
    let written = engine.with_signal_writer(|fd| rustix::io::write(fd, signals));
    let written = written.expect("a pipe can be made");
    assert_eq!(written, Ok(signals.len()));
}

/// Has the pipe made, with nothing in it.
fn open_pipe(engine: &Loop) {
    raise(engine, &[]);
}

fn watch(engine: &Loop, signal: u8, watcher: Watcher) -> Option<&'static str> {
    engine.watch_signal(i32::from(signal), watcher).map(|watcher| watcher.name)
}

fn unwatch(engine: &Loop, signal: u8) -> Option<&'static str> {
    engine.unwatch_signal(i32::from(signal)).map(|watcher| watcher.name)
}

#[test]
fn the_watcher_of_a_signal_is_told_each_time_that_it_comes() {
    let engine = new_loop();
    watch(&engine, USR1, Watcher::always("usr1"));
    raise(&engine, &[USR1]);
    assert_eq!(turn(&engine), ["usr1"]);
    assert!(turn(&engine).is_empty());
    raise(&engine, &[USR1, USR1]);
    assert_eq!(turn(&engine), ["usr1", "usr1"]);
}

#[test]
fn signals_are_told_in_the_order_in_which_they_came() {
    let engine = new_loop();
    watch(&engine, USR1, Watcher::always("usr1"));
    watch(&engine, USR2, Watcher::always("usr2"));
    raise(&engine, &[USR2, USR1, USR2]);
    assert_eq!(turn(&engine), ["usr2", "usr1", "usr2"]);
}

#[test]
fn a_signal_that_nobody_watches_is_heard_by_the_host_only() {
    let engine = new_loop();
    watch(&engine, USR1, Watcher::always("usr1"));
    raise(&engine, &[INT]);
    assert!(turn(&engine).is_empty());
    assert_eq!(engine.host().interruptions(), 1);
    turn(&engine);
    assert_eq!(engine.host().interruptions(), 1);
}

#[test]
fn a_signal_that_has_come_is_told_before_a_virtual_clock_jumps() {
    let (engine, recorder) = recorded_loop();
    watch(&engine, USR1, Watcher::always("usr1"));
    engine.set_timer(5, Job::stop());
    // Within a run, when the kernel has just been asked.
    engine.push(Job::new("raise", |engine| raise(engine, &[USR1])));
    assert_eq!(run(&engine), ["raise", "usr1", "stop"]);
    let begins = |event: &(u64, Event)| matches!(event.1, Event::JobBegins);
    let events = recorder.timed_events().into_iter().filter(begins);
    assert_eq!(events.map(|(at_ns, _)| at_ns).collect::<Vec<_>>(), [0, 0, 5]);
}

#[test]
fn a_signal_has_one_watcher_who_is_given_back_when_replaced_or_taken() {
    let engine = new_loop();
    assert_eq!(watch(&engine, USR1, Watcher::always("first")), None);
    assert_eq!(watch(&engine, USR1, Watcher::always("second")), Some("first"));
    raise(&engine, &[USR1]);
    assert_eq!(turn(&engine), ["second"]);
    assert_eq!(unwatch(&engine, USR1), Some("second"));
    assert_eq!(unwatch(&engine, USR1), None);
    raise(&engine, &[USR1]);
    assert!(turn(&engine).is_empty());
}

#[test]
fn only_signals_that_somebody_watches_are_listed() {
    let engine = new_loop();
    watch(&engine, USR2, Watcher::always("usr2"));
    watch(&engine, INT, Watcher::always("int"));
    watch(&engine, USR1, Watcher::once("usr1"));
    assert_eq!(engine.watched_signals(), [INT, USR1, USR2].map(i32::from));
    raise(&engine, &[USR1, USR1]);
    assert_eq!(turn(&engine), ["usr1"]);
    assert_eq!(engine.watched_signals(), [INT, USR2].map(i32::from));
}

#[test]
fn a_host_that_leaves_at_a_signal_keeps_the_jobs() {
    let engine = new_loop();
    watch(&engine, INT, Watcher::always("int"));
    engine.push(Job::named("a"));
    raise(&engine, &[INT]);
    engine.host().leave_when_interrupted();
    assert!(matches!(engine.run(&engine), Err(Left)));
    assert!(engine.host().ran().is_empty());
    assert_eq!(turn(&engine), ["a", "int"]);
}

#[test]
fn a_signal_ends_a_wait_for_ever() {
    let (engine, recorder) = recorded_loop();
    watch(&engine, USR1, Watcher::always("usr1"));
    open_pipe(&engine);
    let other = engine.clone();
    engine.host().when_it_waits(move || raise(&other, &[USR1]));
    engine.host().leave_when_interrupted();
    assert!(matches!(engine.run(&engine), Err(Left)));
    assert_eq!(recorder.polls(), [1]);
    assert_eq!(turn(&engine), ["usr1"]);
}

#[test]
fn a_busy_loop_hears_signals() {
    let engine = new_loop();
    watch(&engine, USR1, Watcher::always("usr1"));
    open_pipe(&engine);
    engine.push(Job::new("raise", |engine| raise(engine, &[USR1])));
    engine.push(Job::busy(10 * JOBS_BETWEEN_POLLS));
    let ran = run(&engine);
    let at = ran.iter().position(|&name| name == "usr1").expect("it is told");
    assert!(at <= JOBS_BETWEEN_POLLS + 1, "it had to wait for {at} jobs");
}

#[test]
fn more_signals_than_one_read_takes_are_all_told() {
    let engine = new_loop();
    watch(&engine, USR1, Watcher::always("usr1"));
    raise(&engine, &[USR1; 100]);
    let told: usize = (0..3).map(|_| turn(&engine).len()).sum();
    assert_eq!(told, 100);
}

#[test]
fn there_is_one_pipe_for_all_signals() {
    let engine = new_loop();
    let number = || engine.with_signal_writer(|fd| fd.as_raw_fd()).expect("a pipe can be made");
    assert_eq!(number(), number());
}

#[test]
fn a_full_pipe_refuses_a_handler_and_does_not_block_it() {
    let engine = new_loop();
    let fill = |fd: std::os::fd::BorrowedFd<'_>| {
        while rustix::io::write(fd, &[USR1; 4096]).is_ok() {}
        rustix::io::write(fd, &[USR1])
    };
    let answer = engine.with_signal_writer(fill).expect("a pipe can be made");
    assert_eq!(answer, Err(rustix::io::Errno::AGAIN));
}
