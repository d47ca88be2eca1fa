//! Each finding where it must appear, and where it must not.

mod common;

use cafeloop_flow::findings::{Finding, find};
use cafeloop_flow::run::TaskIndex;
use cafeloop_flow::{Awaited, Event, LaneKind, StepEnd, TaskEnd, TransportId, Waker};

use self::common::story::{Story, async_cafe, sync_cafe, task};

/// The only finding of this name.
fn finding(story: Story, name: &str) -> Finding {
    let mut found = find(&story.run());
    found.retain(|it| it.name == name);
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn names(story: Story) -> Vec<&'static str> {
    find(&story.run()).iter().map(|it| it.name).collect()
}

fn transport(number: u64) -> TransportId {
    TransportId::new(number).expect("transports count from 1")
}

/// A task that waits so, one wait after another: until when, for what, and where.
fn waits(code: &str, waits: &[(u64, Waker, &[&str])]) -> Story {
    let mut story = Story::new("p.py");
    for number in 1..10 {
        story.event(Event::TransportOpened { transport: transport(number), fd: 9 });
    }
    story.create(1, 0, code).begin(1);
    for &(until_ms, by, chain) in waits {
        story.suspend(1, Awaited::Future).at(until_ms).wake(1, by, chain).begin(1);
    }
    story.done(1);
    story
}

// --- sequential-waits

#[test]
fn the_synchronous_cafe_could_brew_both_coffees_at_once() {
    let found = finding(sync_cafe(), "sequential-waits");
    assert_eq!(
        found.saw,
        "make_coffee (sync_cafe.py:29) waited 2 times one after another, called from run_cafe \
         (sync_cafe.py:42) from <module> (sync_cafe.py:52): 5.00 s each and 10.0 s altogether"
    );
    assert_eq!(
        found.advice,
        "if none needs what another returns, run them together, on an event loop with \
         asyncio.gather, or in threads: that would take 5.00 s at least, and save 5.00 s at most"
    );
}

#[test]
fn the_asynchronous_cafe_has_no_finding() {
    assert_eq!(names(async_cafe()), [""; 0]);
}

#[test]
fn what_calls_together_would_take_is_the_longest_of_them() {
    let story = waits(
        "main()",
        &[
            (100, Waker::Timer, &["main:5", "fetch:9"]),
            (400, Waker::Timer, &["main:5", "fetch:9"]),
            (600, Waker::Timer, &["main:5", "fetch:9"]),
        ],
    );
    let found = finding(story, "sequential-waits");
    assert_eq!(found.cost_ns / 1_000_000, 300);
    assert!(found.saw.contains("3 times"), "{}", found.saw);
    assert!(found.advice.ends_with("take 300 ms at least, and save 300 ms at most"));
}

#[test]
fn the_waits_of_one_call_are_one() {
    let connect = &["main:5", "fetch:9", "connect:20"][..];
    let read = &["main:5", "fetch:10", "read:30"][..];
    let story = waits(
        "main()",
        &[
            (100, Waker::Descriptor(7), connect),
            (200, Waker::Transport(transport(1)), read),
            (250, Waker::Transport(transport(1)), read),
            (300, Waker::Descriptor(7), connect),
            (400, Waker::Transport(transport(2)), read),
        ],
    );
    let found = finding(story, "sequential-waits");
    assert!(found.saw.starts_with("fetch (p.py:10) waited 2 times"), "{}", found.saw);
    assert!(found.advice.ends_with("take 250 ms at least, and save 150 ms at most"));
}

#[test]
fn reading_from_one_connection_again_and_again_is_a_conversation() {
    let chain = &["serve:5", "read_request:9"][..];
    let by = Waker::Transport(transport(1));
    let story = waits("serve()", &[(100, by, chain), (200, by, chain), (300, by, chain)]);
    assert_eq!(names(story), [""; 0]);
}

#[test]
fn a_task_that_ticks_is_none_that_could_do_it_all_at_once() {
    let story = waits(
        "ticker()",
        &[(100, Waker::Timer, &["ticker:3"]), (200, Waker::Timer, &["ticker:3"])],
    );
    assert_eq!(names(story), [""; 0]);
}

#[test]
fn taking_work_from_another_task_is_no_wait_that_could_overlap() {
    let chain = &["main:5", "next_job:9"][..];
    let story =
        waits("main()", &[(100, Waker::Task(task(1)), chain), (200, Waker::Task(task(1)), chain)]);
    assert_eq!(names(story), [""; 0]);
}

#[test]
fn different_calls_in_a_row_are_found_in_a_task_that_is_the_only_one_of_its_kind() {
    let chains: &[(u64, Waker, &[&str])] = &[
        (100, Waker::Timer, &["main:5", "fetch_user:9"]),
        (300, Waker::Timer, &["main:6", "fetch_weather:19"]),
    ];
    let found = finding(waits("main()", chains), "sequential-waits");
    assert!(found.saw.starts_with("2 different calls waited one after another"));
    assert!(found.advice.ends_with("take 200 ms at least, and save 100 ms at most"));

    let mut story = waits("main()", chains);
    story.create(2, 0, "main()").begin(2).done(2);
    assert_eq!(names(story), [""; 0]);
}

#[test]
fn the_same_function_called_from_two_lines_is_called_twice() {
    let story = waits(
        "main()",
        &[(100, Waker::Timer, &["main:5", "fetch:9"]), (300, Waker::Timer, &["main:6", "fetch:9"])],
    );
    let found = finding(story, "sequential-waits");
    assert!(found.saw.starts_with("fetch (p.py:9) waited 2 times"), "{}", found.saw);
    assert!(found.advice.ends_with("take 200 ms at least, and save 100 ms at most"));
}

#[test]
fn each_function_that_is_called_again_and_again_is_a_finding_and_no_wait_counts_twice() {
    let fetch = &["main:5", "fetch:9"][..];
    let store = &["main:8", "store:19"][..];
    let ends = [100, 200, 300, 350, 400, 450];
    let waited: Vec<(u64, Waker, &[&str])> = ends
        .iter()
        .enumerate()
        .map(|(index, &end)| (end, Waker::Timer, if index < 3 { fetch } else { store }))
        .collect();
    let found = find(&waits("main()", &waited).run());
    let saved: Vec<u64> = found.iter().map(|it| it.cost_ns / 1_000_000).collect();
    assert_eq!(saved, [200, 100], "{found:?}");
}

#[test]
fn an_outer_function_isnt_taken_for_called_again_because_an_inner_one_was() {
    // What `main` calls once may call `query` in a loop: together these are one call.
    let story = waits(
        "main()",
        &[
            (100, Waker::Timer, &["main:5", "report:9", "query:3"]),
            (200, Waker::Timer, &["main:5", "report:9", "query:3"]),
            (300, Waker::Timer, &["main:5", "report:12", "mail:4"]),
        ],
    );
    let found = finding(story, "sequential-waits");
    assert!(found.saw.starts_with("query (p.py:3) waited 2 times"), "{}", found.saw);
}

#[test]
fn a_script_that_sleeps_in_its_own_loop_could_do_so_at_once() {
    let mut story = Story::new("p.py");
    for number in 0..3 {
        story.event(Event::CallEntered { cpu_ns: 0 });
        story.at(number * 100).seen(Event::CallEntered { cpu_ns: 0 }, &["<module>:4"]);
        story.at(number * 100 + 100).event(Event::CallLeft { cpu_ns: 0 });
    }
    let found = finding(story, "sequential-waits");
    assert!(found.saw.starts_with("<module> (p.py:4) waited 3 times one after another: 100 ms"));
}

#[test]
fn tasks_that_do_the_same_are_one_finding() {
    let mut story = Story::new("p.py");
    for number in 1..=3 {
        story.create(number, 0, &format!("worker({number})")).begin(number);
    }
    for at in [100, 200] {
        for number in 1..=3 {
            story.suspend(number, Awaited::Future);
        }
        story.at(at);
        for number in 1..=3 {
            story.wake(number, Waker::Timer, &["worker:4", "fetch:8"]).begin(number);
        }
    }
    let found = finding(story, "sequential-waits");
    assert!(found.saw.contains("in one of 3 tasks that do so"), "{}", found.saw);
    assert_eq!(found.tasks.len(), 3);
}

// --- blocked-loop

fn blocked(threshold_passed: bool) -> Story {
    let mut story = Story::new("p.py");
    story.create(1, 0, "handle_customer('Vanilla')").create(2, 0, "handle_customer('Caramel')");
    let took_ms = if threshold_passed { 1_000 } else { 49 };
    story.begin(1).at(took_ms);
    if threshold_passed {
        let event = Event::LoopBlocked { since_ns: Story::ns(0), task: Some(task(1)) };
        story.seen(event, &["handle_customer:8", "grind_beans:3"]);
    }
    story.sleep(1, took_ms + 10).begin(2).sleep(2, took_ms + 10).at(took_ms + 10);
    story
}

#[test]
fn who_holds_the_loop_is_named_with_the_line_and_whom_it_kept() {
    let found = finding(blocked(true), "blocked-loop");
    assert_eq!(
        found.saw,
        "grind_beans (p.py:3) held the loop for 1.00 s; 1 task was ready meanwhile, for 1.00 s \
         altogether: handle_customer('Caramel')"
    );
    assert_eq!(found.cost_ns, 1_000_000_000);
    // Who held it is what to look at, rather than whom it kept.
    let sight = found.sight.expect("it is known when");
    assert_eq!((sight.from_ns, sight.to_ns), (Story::ns(0), Story::ns(1_000)));
    assert_eq!(sight.task.map(TaskIndex::get), Some(0));
}

#[test]
fn what_blocks_again_and_again_is_one_finding() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "spin()");
    for number in 0..3 {
        story.at(number * 100).begin(1).at(number * 100 + 60).suspend(1, Awaited::Turn);
    }
    let found = finding(story, "blocked-loop");
    assert_eq!(
        found.saw,
        "spin (p.py) held the loop 3 times, for 180 ms altogether, 60.0 ms at the longest; no \
         task was ready meanwhile"
    );
}

#[test]
fn a_step_below_the_threshold_blocks_nobody() {
    assert_eq!(names(blocked(false)), [""; 0]);
}

// --- starved

fn crowd(idle: bool) -> Story {
    let mut story = Story::new("p.py");
    story.event(Event::TurnBegins { ready: 20 });
    for number in 1..=20 {
        story.create(number, 0, "compute()");
    }
    for number in 1..=20 {
        story.begin(number).at(number * 10).done(number);
        if idle {
            story.event(Event::PollBegins { wait_ns: None }).at(number * 10 + 9);
            story.event(Event::PollEnds { events: 1 }).event(Event::TurnBegins { ready: 0 });
        }
    }
    story
}

#[test]
fn a_crowd_of_computing_tasks_starves() {
    let found = finding(crowd(false), "starved");
    assert_eq!(
        found.saw,
        "tasks were ready for 1.90 s altogether and ran for 200 ms, on a loop that was busy for \
         100 % of its time; compute (p.py) ran most"
    );
}

#[test]
fn tasks_on_a_loop_that_has_time_to_wait_are_not_starved() {
    assert_eq!(names(crowd(true)), [""; 0]);
}

// --- never-awaited

#[test]
fn a_coroutine_that_nobody_awaited_is_named_with_who_made_it() {
    let mut story = Story::new("p.py");
    let code = story.code("send_mail");
    story.seen(Event::NeverAwaited { code }, &["main:7"]);
    story.seen(Event::NeverAwaited { code }, &["main:7"]);
    assert_eq!(
        finding(story, "never-awaited").saw,
        "2 coroutines of send_mail (p.py:1), made in main (p.py:7), were never awaited"
    );
}

// --- leaked-task

#[test]
fn a_task_that_vanished_is_named() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "background()").begin(1).suspend(1, Awaited::Future).at(5);
    story.event(Event::TaskLost { task: task(1) });
    assert_eq!(
        finding(story, "leaked-task").saw,
        "1 task of background (p.py:1) vanished before the end: background()"
    );
}

#[test]
fn a_task_that_waits_when_the_recording_ends_is_not_leaked() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "background()").begin(1).suspend(1, Awaited::Future).at(5);
    assert_eq!(names(story), [""; 0]);
}

// --- lost-exception

#[test]
fn an_exception_that_nobody_asked_for_is_named_with_its_task() {
    let mut story = Story::new("p.py");
    let class = story.string("ValueError");
    story.create(1, 0, "parse('x')").begin(1);
    story.event(Event::TaskDone { task: task(1), end: TaskEnd::Raised(class) });
    story.event(Event::StepEnds { task: task(1), end: StepEnd::Raised });
    story.event(Event::ExceptionLost { task: Some(task(1)), class });
    assert_eq!(
        finding(story, "lost-exception").saw,
        "1 ValueError of parse (p.py:1), parse('x'): nobody asked"
    );
}

#[test]
fn an_exception_that_somebody_asked_for_is_not_lost() {
    let mut story = Story::new("p.py");
    let class = story.string("ValueError");
    story.create(1, 0, "parse('x')").begin(1);
    story.event(Event::TaskDone { task: task(1), end: TaskEnd::Raised(class) });
    assert_eq!(names(story), [""; 0]);
}

// --- slow-cancel

fn cancelled(took_ms: u64) -> Story {
    let mut story = Story::new("p.py");
    story.create(1, 0, "upload()").begin(1).suspend(1, Awaited::Future).at(50);
    story.event(Event::CancelAsked { task: task(1), by: None });
    story.wake(1, Waker::Callback, &[]).begin(1).suspend(1, Awaited::Future);
    story.at(50 + took_ms).wake(1, Waker::Timer, &[]).begin(1);
    story.event(Event::TaskDone { task: task(1), end: TaskEnd::Cancelled });
    story.event(Event::StepEnds { task: task(1), end: StepEnd::Raised });
    story
}

#[test]
fn a_task_that_takes_long_to_be_cancelled_is_named() {
    assert_eq!(
        finding(cancelled(2_000), "slow-cancel").saw,
        "1 task took up to 2.00 s from being cancelled to its end: upload()"
    );
    assert_eq!(names(cancelled(99)), [""; 0]);
}

#[test]
fn a_task_that_swallows_its_cancellation_is_named_too() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "stubborn()").begin(1).suspend(1, Awaited::Future);
    story.event(Event::CancelAsked { task: task(1), by: None }).at(3_000);
    let saw = finding(story, "slow-cancel").saw;
    assert!(saw.ends_with("; it had not ended when the recording did"), "{saw}");
}

#[test]
fn a_task_that_has_met_a_timeout_goes_on_as_it_should() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "stubborn()").begin(1).suspend(1, Awaited::Future);
    story.event(Event::CancelAsked { task: task(1), by: None });
    story.event(Event::CancelTakenBack { task: task(1) }).at(3_000);
    assert_eq!(names(story), [""; 0]);
}

#[test]
fn a_librarys_own_main_loop_is_not_for_the_reader_to_change() {
    let mut story = Story::new("p.py");
    let library = "/lib/python3.13/site-packages/server.py/Server";
    story.create(1, 0, "serve()").begin(1).suspend(1, Awaited::Future);
    for round in 1..=10 {
        let frames = [&format!("{library}.serve:8")[..], &format!("{library}.tick:9")];
        story.at(round * 100).wake(1, Waker::Timer, &frames).begin(1).suspend(1, Awaited::Future);
    }
    assert_eq!(names(story), [""; 0]);
}

// --- timer-late

#[test]
fn timers_that_fire_late_are_counted_with_who_held_the_loop() {
    let mut story = blocked(true);
    story.at(1_000).event(Event::TimerFired { late_ns: 500_000_000 });
    story.event(Event::TimerFired { late_ns: 9_000_000 });
    let found = finding(story, "timer-late");
    assert_eq!(
        found.saw,
        "1 timer of 2 fired more than 10.0 ms late, as the loop was busy; the latest by 500 ms, \
         1.00 s after the beginning"
    );
    assert!(found.advice.contains("blocked-loop"));
}

#[test]
fn timers_that_fire_in_time_are_no_finding() {
    let mut story = Story::new("p.py");
    story.event(Event::TimerFired { late_ns: 9_000_000 });
    assert_eq!(names(story), [""; 0]);
}

#[test]
fn a_timer_for_which_the_kernel_came_late_is_not_the_programs_fault() {
    let mut story = Story::new("p.py");
    story.event(Event::TurnBegins { ready: 0 }).event(Event::PollBegins { wait_ns: None });
    story.at(500).event(Event::PollEnds { events: 0 });
    story.event(Event::TimerFired { late_ns: 30_000_000 });
    assert_eq!(names(story), [""; 0]);
}

// --- chatty-writes

fn writes(pieces: u64, bytes: u64, answered: bool) -> Story {
    let mut story = Story::new("p.py");
    let transport = transport(1);
    story.said(Event::TransportOpened { transport, fd: 5 }, "192.0.2.1:80");
    for _ in 0..pieces {
        story.later_us(10).event(Event::BytesOut { transport, bytes });
        if answered {
            story.event(Event::BytesIn { transport, bytes: 1 });
        }
    }
    story
}

#[test]
fn small_writes_one_after_another_are_counted() {
    assert_eq!(
        finding(writes(501, 20, false), "chatty-writes").saw,
        "500 of 501 sends followed another within a millisecond, with 20 bytes on average; most \
         of them, 500, on one connection (192.0.2.1:80)"
    );
}

#[test]
fn few_large_or_answered_writes_are_not_chatty() {
    assert_eq!(names(writes(50, 20, false)), [""; 0]);
    assert_eq!(names(writes(501, 64 << 10, false)), [""; 0]);
    assert_eq!(names(writes(501, 20, true)), [""; 0]);
}

// --- all of them

#[test]
fn a_quiet_thread_has_no_finding() {
    let mut story = Story::new("p.py");
    story.lane(LaneKind::Thread, "MainThread").at(100);
    assert_eq!(names(story), [""; 0]);
}

#[test]
fn mistakes_come_first_and_then_what_costs_most() {
    let mut story = blocked(true);
    let code = story.code("send_mail");
    story.event(Event::NeverAwaited { code });
    story.event(Event::TimerFired { late_ns: 30_000_000 });
    assert_eq!(names(story), ["never-awaited", "blocked-loop", "timer-late"]);
}
