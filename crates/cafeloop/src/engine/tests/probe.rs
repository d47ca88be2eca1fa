//! What a loop says of itself.

use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::time::Duration;

use cafeloop_flow::Event::{
    self, JobBegins, JobEnds, PollBegins, PollEnds, Posted, TimerCancelled, TimerFired, TimerSet,
    TurnBegins,
};

use super::{Job, Watcher, recorded_loop, run, turn};
use crate::engine::Interest;

#[test]
fn turns_posts_timers_and_jobs_are_told_in_order_with_the_time() {
    let (engine, recorder) = recorded_loop();
    engine.set_timer(5, Job::stop());
    engine.push(Job::named("a"));
    assert!(engine.remote().post(Job::named("b")).is_ok());
    assert_eq!(run(&engine), ["a", "b", "stop"]);
    assert_eq!(
        recorder.timed_events(),
        [
            (0, TimerSet { deadline_ns: 5 }),
            (0, TurnBegins { ready: 1 }),
            (0, Posted { jobs: 1 }),
            (0, JobBegins),
            (0, JobEnds),
            (0, JobBegins),
            (0, JobEnds),
            (0, TurnBegins { ready: 0 }),
            (0, PollBegins { wait_ns: Some(0) }),
            (0, PollEnds { events: 0 }),
            (5, TimerFired { late_ns: 0 }),
            (5, JobBegins),
            (5, JobEnds),
        ]
    );
}

#[test]
fn a_turn_begins_when_what_the_one_before_had_to_send_is_sent() {
    let (engine, recorder) = recorded_loop();
    engine.host().take_at_turns_ends(Duration::from_nanos(3));
    engine.push(Job::busy(2));
    run(&engine);
    let begins = |event: &&(u64, Event)| matches!(event.1, TurnBegins { .. });
    let events = recorder.timed_events();
    let times: Vec<u64> = events.iter().filter(begins).map(|event| event.0).collect();
    assert_eq!(times, [0, 3, 6]);
}

#[test]
fn a_loop_that_has_stopped_meanwhile_begins_its_next_turn_when_it_runs() {
    let (engine, recorder) = recorded_loop();
    engine.push(Job::stop());
    run(&engine);
    engine.clock().advance(Duration::from_nanos(5));
    engine.push(Job::stop());
    run(&engine);
    assert_eq!(recorder.timed_events()[3], (5, TurnBegins { ready: 1 }));
}

#[test]
fn a_poll_that_only_looks_is_told_with_what_it_found() {
    let (engine, recorder) = recorded_loop();
    let (reader, mut writer) = io::pipe().expect("a pipe can be made");
    writer.write_all(b"!").expect("the pipe has room");
    let fd = reader.as_raw_fd();
    engine.watch(fd, Interest::Read, Watcher::once("pipe")).expect("a pipe can be polled");
    turn(&engine);
    assert_eq!(
        recorder.events(),
        [
            TurnBegins { ready: 0 },
            PollBegins { wait_ns: Some(0) },
            PollEnds { events: 1 },
            JobBegins,
            JobEnds,
        ]
    );
}

#[test]
fn a_wait_for_ever_is_told_as_one() {
    let (engine, recorder) = recorded_loop();
    let remote = engine.remote();
    engine.host().when_it_waits(move || assert!(remote.post(Job::stop()).is_ok()));
    run(&engine);
    assert_eq!(recorder.events()[1..3], [PollBegins { wait_ns: None }, PollEnds { events: 1 }]);
}

#[test]
fn a_timer_tells_how_late_it_fired() {
    let (engine, recorder) = recorded_loop();
    engine.set_timer(10, Job::stop());
    run(&engine);
    engine.set_timer(4, Job::named("late"));
    turn(&engine);
    assert!(recorder.timed_events().contains(&(10, TimerFired { late_ns: 6 })));
}

#[test]
fn a_timer_is_told_to_be_cancelled_only_if_it_was() {
    let (engine, recorder) = recorded_loop();
    let key = engine.set_timer(1, Job::named("cancelled"));
    engine.cancel_timer(key);
    engine.cancel_timer(key);
    assert_eq!(recorder.events(), [TimerSet { deadline_ns: 1 }, TimerCancelled]);
}

#[test]
fn a_job_that_leaves_has_ended_too() {
    let (engine, recorder) = recorded_loop();
    engine.push(Job::leave());
    assert!(engine.run(&engine).is_err());
    assert_eq!(recorder.events(), [TurnBegins { ready: 1 }, JobBegins, JobEnds]);
}
