//! What a run says happened.

mod common;

use cafeloop_flow::findings::find;
use cafeloop_flow::render::{Svg, Terminal, compared, json, perfetto, svg, terminal};
use cafeloop_flow::run::{By, Doing, End, State, TaskIndex, What, Whom};
use cafeloop_flow::{
    Awaited, CodeId, Ending, Event, Lane, LaneKind, Metadata, Recorder, Run, Snapshot, StepEnd,
    TaskEnd, Waker, WorkId, WorkPlace,
};
use proptest::prelude::*;

use self::common::heard;
use self::common::story::{Story, async_cafe, sync_cafe, task};

const MS: u64 = 1_000_000;

/// What a task did for any time, in whole milliseconds.
fn life(run: &Run, number: usize) -> Vec<(u64, &'static str)> {
    run.intervals(&run.tasks[number])
        .filter(|it| it.ns() > 0)
        .map(|it| {
            let name = match it.state {
                State::Unknown => "unknown",
                State::Ready { .. } => "ready",
                State::Running => "running",
                State::Waiting { inner: true, .. } => "waiting inside",
                State::Waiting { inner: false, .. } => "waiting",
            };
            (it.ns() / MS, name)
        })
        .collect()
}

#[test]
fn the_asynchronous_cafe_waits_ten_seconds_in_five() {
    let run = async_cafe().run();
    assert_eq!(run.wall_ns() / (10 * MS), 500);
    assert_eq!(run.totals.waiting_ns / (10 * MS), 999);
    assert_eq!(format!("{:.1}", run.overlap()), "2.0");
    let wait = &run.waits[0];
    assert_eq!(run.place(wait.site), "make_coffee (async_cafe.py:32)");
    assert_eq!((wait.count, wait.longest_ns / (10 * MS), wait.noun), (2, 499, "sleep"));
    assert_eq!(run.label(&run.tasks[1]), "handle_customer('Vanilla', 'Latte')");
    // What the café itself waits for is its customers.
    assert_eq!(run.waits[1].whom, Whom::Tasks);
    assert_eq!(run.threads[0].idle_ns / MS, 4_999);
}

#[test]
fn the_synchronous_cafe_waits_ten_seconds_in_ten() {
    let run = sync_cafe().run();
    assert_eq!(run.wall_ns() / (10 * MS), 1_000);
    assert_eq!(format!("{:.1}", run.overlap()), "1.0");
    let wait = &run.waits[0];
    assert_eq!(run.place(wait.site), "make_coffee (sync_cafe.py:29)");
    assert_eq!((wait.count, run.waits.len()), (2, 1));
    let doing: Vec<Doing> = run.stretches(&run.threads[0]).map(|it| it.doing).collect();
    assert!(matches!(
        doing[..],
        [Doing::Working, Doing::Calling(_), Doing::Working, Doing::Calling(_), Doing::Working]
    ));
}

#[test]
fn a_task_is_ready_until_it_runs_and_knows_who_woke_it() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "a()").create(2, 1, "b()");
    story.at(1).begin(1).at(3).suspend(1, Awaited::Future);
    story.at(4).begin(2).at(6).wake(1, Waker::Task(task(2)), &[]);
    story.at(7).suspend(2, Awaited::Turn).begin(1).at(8).done(1);
    story.at(10).begin(2).at(11).done(2).at(20);
    let run = story.run();
    assert_eq!(
        life(&run, 0),
        [(1, "ready"), (2, "running"), (3, "waiting inside"), (1, "ready"), (1, "running")]
    );
    assert_eq!(life(&run, 1), [(4, "ready"), (3, "running"), (3, "ready"), (1, "running")]);
    let woken: Vec<State> = run
        .intervals(&run.tasks[0])
        .map(|it| it.state)
        .filter(|it| matches!(it, State::Ready { .. }))
        .collect();
    let State::Ready { by: By::Task(waker) } = woken[1] else { panic!("{woken:?}") };
    assert_eq!(run.task(waker).map(|it| it.id), Some(task(2)));
    assert_eq!(run.tasks[0].end, Some((Story::ns(8), End::Done(TaskEnd::Returned))));
}

#[test]
fn who_wakes_a_task_says_what_it_waited_for() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "a()").begin(1);
    for (at, by) in [(10, Waker::Descriptor(7)), (20, Waker::Thread), (30, Waker::Callback)] {
        story.suspend(1, Awaited::Future).at(at).wake(1, by, &[]).begin(1);
    }
    let run = story.run();
    let what: Vec<(What, bool)> = run
        .intervals(&run.tasks[0])
        .filter_map(|it| match it.state {
            State::Waiting { what, inner, .. } => Some((what, inner)),
            _ => None,
        })
        .collect();
    assert_eq!(what, [(What::Descriptor(7), false), (What::Future, false), (What::Future, false)]);
}

#[test]
fn waiting_for_the_end_of_ones_children_is_waiting_inside() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "main()").begin(1).create(2, 1, "child()").suspend(1, Awaited::Future);
    story.begin(2).sleep(2, 9).at(9).wake(2, Waker::Timer, &[]).begin(2).done(2);
    story.wake(1, Waker::Callback, &[]).begin(1).done(1);
    let run = story.run();
    assert_eq!(run.totals.inner_ns / MS, 9);
    assert_eq!(run.totals.waiting_ns / MS, 9);
}

#[test]
fn a_wait_that_goes_on_when_the_recording_ends_is_read_at_the_end() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "main()").begin(1).create(2, 1, "child()");
    story.suspend(1, Awaited::Future).begin(2).suspend(2, Awaited::Future).at(50);
    story.seen(Event::Waited { task: task(2) }, &["child:4"]);
    let run = story.run();
    assert_eq!(run.place(run.waits[0].site), "child (p.py:4)");
    assert_eq!(life(&run, 0).last(), Some(&(50, "waiting inside")));
}

#[test]
fn waiting_and_working_of_a_thread_are_told_apart_by_its_processor_time() {
    let mut story = Story::new("p.py");
    let mut look = |at, cpu_ms, line: &str| {
        story.at(at).seen(Event::Sampled { cpu_ns: cpu_ms * MS }, &["<module>:9", line]);
    };
    look(0, 0, "work:1");
    look(5, 5, "work:1");
    look(10, 9, "work:1");
    look(15, 9, "wait:2");
    look(20, 9, "wait:2");
    look(25, 9, "wait:3");
    look(30, 15, "work:1");
    let run = story.run();
    let did: Vec<(u64, String)> = run
        .stretches(&run.threads[0])
        .map(|it| match it.doing {
            Doing::Waiting(chain) => (it.ns() / MS, run.place(run.site(chain))),
            other => (it.ns() / MS, format!("{other:?}")),
        })
        .collect();
    let expected = [(10, "Working"), (10, "wait (p.py:2)"), (5, "wait (p.py:3)"), (5, "Working")];
    assert_eq!(did, expected.map(|(ms, text)| (ms, text.to_owned())));
    assert_eq!(run.place(run.busy[0].site), "work (p.py:1)");
    assert_eq!(run.busy[0].total_ns / MS, 15);
}

#[test]
fn a_call_that_used_the_processor_was_work() {
    let mut story = Story::new("p.py");
    story.seen(Event::CallEntered { cpu_ns: 0 }, &["grind:3"]);
    story.at(10).event(Event::CallLeft { cpu_ns: 9 * MS });
    let run = story.run();
    assert_eq!(run.totals.running_ns / MS, 10);
    assert!(run.waits.is_empty());
}

#[test]
fn a_thread_that_waits_for_something_to_do_neither_works_nor_waits() {
    let mut story = Story::new("p.py");
    story.event(Event::Sampled { cpu_ns: 0 });
    story.at(10).event(Event::CallEntered { cpu_ns: 9 * MS });
    story.at(50).event(Event::CallLeft { cpu_ns: 9 * MS });
    story.at(60).event(Event::RecordingEnds);
    let run = story.run();
    let did: Vec<_> = run.stretches(&run.threads[0]).map(|it| (it.ns() / MS, it.doing)).collect();
    assert_eq!(did, [(10, Doing::Working), (40, Doing::Resting), (10, Doing::Working)]);
    assert_eq!((run.totals.waiting_ns, run.waits.len()), (0, 0));
}

/// A program whose main thread waits in Python's module of threads for 100 ms.
fn joins(story: &mut Story) {
    let stack = ["<module>:6", "/usr/lib/python3.13/threading.py/Thread.join:1094"];
    story.at(0).seen(Event::CallEntered { cpu_ns: 0 }, &stack);
    story.at(100).event(Event::CallLeft { cpu_ns: 0 });
}

/// A thread that waits for something outside of the program meanwhile, for so long.
fn fetches(story: &mut Story, ms: u64) {
    story.at(0).seen(Event::CallEntered { cpu_ns: 0 }, &["fetch:3"]);
    story.at(ms).event(Event::CallLeft { cpu_ns: 0 }).event(Event::LaneEnds);
}

fn waiting_and_inner_ms(run: &Run) -> (u64, u64) {
    (run.totals.waiting_ns / MS, run.totals.inner_ns / MS)
}

#[test]
fn a_thread_that_waits_for_another_one_waits_for_what_that_does() {
    let mut story = Story::new("p.py");
    joins(&mut story);
    fetches(story.on(1), 90);
    story.at(100).event(Event::RecordingEnds);
    let run = story.run();
    assert_eq!(waiting_and_inner_ms(&run), (90, 100));
    let waits: Vec<_> = run.waits.iter().map(|it| (run.place(it.site), it.whom)).collect();
    let expected = [("fetch (p.py:3)", Whom::Outside), ("<module> (p.py:6)", Whom::Threads)];
    assert_eq!(waits, expected.map(|(place, whom)| (place.to_owned(), whom)));
}

#[test]
fn a_thread_that_waits_while_no_other_is_at_anything_waits_for_something_outside() {
    let mut story = Story::new("p.py");
    joins(&mut story);
    fetches(story.on(1), 40);
    story.at(100).event(Event::RecordingEnds);
    assert_eq!(waiting_and_inner_ms(&story.run()), (140, 0));
}

#[test]
fn threads_that_wait_for_each_other_wait_for_nothing_that_is_seen() {
    let mut story = Story::new("p.py");
    joins(&mut story);
    joins(story.on(1));
    assert_eq!(waiting_and_inner_ms(&story.run()), (200, 0));
}

#[test]
fn a_thread_that_waits_for_a_process_waits_for_what_that_does() {
    let (mut story, mut child) = (Story::new("p.py"), Story::new("p.py"));
    joins(&mut story);
    fetches(&mut child, 90);
    let mut run = story.run();
    assert_eq!(waiting_and_inner_ms(&run), (100, 0));
    run.adopt(child.run());
    assert_eq!(waiting_and_inner_ms(&run), (0, 100));
}

#[test]
fn a_block_is_told_once_by_whoever_saw_it() {
    let mut story = Story::new("p.py");
    story.create(1, 0, "grind()").event(Event::JobBegins).begin(1).at(200);
    let blocked = Event::LoopBlocked { since_ns: Story::ns(0), task: Some(task(1)) };
    story.seen(blocked, &["grind:3", "mill:8"]).suspend(1, Awaited::Turn);
    story.later_us(1).event(Event::JobEnds);
    let run = story.run();
    assert_eq!(run.blocks.len(), 1);
    let block = run.blocks[0];
    assert_eq!((block.to_ns - block.from_ns) / MS, 200);
    assert_eq!(run.place(run.site(block.chain)), "mill (p.py:8)");
    assert_eq!(block.task.map(TaskIndex::get), Some(0));
}

#[test]
fn a_ring_tells_what_is_known_since_its_oldest_event() {
    let mut ring = Recorder::ring(Metadata::default(), 0);
    let lane = cafeloop_flow::Lane(0);
    for number in 0..70 {
        ring.record(1_000 + number, lane, Event::JobEnds);
    }
    ring.record(2_000, lane, Event::Woken { task: task(1), by: Waker::Timer });
    ring.record(2_001, lane, Event::StepBegins { task: task(1) });
    ring.record(
        2_002,
        lane,
        Event::StepEnds { task: task(1), end: StepEnd::Suspended(Awaited::Future) },
    );
    let mut snapshot = Snapshot::default();
    for number in [1, 2] {
        let code = ring.code("serve", "server.py", 1);
        let created = Event::TaskCreated { task: task(number), parent: None, code };
        snapshot.before(5, lane, created, "");
    }
    let frame = cafeloop_flow::Frame { code: ring.code("serve", "server.py", 1), line: 3 };
    snapshot.after(3_000, lane, Event::Waited { task: task(2) }, &[frame]);
    let mut file = Vec::new();
    ring.dump(&mut file, 3_000, &snapshot).expect("memory");
    let run = Run::read(&file[..]).expect("it is a recording");

    assert_eq!(run.dropped, 9);
    assert_eq!((run.start_ns, run.end_ns), (1_009, 3_000));
    assert_eq!(run.tasks[0].created_ns, Some(5));
    let spans: Vec<(u64, bool)> = run
        .intervals(&run.tasks[0])
        .map(|it| (it.ns(), matches!(it.state, State::Waiting { .. })))
        .collect();
    assert_eq!(spans, [(991, true), (1, false), (1, false), (998, true)]);
    let spans: Vec<u64> = run.intervals(&run.tasks[1]).map(|it| it.ns()).collect();
    assert_eq!(spans, [1_991]);
    assert_eq!(run.waits[0].site, frame);
}

#[test]
fn a_recording_that_is_cut_is_a_run_up_to_there() {
    let file = async_cafe().file();
    let run = Run::read(&file[..file.len() - 200]).expect("it is a recording");
    assert!(matches!(run.ending, Ending::CutOff { .. }));
    assert_eq!(run.tasks.len(), 3);
}

#[test]
fn threads_are_called_by_their_names_or_their_program() {
    let mut story = Story::new("p.py");
    story.event(Event::JobBegins).on(1).event(Event::JobBegins);
    story.on(2).lane(LaneKind::Worker, "pool_0");
    let run = story.run();
    let labels: Vec<String> = run.threads.iter().map(|it| run.thread_label(it)).collect();
    assert_eq!(labels, ["p.py", "thread 1", "pool_0"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_events_make_a_run_whose_times_are_in_order_and_that_can_be_drawn(
        events in proptest::collection::vec(heard(), 0..150),
        few in any::<bool>(),
    ) {
        let mut ring = Recorder::ring(Metadata::default(), 1 << 20);
        for event in &events {
            // So that events meet.
            let few_tasks = |event: Event| if few { event } else { with_few_tasks(event) };
            ring.record_with(
                event.at_ns >> if few { 0 } else { 40 },
                event.lane,
                few_tasks(event.event),
                &event.text,
                &event.frames,
            );
        }
        let mut file = Vec::new();
        ring.dump(&mut file, u64::MAX >> 30, &Snapshot::default()).expect("memory");
        let run = Run::read(&file[..]).expect("it is a recording");
        prop_assert!(run.start_ns <= run.end_ns);
        for task in &run.tasks {
            let mut last_ns = 0;
            for interval in run.intervals(task) {
                prop_assert!(interval.from_ns >= last_ns && interval.to_ns >= interval.from_ns);
                last_ns = interval.to_ns;
            }
        }
        for thread in &run.threads {
            for stretch in run.stretches(thread) {
                prop_assert!(stretch.to_ns >= stretch.from_ns);
            }
        }
        find(&run);
        for rows in [1, 40] {
            let narrow = Terminal { width: 40, colour: true, unicode: rows > 1, rows };
            terminal(&run, narrow);
            compared(&run, &run, narrow);
        }
        svg(&run, Svg::default());
        let mut form = Vec::new();
        json(&run, &mut form).expect("memory can be written");
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&form).is_ok());
        form.clear();
        perfetto(&run, &mut form).expect("memory can be written");
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&form).is_ok());
    }
}

#[test]
fn recordings_of_format_1_stay_readable() {
    let async_cafe = include_bytes!("recordings/async_cafe-1.flow");
    let run = Run::read(&async_cafe[..]).expect("it is a recording");
    assert_eq!((run.ending, run.tasks.len()), (Ending::Complete, 3));
    assert_eq!(run.place(run.waits[0].site), "make_coffee (async_cafe.py:32)");

    let sync_cafe = include_bytes!("recordings/sync_cafe-1.flow");
    let run = Run::read(&sync_cafe[..]).expect("it is a recording");
    assert_eq!((run.ending, run.waits[0].count), (Ending::Complete, 2));
}

/// The same event, of one of three tasks.
fn with_few_tasks(event: Event) -> Event {
    let few = |it: cafeloop_flow::TaskId| task(it.get() % 3 + 1);
    match event {
        Event::TaskCreated { task, parent, code } => {
            Event::TaskCreated { task: few(task), parent: parent.map(few), code }
        }
        Event::StepBegins { task } => Event::StepBegins { task: few(task) },
        Event::StepEnds { task, end } => Event::StepEnds { task: few(task), end },
        Event::Woken { task, by } => Event::Woken { task: few(task), by },
        Event::Waited { task } => Event::Waited { task: few(task) },
        Event::CancelAsked { task, by } => Event::CancelAsked { task: few(task), by },
        Event::TaskDone { task, end } => Event::TaskDone { task: few(task), end },
        Event::TaskLost { task } => Event::TaskLost { task: few(task) },
        other => other,
    }
}

#[test]
fn a_task_that_was_there_before_a_ring_is_unknown_until_it_is_seen() {
    let mut ring = Recorder::ring(Metadata::default(), 1 << 12);
    let (old, new) = (task(1), task(2));
    let (lane, code) = (Lane(0), CodeId::NONE);
    let mut before = Snapshot::default();
    for task in [old, new] {
        before.before(0, lane, Event::TaskCreated { task, parent: None, code }, "");
    }
    ring.record(100, lane, Event::TurnBegins { ready: 0 });
    ring.record(200, lane, Event::TaskCreated { task: new, parent: None, code });
    ring.record(300, lane, Event::Woken { task: old, by: Waker::Timer });
    let mut file = Vec::new();
    ring.dump(&mut file, 400, &before).expect("memory");
    let run = Run::read(&file[..]).expect("it is a recording");
    let did = |task: usize| -> Vec<(u64, u64)> {
        run.intervals(&run.tasks[task]).map(|it| (it.from_ns, it.to_ns)).collect()
    };
    assert_eq!(did(0), [(100, 300), (300, 400)]);
    assert_eq!(did(1), [(200, 400)]);
    assert_eq!((run.totals.waiting_ns, run.totals.ready_ns), (200, 300));
}

#[test]
fn the_interpreters_own_sleep_is_one() {
    let mut story = Story::new("p.py");
    let sleep = "/lib/python3.13/asyncio/tasks.py/sleep:718";
    story.create(1, 0, "nap()").begin(1).suspend(1, Awaited::Future);
    story.at(10).wake(1, Waker::Timer, &["nap:3", sleep]).begin(1).done(1);
    assert_eq!(story.run().waits[0].noun, "sleep");
}

#[test]
fn whoever_is_woken_by_the_end_of_a_process_has_waited_for_it() {
    let mut story = Story::new("p.py");
    story.said(Event::ProcessStarted { pid: 7 }, "sleep");
    story.create(1, 0, "convert()").begin(1).suspend(1, Awaited::Future);
    story.at(10).event(Event::ProcessEnded { pid: 7, status: -15 });
    story.wake(1, Waker::Process(7), &["convert:3"]).begin(1).done(1);
    // The number is another's by now.
    story.said(Event::ProcessStarted { pid: 7 }, "awk");
    let run = story.run();
    assert_eq!((run.waits[0].noun, run.waits[0].total_ns / MS), ("process", 10));
    let waits: Vec<What> = run
        .intervals(&run.tasks[0])
        .filter_map(|it| if let State::Waiting { what, .. } = it.state { Some(what) } else { None })
        .collect();
    assert_eq!(waits, [What::Process(0)]);
    let processes: Vec<_> = run
        .processes
        .iter()
        .map(|it| (&it.program[..], it.ended.map(|(_, status)| status)))
        .collect();
    assert_eq!(processes, [("sleep", Some(-15)), ("awk", None)]);
}

#[test]
fn whoever_gathers_jobs_waits_for_no_task() {
    let mut story = Story::new("p.py");
    let (code, work) = (story.code("resize"), WorkId::new(1).expect("1 isn't 0"));
    story.create(1, 0, "main()").begin(1);
    let place = WorkPlace::Elsewhere;
    story.event(Event::WorkQueued { work, by: Some(task(1)), code, place });
    story.suspend(1, Awaited::Gathered { children: 1 });
    story.at(10).event(Event::WorkEnds { work }).wake(1, Waker::Work(work), &["main:3"]);
    story.begin(1).done(1);
    let run = story.run();
    assert_eq!((run.totals.waiting_ns / MS, run.totals.inner_ns), (10, 0));
}

/// A task that waits for a job, whose thread is of this kind and does what is told.
fn serves(kind: LaneKind, does: impl FnOnce(&mut Story)) -> Run {
    let mut story = Story::new("p.py");
    let (code, work) = (story.code("resize"), WorkId::new(1).expect("1 isn't 0"));
    story.create(1, 0, "main()").begin(1);
    let place = WorkPlace::Thread;
    story.event(Event::WorkQueued { work, by: Some(task(1)), code, place });
    story.suspend(1, Awaited::Future).on(1).lane(kind, "pool_0").event(Event::WorkBegins { work });
    does(&mut story);
    story.at(100).event(Event::WorkEnds { work });
    story.on(0).wake(1, Waker::Work(work), &["main:3"]).begin(1).done(1);
    story.at(120).event(Event::RecordingEnds);
    story.run()
}

/// Of the thread that serves: what it did, and for how many milliseconds.
fn served(run: &Run) -> Vec<(u64, &'static str)> {
    let named = |doing| match doing {
        Doing::Working | Doing::Job(_) => "works",
        Doing::Calling(_) | Doing::Waiting(_) => "waits",
        Doing::Resting => "rests",
        _ => "does something else",
    };
    run.stretches(&run.threads[1]).map(|it| (it.ns() / MS, named(it.doing))).collect()
}

#[test]
fn whoever_waits_for_a_job_waits_for_what_its_thread_waits_for() {
    let run = serves(LaneKind::Thread, |story| {
        story.at(10).seen(Event::CallEntered { cpu_ns: 10 * MS }, &["resize:7"]);
    });
    assert_eq!(served(&run), [(10, "works"), (90, "waits"), (20, "rests")]);
    assert_eq!(waiting_and_inner_ms(&run), (90, 100));
    let waits: Vec<_> = run.waits.iter().map(|it| (run.place(it.site), it.whom)).collect();
    let expected = [("resize (p.py:7)", Whom::Outside), ("main (p.py:3)", Whom::Threads)];
    assert_eq!(waits, expected.map(|(place, whom)| (place.to_owned(), whom)));
}

#[test]
fn whoever_waits_for_a_job_that_computes_waits_for_nothing_outside() {
    let run = serves(LaneKind::Thread, |story| {
        story.event(Event::Sampled { cpu_ns: 5 * MS });
        story.at(100).event(Event::Sampled { cpu_ns: 104 * MS });
    });
    assert_eq!(served(&run), [(100, "works"), (20, "rests")]);
    assert_eq!(waiting_and_inner_ms(&run), (0, 100));
    let busy = run.busy.iter().find(|busy| run.place(busy.site) == "resize (p.py)");
    assert_eq!(busy.expect("it is told of").total_ns / MS, 100);
}

#[test]
fn a_job_at_which_nobody_looked_has_worked_for_what_its_thread_says() {
    let run = serves(LaneKind::Thread, |story| {
        story.event(Event::Sampled { cpu_ns: 5 * MS });
        story.at(100).event(Event::Sampled { cpu_ns: 35 * MS });
    });
    assert_eq!(served(&run), [(30, "works"), (70, "waits"), (20, "rests")]);
    assert_eq!(run.place(run.waits[0].site), "resize (p.py)");
    assert_eq!(waiting_and_inner_ms(&run), (70, 100));
}

#[test]
fn a_job_without_a_frame_waits_in_what_it_runs() {
    let run = serves(LaneKind::Thread, |story| {
        story.at(10).event(Event::CallEntered { cpu_ns: 0 });
    });
    assert_eq!(served(&run), [(100, "waits"), (20, "rests")]);
    assert_eq!(run.place(run.waits[0].site), "resize (p.py)");
}

#[test]
fn whoever_waits_for_a_job_of_which_no_more_is_known_waits_for_something_outside() {
    let run = serves(LaneKind::Worker, |_| {});
    assert_eq!(served(&run), [(100, "works"), (20, "rests")]);
    assert_eq!(waiting_and_inner_ms(&run), (100, 0));
}

#[test]
fn what_was_seen_of_a_thread_before_its_loop_ran_is_over() {
    let mut story = Story::new("p.py");
    story.seen(Event::CallEntered { cpu_ns: 0 }, &["<module>:3"]);
    story.at(10).event(Event::TurnBegins { ready: 1 });
    story.event(Event::PollBegins { wait_ns: None });
    // The next look is later.
    story.at(14).event(Event::CallLeft { cpu_ns: 0 });
    story.at(50).event(Event::PollEnds { events: 1 }).event(Event::RecordingEnds);
    let run = story.run();
    assert_eq!((run.threads[0].idle_ns / MS, run.totals.running_ns), (40, 0));
}
