//! When time passes, and how much of it.

use std::io::{self, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use cafeloop_flow::Event;
use rustix::event::{EventfdFlags, eventfd};
use rustix::thread::{current_timer_slack, set_current_timer_slack};

use super::{Job, Loop, Watcher, new_loop, new_loop_by, recorded_loop, run, turn};
use crate::engine::{Clock, Foreign, Interest};

const HOUR_NS: u64 = 3_600_000_000_000;

/// Runs until the loop stops, which it must without waiting.
fn run_without_waiting(engine: &Loop) -> super::Names {
    engine.host().when_it_waits(|| panic!("the loop waits in the kernel"));
    run(engine)
}

/// The longest that each poll would have waited.
fn waits_ns(events: Vec<Event>) -> Vec<Option<u64>> {
    let wait_ns = |event| match event {
        Event::PollBegins { wait_ns } => Some(wait_ns),
        _ => None,
    };
    events.into_iter().filter_map(wait_ns).collect()
}

#[test]
fn a_virtual_clock_is_at_each_deadline_at_once() {
    let engine = new_loop();
    for hours in [3, 1, 2] {
        engine.set_timer(
            hours * HOUR_NS,
            Job::new("timer", move |engine| {
                assert_eq!(engine.clock().now_ns(), hours * HOUR_NS);
            }),
        );
    }
    engine.set_timer(4 * HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["timer", "timer", "timer", "stop"]);
}

#[test]
fn a_virtual_clock_stands_still_while_jobs_are_ready() {
    let engine = new_loop();
    engine.set_timer(1, Job::named("timer"));
    engine.push(Job::busy(2));
    assert_eq!(run_without_waiting(&engine), ["busy"; 3]);
    assert_eq!(engine.clock().now_ns(), 0);
}

#[test]
fn a_virtual_clock_waits_for_work_handed_to_a_thread() {
    let (engine, recorder) = recorded_loop();
    let (release, released) = channel();
    let remote = engine.remote();
    let working = engine.submit(move || {
        released.recv().expect("the test releases it");
        assert!(remote.post(Job::stop()).is_ok());
    });
    engine.set_timer(HOUR_NS, Job::named("timer"));
    engine.host().when_it_waits(move || release.send(()).expect("the thread waits"));
    assert_eq!(run(&engine), ["stop"]);
    assert_eq!(waits_ns(recorder.events()), [None]);
    assert_eq!(engine.clock().now_ns(), 0);
    drop(working);
    engine.set_timer(2 * HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["timer", "stop"]);
}

/// A descriptor through which anybody may send something: the kernel doesn't say whom
/// it is shared with.
fn outside() -> OwnedFd {
    eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).expect("there is a number left")
}

#[test]
fn a_virtual_clock_waits_for_the_outside_as_a_real_one() {
    let (engine, recorder) = recorded_loop();
    let outside = Arc::new(outside());
    let fd = outside.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("outside")).expect("it can be polled");
    engine.set_timer(HOUR_NS, Job::named("timer"));
    let remote = engine.remote();
    let sender = outside.clone();
    engine.host().when_it_waits(move || {
        rustix::io::write(&*sender, &1_u64.to_ne_bytes()).expect("it has room");
        assert!(remote.post(Job::stop()).is_ok());
    });
    assert_eq!(run(&engine), ["stop", "outside"]);
    assert_eq!(waits_ns(recorder.events()), [Some(0), Some(HOUR_NS)]);
    assert!(engine.clock().now_ns() < HOUR_NS);
}

#[test]
fn a_virtual_clock_that_waits_like_a_real_one_is_not_early() {
    const DEADLINE_NS: u64 = 1_000_000;
    let engine = new_loop();
    let outside = outside();
    let fd = outside.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("outside")).expect("it can be polled");
    engine.set_timer(DEADLINE_NS, Job::stop());
    let began = Instant::now();
    assert_eq!(run(&engine), ["stop"]);
    assert!(began.elapsed() >= Duration::from_nanos(DEADLINE_NS));
    assert_eq!(engine.clock().now_ns(), DEADLINE_NS);
}

#[test]
fn a_strict_virtual_clock_refuses_to_wait_for_the_outside() {
    let clock = Clock::virtual_from(Duration::ZERO, Foreign::IsAnError);
    let engine = new_loop_by(clock);
    let outside = outside();
    let fd = outside.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("outside")).expect("it can be polled");
    engine.set_timer(HOUR_NS, Job::named("timer"));
    let text = catch_unwind(AssertUnwindSafe(|| run(&engine))).expect_err("the loop fails");
    let text = text.downcast_ref::<String>().expect("it says why");
    assert!(text.contains(&format!("can't foresee descriptor {fd}, what is neither")), "{text}");
}

fn complaint_of_a_strict_clock(engine: &Loop) -> String {
    let text = catch_unwind(AssertUnwindSafe(|| run(engine))).expect_err("the loop fails");
    text.downcast_ref::<String>().expect("it says why").clone()
}

#[test]
fn what_is_expected_from_outside_takes_real_time() {
    const DEADLINE_NS: u64 = 1_000_000;
    let engine = new_loop();
    let expected = engine.expect("the child process 7");
    engine.set_timer(DEADLINE_NS, Job::stop());
    let began = Instant::now();
    assert_eq!(run(&engine), ["stop"]);
    assert!(began.elapsed() >= Duration::from_nanos(DEADLINE_NS));
    drop(expected);
    engine.set_timer(HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["stop"]);

    let engine = new_loop_by(Clock::virtual_from(Duration::ZERO, Foreign::IsAnError));
    let _expected = engine.expect("the child process 7");
    engine.set_timer(HOUR_NS, Job::named("timer"));
    let text = complaint_of_a_strict_clock(&engine);
    assert!(text.contains("can't foresee the child process 7"), "{text}");
}

#[test]
fn a_strict_virtual_clock_does_not_wait_for_ever() {
    let strict = || new_loop_by(Clock::virtual_from(Duration::ZERO, Foreign::IsAnError));
    let text = complaint_of_a_strict_clock(&strict());
    assert!(text.contains("would wait for ever: no timer is set"), "{text}");

    // What is there is dealt with, what a thread works on is waited for, and what may come
    // takes no virtual time as long as there is no deadline.
    let engine = strict();
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("pipe")).expect("a pipe can be polled");
    writer.write_all(b"!").expect("the pipe has room");
    let remote = engine.remote();
    engine.host().when_it_waits(move || assert!(remote.post(Job::stop()).is_ok()));
    let expected = engine.expect("the child process 7");
    assert_eq!(run(&engine), ["pipe", "stop"]);
    drop(expected);

    let working = engine.work();
    let remote = engine.remote();
    engine.host().when_it_waits(move || assert!(remote.post(Job::stop()).is_ok()));
    assert_eq!(run(&engine), ["stop"]);
    drop(working);
}

#[test]
fn a_virtual_clock_jumps_over_what_only_the_program_itself_can_send() {
    let engine = new_loop();
    let (reader, writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("pipe")).expect("a pipe can be polled");
    engine.set_timer(
        HOUR_NS,
        Job::new("timer", move |_| {
            (&writer).write_all(b"!").expect("the pipe has room");
        }),
    );
    engine.set_timer(2 * HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["timer", "pipe", "stop"]);
    assert_eq!(engine.clock().now_ns(), 2 * HOUR_NS);
}

#[test]
fn what_has_come_is_told_before_a_virtual_clock_jumps() {
    let engine = new_loop();
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("pipe")).expect("a pipe can be polled");
    engine.set_timer(HOUR_NS, Job::stop());
    // Within a run, when the kernel has just been asked.
    engine.push(Job::new("writes", move |_| writer.write_all(b"!").expect("the pipe has room")));
    assert_eq!(run_without_waiting(&engine), ["writes", "pipe", "stop"]);
}

#[test]
fn a_paused_virtual_clock_goes_as_a_real_one_until_it_is_resumed() {
    let engine = new_loop();
    let clock = engine.clock().clone();
    assert!(clock.jumps());
    assert!(clock.pause());
    assert!(!clock.pause());
    let began = Instant::now();
    let paused_ns = clock.now_ns();
    engine.set_timer(paused_ns + 1_000_000, Job::stop());
    assert_eq!(run(&engine), ["stop"]);
    assert!(began.elapsed() >= Duration::from_millis(1));
    assert!(clock.resume());
    assert!(!clock.resume());
    let resumed_ns = clock.now_ns();
    assert!(resumed_ns >= paused_ns + 1_000_000);
    engine.set_timer(resumed_ns + HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["stop"]);
    assert_eq!(clock.now_ns(), resumed_ns + HOUR_NS);
}

#[test]
fn a_virtual_clock_that_is_moved_on_fires_all_that_is_due_by_then() {
    let engine = new_loop();
    for hours in [2, 1, 4] {
        engine.set_timer(hours * HOUR_NS, Job::named("timer"));
    }
    let clock = engine.clock().clone();
    assert!(clock.advance(Duration::from_secs(3 * 3600)));
    assert_eq!(turn(&engine), ["timer", "timer"]);
    assert_eq!(clock.now_ns(), 3 * HOUR_NS);
    assert!(!Clock::real().advance(Duration::from_secs(1)));
}

#[test]
fn a_virtual_clock_begins_where_it_is_told_and_can_end_there() {
    let start = Duration::from_nanos(u64::MAX - 10);
    let engine = new_loop_by(Clock::virtual_from(start, Foreign::TakesRealTime));
    let deadline_ns = engine.clock().deadline_ns(Duration::from_nanos(5));
    engine.set_timer(deadline_ns, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["stop"]);
    assert_eq!(engine.clock().now_ns(), u64::MAX - 5);
}

#[test]
fn somebodys_work_holds_a_virtual_clock() {
    let engine = new_loop();
    let work = engine.work();
    engine.set_timer(HOUR_NS, Job::named("timer"));
    let remote = engine.remote();
    engine.host().when_it_waits(move || assert!(remote.post(Job::stop()).is_ok()));
    assert_eq!(run(&engine), ["stop"]);
    assert_eq!(engine.clock().now_ns(), 0);
    drop(work);
    engine.set_timer(2 * HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["timer", "stop"]);
}

#[test]
fn a_virtual_clock_jumps_again_when_nobody_watches_any_more() {
    let engine = new_loop();
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::always("pipe")).expect("a pipe can be polled");
    engine.unwatch(fd, Interest::Read);
    engine.set_timer(HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["stop"]);

    writer.write_all(b"!").expect("the pipe has room");
    engine.watch(fd, Interest::Read, Watcher::once("pipe")).expect("a pipe can be polled");
    assert_eq!(turn(&engine), ["pipe"]);
    engine.set_timer(2 * HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["stop"]);
}

#[test]
fn a_refused_watcher_does_not_hold_up_a_virtual_clock() {
    let engine = new_loop();
    assert!(engine.watch(-1, Interest::Read, Watcher::once("nothing")).is_err());
    engine.set_timer(HOUR_NS, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["stop"]);
}

#[test]
fn a_deadline_too_far_to_count_is_never_reached() {
    for clock in [Clock::virtual_time(), Clock::real()] {
        let engine = new_loop_by(clock);
        let never_ns = engine.clock().deadline_ns(Duration::MAX);
        assert_eq!(never_ns, u64::MAX);
        engine.set_timer(never_ns, Job::named("never"));
        let remote = engine.remote();
        engine.host().when_it_waits(move || assert!(remote.post(Job::stop()).is_ok()));
        assert_eq!(run(&engine), ["stop"]);
        assert!(engine.clock().now_ns() < u64::MAX);
    }
}

#[test]
fn the_last_deadline_that_counts_is_reached() {
    let engine = new_loop();
    engine.set_timer(u64::MAX, Job::named("never"));
    engine.set_timer(u64::MAX - 1, Job::stop());
    assert_eq!(run_without_waiting(&engine), ["stop"]);
}

#[test]
fn a_wait_of_centuries_is_taken_by_the_kernel() {
    let engine = new_loop_by(Clock::real());
    engine.set_timer(u64::MAX - 1, Job::named("in 584 years"));
    let remote = engine.remote();
    engine.host().when_it_waits(move || assert!(remote.post(Job::stop()).is_ok()));
    assert_eq!(run(&engine), ["stop"]);
}

#[test]
fn clones_of_a_clock_tell_the_same_time() {
    let clock = Clock::virtual_time();
    let engine = new_loop_by(clock.clone());
    engine.set_timer(HOUR_NS, Job::stop());
    run(&engine);
    assert_eq!(clock.now_ns(), HOUR_NS);
    assert_eq!(clock.deadline_ns(Duration::from_nanos(1)), HOUR_NS + 1);
}

#[test]
fn a_timer_of_the_real_clock_is_never_early() {
    let engine = new_loop_by(Clock::real());
    for delay_ns in [0, 1, 999, 60_000, 999_999] {
        let began = Instant::now();
        let deadline_ns = engine.clock().deadline_ns(Duration::from_nanos(delay_ns));
        engine.set_timer(
            deadline_ns,
            Job::new("timer", move |engine| {
                assert!(engine.clock().now_ns() >= deadline_ns);
                assert!(began.elapsed() >= Duration::from_nanos(delay_ns));
                engine.stop();
            }),
        );
        assert_eq!(run(&engine), ["timer"]);
    }
}

#[test]
fn a_running_loop_has_its_time_outs_ended_promptly_and_puts_the_slack_back() {
    const BEFORE_NS: u64 = 70_000;
    let slack = || current_timer_slack().expect("the kernel tells it");
    set_current_timer_slack(BEFORE_NS.try_into().ok()).expect("the kernel takes it");
    let engine = new_loop();
    engine.push(Job::new("a", move |_| assert_eq!(slack(), 1)));
    assert_eq!(turn(&engine), ["a"]);
    assert_eq!(slack(), BEFORE_NS);
    engine.push(Job::leave());
    assert!(engine.run(&engine).is_err());
    assert_eq!(slack(), BEFORE_NS);
}
