//! What is found of an executor's jobs, and what isn't.

mod common;

use cafeloop_flow::findings::{Finding, find};
use cafeloop_flow::{Awaited, Event, LaneKind, Metadata, Run, Waker, WorkId, WorkPlace};

use self::common::story::{Story, task};

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

fn work(number: u64) -> WorkId {
    WorkId::new(number).expect("jobs count from 1")
}

/// A task that hands over three jobs of 100 ms, one after another, each of which waits for
/// so long.
fn jobs_in_a_row(waits_ms: u64) -> Story {
    let mut story = Story::new("p.py");
    let code = story.code("download");
    story.create(1, 0, "serve()").begin(1).on(1).lane(LaneKind::Thread, "pool_0").on(0);
    for number in 1..=3 {
        let (work, ends_ms) = (work(number), number * 100);
        let place = WorkPlace::Thread;
        story.event(Event::WorkQueued { work, by: Some(task(1)), code, place });
        story.suspend(1, Awaited::Work(work)).on(1).event(Event::WorkBegins { work });
        if waits_ms > 0 {
            story.at(ends_ms - waits_ms).seen(Event::CallEntered { cpu_ns: 0 }, &["download:7"]);
        }
        story.at(ends_ms).event(Event::WorkEnds { work }).on(0);
        story.wake(1, Waker::Work(work), &["serve:3", "fetch:5"]).begin(1);
    }
    story.done(1);
    story
}

#[test]
fn jobs_that_one_task_hands_over_one_after_another_could_wait_at_once() {
    let found = finding(jobs_in_a_row(90), "sequential-waits");
    assert_eq!(
        found.saw,
        "fetch (p.py:5) waited 3 times one after another, called from serve (p.py:3) in serve(): \
         100 ms each and 300 ms altogether"
    );
}

#[test]
fn jobs_that_compute_one_after_another_could_not() {
    assert_eq!(names(jobs_in_a_row(0)), [""; 0]);
}

#[test]
fn what_a_pools_thread_was_given_by_others_is_no_row_of_its_own() {
    let mut story = Story::new("p.py");
    let code = story.code("download");
    story.on(1).lane(LaneKind::Thread, "pool_0");
    for number in 1..=3 {
        let (work, ends_ms) = (work(number), number * 100);
        let place = WorkPlace::Thread;
        story.event(Event::WorkQueued { work, by: None, code, place });
        story.event(Event::WorkBegins { work });
        story.seen(Event::CallEntered { cpu_ns: 0 }, &["download:7"]);
        story.at(ends_ms).event(Event::WorkEnds { work });
    }
    assert_eq!(names(story), [""; 0]);
}

// --- executor-queue

/// Four jobs of 100 ms each, on so many threads.
fn jobs(threads: u16) -> Story {
    jobs_of(threads, WorkPlace::Thread)
}

fn jobs_of(threads: u16, place: WorkPlace) -> Story {
    let mut story = Story::new("p.py");
    let code = story.code("resize");
    for number in 1..=4 {
        story.event(Event::WorkQueued { work: work(number), by: None, code, place });
    }
    for round in 0..u64::from(4 / threads) {
        for thread in 1..=threads {
            let work = work(round * u64::from(threads) + u64::from(thread));
            story.at(round * 100).on(thread).event(Event::WorkBegins { work });
            story.at(round * 100 + 100).event(Event::WorkEnds { work }).on(0);
        }
    }
    story
}

#[test]
fn jobs_that_wait_for_a_thread_are_counted_with_how_many_ran_at_once() {
    assert_eq!(
        finding(jobs(2), "executor-queue").saw,
        "2 jobs of 4 waited for a thread of the executor, 200 ms altogether and 100 ms at the \
         longest (resize (p.py)); 2 ran at once at most"
    );
    assert_eq!(names(jobs(4)), [""; 0]);
}

#[test]
fn of_jobs_whose_begin_nobody_saw_it_is_not_said_that_they_waited() {
    let mut story = Story::new("p.py");
    let code = story.code("resize");
    for number in 1..=4 {
        let place = WorkPlace::Elsewhere;
        story.event(Event::WorkQueued { work: work(number), by: None, code, place });
        story.at(number * 100).event(Event::WorkEnds { work: work(number) });
    }
    assert_eq!(names(story), [""; 0]);
}

/// Two jobs that one process was given, and what it says of them.
fn handed_jobs() -> (Run, Run) {
    let command = vec!["p.py".to_owned()];
    let mut story =
        Story::with(Metadata { pid: 7, command: command.clone(), ..Metadata::default() });
    let mut child = Story::with(Metadata { pid: 8, command, ..Metadata::default() });
    let code = story.code("resize");
    for number in 1..=2 {
        let place = WorkPlace::Elsewhere;
        story.at(0).event(Event::WorkQueued { work: work(number.into()), by: None, code, place });
        let handed = WorkId::of_process(7, number).expect("it isn't 0");
        let begins_ms = 100 * u64::from(number - 1);
        child.at(begins_ms).event(Event::WorkBegins { work: handed });
        for ms in [begins_ms + 10, begins_ms + 60] {
            child.at(ms).seen(Event::CallEntered { cpu_ns: 0 }, &["resize:3"]);
            child.at(ms + 30).event(Event::CallLeft { cpu_ns: 0 });
        }
        child.at(begins_ms + 100).event(Event::WorkEnds { work: handed });
    }
    story.at(210).event(Event::WorkEnds { work: work(1) });
    story.event(Event::WorkEnds { work: work(2) });
    (story.run(), child.run())
}

#[test]
fn a_process_says_when_it_began_with_the_jobs_that_it_was_given() {
    let (mut run, child) = handed_jobs();
    assert!(find(&run).is_empty());
    run.adopt(child);
    let jobs: Vec<_> = run.works.iter().map(|it| (it.process, it.begun_ns, it.ended_ns)).collect();
    let at = |ms| Some(Story::ns(ms));
    assert_eq!(jobs, [(Some(8), at(0), at(100)), (Some(8), at(100), at(200))]);
    assert_eq!(
        find(&run)[0].saw,
        "1 job of 2 waited for a process of the executor, 100 ms altogether and 100 ms at the \
         longest (resize (p.py)); 1 ran at once at most"
    );
}

#[test]
fn jobs_that_another_process_hands_over_are_not_called_one_after_another() {
    let (_, child) = handed_jobs();
    assert_eq!(child.waits[0].count, 4);
    assert!(find(&child).is_empty());
}
