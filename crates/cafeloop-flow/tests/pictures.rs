//! Pictures, as they are drawn.

mod common;

use cafeloop_flow::render::{Svg, Terminal, compared, html, json, perfetto, svg, terminal};
use cafeloop_flow::{
    Awaited, Event, Lane, LaneKind, Metadata, Recorder, Run, Snapshot, StepEnd, TaskEnd, Waker,
    WorkId, WorkPlace,
};
use insta::assert_snapshot;
use serde_json::Value;

use self::common::story::{Story, async_cafe, sync_cafe, task};

const PLAIN: Terminal = Terminal { width: 80, colour: false, unicode: true, rows: 40 };
const ASCII: Terminal = Terminal { unicode: false, ..PLAIN };

/// A café that grinds on its loop: all states, two ends that nobody hopes for, a pool.
fn busy_cafe() -> Story {
    let mut story = Story::new("busy_café.py");
    story.lane(LaneKind::Loop, "MainThread").event(Event::TurnBegins { ready: 1 });
    story.create(1, 0, "run_cafe()").begin(1);
    for (number, name) in [(2, "Vanilla"), (3, "Caramel"), (4, "Pistachio")] {
        story.create(number, 1, &format!("handle_customer('{name}')"));
    }
    story.suspend(1, Awaited::Gathered { children: 3 });
    for number in [2, 3, 4] {
        story.begin(number).at((number - 1) * 400);
        let since_ns = Story::ns((number - 2) * 400);
        let blocked = Event::LoopBlocked { since_ns, task: Some(task(number)) };
        story.seen(blocked, &["handle_customer:40", "grind_beans:12"]).sleep(number, 3_000);
    }
    let class = story.string("MachineError");
    story.at(2_000).event(Event::CancelAsked { task: task(4), by: None });
    story.wake(4, Waker::Callback, &["handle_customer:41", "make_coffee:32"]).begin(4);
    story.event(Event::TaskDone { task: task(4), end: TaskEnd::Cancelled });
    story.event(Event::StepEnds { task: task(4), end: StepEnd::Raised });
    story.at(3_000).wake(2, Waker::Timer, &["handle_customer:41", "make_coffee:32"]).begin(2);
    story.at(3_100).event(Event::TaskDone { task: task(2), end: TaskEnd::Raised(class) });
    story.event(Event::StepEnds { task: task(2), end: StepEnd::Raised });
    let work = WorkId::new(1).expect("jobs count from 1");
    story.wake(3, Waker::Timer, &["handle_customer:41", "make_coffee:32"]).begin(3);
    let code = story.code("wash_cups");
    story.event(Event::WorkQueued { work, by: Some(task(3)), code, place: WorkPlace::Thread });
    story.suspend(3, Awaited::Work(work)).on(1).lane(LaneKind::Worker, "washer_0");
    story.event(Event::WorkBegins { work }).at(4_000).event(Event::WorkEnds { work }).on(0);
    story.wake(3, Waker::Work(work), &["handle_customer:44"]).begin(3).done(3);
    story.wake(1, Waker::Task(task(3)), &["run_cafe:47"]).begin(1).done(1);
    story
}

/// So many tasks of each of these functions, one after another.
fn crowd(functions: &[(&str, u64)]) -> Story {
    let mut story = Story::new("crowd.py");
    story.event(Event::TurnBegins { ready: 1 });
    let mut number = 0;
    for &(function, tasks) in functions {
        for _ in 0..tasks {
            number += 1;
            story.create(number, 0, &format!("{function}({number})")).begin(number);
            story.later_us(10).sleep(number, 1_000);
        }
    }
    story.at(1_000);
    for number in 1..=number {
        story.wake(number, Waker::Timer, &[]).begin(number).later_us(10).done(number);
    }
    story
}

// --- the terminal

#[test]
fn the_asynchronous_cafe() {
    assert_snapshot!(terminal(&async_cafe().run(), PLAIN));
}

#[test]
fn the_synchronous_cafe() {
    assert_snapshot!(terminal(&sync_cafe().run(), PLAIN));
}

#[test]
fn the_busy_cafe() {
    assert_snapshot!(terminal(&busy_cafe().run(), PLAIN));
}

#[test]
fn the_busy_cafe_in_ascii() {
    let picture = terminal(&busy_cafe().run(), ASCII);
    assert!(picture.is_ascii());
    assert_snapshot!(picture);
}

#[test]
fn the_busy_cafe_in_colour() {
    let picture = terminal(&busy_cafe().run(), Terminal { colour: true, ..PLAIN });
    assert_snapshot!(picture.replace('\x1b', "␛"));
}

#[test]
fn the_busy_cafe_in_forty_columns() {
    assert_snapshot!(terminal(&busy_cafe().run(), Terminal { width: 0, ..PLAIN }));
}

#[test]
fn the_busy_cafe_in_a_hundred_and_twenty_columns() {
    assert_snapshot!(terminal(&busy_cafe().run(), Terminal { width: 120, ..PLAIN }));
}

#[test]
fn a_crowd_is_grouped_by_what_it_runs() {
    let run = crowd(&[("fetch", 1_500), ("main", 1), ("write", 250)]).run();
    assert_snapshot!(terminal(&run, PLAIN));
}

#[test]
fn functions_that_find_no_row_stand_together_in_the_last_one() {
    let run = crowd(&[("a", 5), ("b", 1), ("c", 3), ("d", 1), ("e", 3)]).run();
    assert_snapshot!(terminal(&run, Terminal { rows: 3, ..PLAIN }));
}

#[test]
fn threads_that_are_too_many_are_grouped_by_their_names() {
    let mut story = Story::new("server.py");
    story.lane(LaneKind::Thread, "MainThread");
    for number in 1..=50 {
        let name = match number % 10 {
            0 => format!("barista {number}"),
            _ => format!("Thread-{number} (serve)"),
        };
        story.on(number).at(u64::from(number) * 10).lane(LaneKind::Thread, &name);
        story.seen(Event::CallEntered { cpu_ns: 0 }, &["serve:3"]).later_us(200_000);
        story.event(Event::CallLeft { cpu_ns: 0 }).event(Event::LaneEnds);
    }
    assert_snapshot!(terminal(&story.run(), PLAIN));
}

#[test]
fn a_thread_that_waits_for_others_is_told_from_those() {
    let mut story = Story::new("pool.py");
    story.lane(LaneKind::Thread, "MainThread");
    let join = "/usr/lib/python3.13/threading.py/Condition.wait:359";
    story.seen(Event::CallEntered { cpu_ns: 0 }, &["<module>:9", join]);
    for number in 1..=2 {
        story.on(number).at(0).lane(LaneKind::Thread, &format!("ThreadPoolExecutor-0_{number}"));
        for wait in 0..3 {
            story.at(wait * 300).seen(Event::CallEntered { cpu_ns: 0 }, &["fetch:3"]);
            story.at(wait * 300 + 299).event(Event::CallLeft { cpu_ns: 0 });
        }
    }
    story.on(0).at(900).event(Event::CallLeft { cpu_ns: 0 });
    assert_snapshot!(terminal(&story.run(), PLAIN));
}

#[test]
fn many_lines_are_summed_in_one_more() {
    let mut story = Story::new("lines.py");
    story.create(1, 0, "main()").begin(1);
    for line in 1..=14 {
        let frame = format!("main:{line}");
        story.suspend(1, Awaited::Future).at(line * line);
        story.wake(1, Waker::Timer, &[frame.as_str()]).begin(1);
    }
    story.done(1);
    assert_snapshot!(terminal(&story.run(), PLAIN));
}

#[test]
fn a_ring_says_what_is_missing() {
    let mut ring = Recorder::ring(Metadata::default(), 0);
    for number in 0..1_000 {
        ring.record(1_000_000 * number, Lane(0), Event::JobBegins);
    }
    let mut file = Vec::new();
    ring.dump(&mut file, 1_000_000_000, &Snapshot::default()).expect("memory");
    assert_snapshot!(terminal(&Run::read(&file[..]).expect("it is a recording"), PLAIN));
}

#[test]
fn a_recording_that_is_cut_off_says_so() {
    let file = async_cafe().file();
    let run = Run::read(&file[..file.len() - 300]).expect("it is a recording");
    assert_snapshot!(terminal(&run, PLAIN));
}

#[test]
fn an_empty_recording_is_drawn_too() {
    let file = Recorder::ring(Metadata::default(), 0);
    let mut bytes = Vec::new();
    file.dump(&mut bytes, 0, &Snapshot::default()).expect("memory");
    assert_snapshot!(terminal(&Run::read(&bytes[..]).expect("it is a recording"), PLAIN));
}

#[test]
fn a_process_that_was_started_has_rows_of_its_own() {
    let mut run = sync_cafe().run();
    let command = vec!["/home/me/cafe/mill.py".into(), "--fine".into()];
    let mut child = Story::with(Metadata { command, pid: 4711, ..Metadata::default() });
    child.lane(LaneKind::Thread, "").at(2_000).event(Event::Sampled { cpu_ns: 0 });
    child.at(6_000).seen(Event::Sampled { cpu_ns: 4_000_000_000 }, &["grind:3"]);
    run.adopt(child.run());
    assert_snapshot!(terminal(&run, PLAIN));
}

#[test]
fn a_wait_that_begins_and_ends_in_the_middle_of_a_column_has_the_whole_column() {
    let mut story = Story::new("late.py");
    story.create(1, 0, "main()").begin(1).at(1_000);
    for number in [2, 3] {
        story.at(1_000 + 470 * (number - 2)).create(number, 1, &format!("late({number})"));
        story.begin(number).sleep(number, 9_000);
    }
    story.suspend(1, Awaited::Gathered { children: 2 });
    for (number, at) in [(2, 7_000), (3, 7_450)] {
        story.at(at).wake(number, Waker::Timer, &[]).begin(number).done(number);
    }
    story.at(10_000);
    assert_snapshot!(terminal(&story.run(), PLAIN));
}

#[test]
fn a_process_that_did_nothing_is_said_to() {
    let mut run = sync_cafe().run();
    let command = vec!["mill.py".into()];
    run.adopt(Story::with(Metadata { command, pid: 4711, ..Metadata::default() }).run());
    assert_snapshot!(terminal(&run, PLAIN));
}

#[test]
fn names_that_would_move_the_cursor_are_text() {
    let mut story = Story::new("\x1b]0;title\x07.py");
    story.create(1, 0, "名前の長いタスクがここにいます()").create(2, 0, "a\x1b[2J\r\n\u{202e}b()");
    for number in [1, 2] {
        story.begin(number).sleep(number, 500);
    }
    story.at(500);
    assert_snapshot!(terminal(&story.run(), PLAIN));
}

#[test]
fn what_got_shorter_between_the_cafes() {
    assert_snapshot!(compared(&sync_cafe().run(), &async_cafe().run(), PLAIN));
}

#[test]
fn what_got_longer_between_the_cafes() {
    assert_snapshot!(compared(&async_cafe().run(), &busy_cafe().run(), ASCII));
}

#[test]
fn two_runs_that_are_the_same() {
    assert_snapshot!(compared(&async_cafe().run(), &async_cafe().run(), PLAIN));
}

// --- SVG

#[test]
fn the_busy_cafe_as_an_image() {
    assert_snapshot!(svg(&busy_cafe().run(), Svg::default()));
}

/// What stands in the bar of a wait of five seconds in this function, in an image so wide.
fn words_in_bar(function: &str, width: usize) -> Option<String> {
    let mut story = Story::new("long.py");
    story.create(1, 0, "t").begin(1).sleep(1, 5_000).at(5_000);
    story.wake(1, Waker::Timer, &[&format!("{function}:3")]).begin(1).done(1);
    let image = svg(&story.run(), Svg { width, ..Svg::default() });
    image.lines().find_map(|line| {
        let (_, words) = line.split_once("<text class=\"middle\"")?.1.split_once('>')?;
        words.strip_suffix("</text>").map(str::to_owned)
    })
}

#[test]
fn a_name_that_is_too_long_for_its_bar_is_shortened_and_the_time_kept() {
    let name = "fetch_all_the_orders_of_the_last_year_from_the_slowest_of_all_servers";
    assert_eq!(words_in_bar(name, 1200), Some(format!("{name} 5.00 s")));
    let short = words_in_bar(name, 480).expect("there is room for a part of it");
    let (start, time) = short.split_once('…').expect("it is shortened");
    assert!(name.starts_with(start) && start.len() > 20, "{short}");
    assert_eq!(time, " 5.00 s");
}

#[test]
fn a_short_name_stands_whole_in_a_bar_that_has_room_for_it() {
    assert_eq!(words_in_bar("f", 320), Some("f 5.00 s".to_owned()));
}

#[test]
fn an_image_may_be_dark_whatever_the_reader_prefers() {
    let dark = svg(&async_cafe().run(), Svg { dark: Some(true), ..Svg::default() });
    assert!(dark.contains("#0d1117") && !dark.contains("prefers-color-scheme"));
}

/// A task whose name is markup, in a program whose name is.
fn hostile() -> Run {
    let mut story = Story::new("<script>alert(1)<&script>.py");
    story.create(1, 0, "</text><script>alert('\"')</script>&amp;\0").begin(1);
    story.sleep(1, 900).at(900);
    story.wake(1, Waker::Timer, &["<b>:3"]).begin(1).done(1);
    story.run()
}

#[test]
fn names_that_are_markup_are_text_in_an_image() {
    let image = svg(&hostile(), Svg::default());
    assert!(!image.contains("<script") && !image.contains("</text><") && !image.contains('\0'));
    assert!(image.contains("&lt;script&gt;alert(&#39;&quot;&#39;)"));
}

// --- for programs

fn parsed(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> Value {
    let mut bytes = Vec::new();
    write(&mut bytes).expect("memory can be written");
    serde_json::from_slice(&bytes).expect("it is JSON")
}

#[test]
fn the_asynchronous_cafe_as_json() {
    let form = parsed(|out| json(&async_cafe().run(), out));
    assert_snapshot!(serde_json::to_string_pretty(&form).expect("it was JSON"));
}

#[test]
fn the_synchronous_cafe_as_json() {
    let form = parsed(|out| json(&sync_cafe().run(), out));
    assert_eq!(form["threads"][0]["stretches"][1]["doing"], "calling");
    assert_eq!(form["threads"][0]["stretches"][1]["chain"], 1);
    assert_eq!(form["chains"][0][2]["function"], "make_coffee");
    assert_eq!(form["findings"][0]["name"], "sequential-waits");
    assert_eq!(form["findings"][0]["place"]["line"], 29);
}

#[test]
fn all_states_wakers_and_ends_are_in_the_json() {
    let form = parsed(|out| json(&busy_cafe().run(), out));
    let tasks = form["tasks"].as_array().expect("it is a list");
    let ends: Vec<&str> = tasks.iter().filter_map(|task| task["end"].as_str()).collect();
    assert_eq!(ends, ["returned", "raised", "returned", "cancelled"]);
    assert_eq!(form["tasks"][1]["exception"], "MachineError");
    let intervals = form["tasks"][2]["intervals"].as_array().expect("it is a list");
    let states: Vec<&str> = intervals.iter().filter_map(|it| it["state"].as_str()).collect();
    let waits = ["ready", "running", "waiting"];
    assert_eq!(states, [&waits[..], &waits[..], &waits[..2]].concat());
    assert_eq!(intervals[3]["by"], serde_json::json!(["timer"]));
    assert_eq!(intervals[5]["for"], serde_json::json!(["work", 0]));
    assert_eq!(form["works"][0]["code"]["function"], "wash_cups");
}

#[test]
fn the_asynchronous_cafe_as_a_trace() {
    let mut bytes = Vec::new();
    perfetto(&async_cafe().run(), &mut bytes).expect("memory can be written");
    let _: Value = serde_json::from_slice(&bytes).expect("it is JSON");
    assert_snapshot!(String::from_utf8(bytes).expect("it is text"));
}

#[test]
fn names_that_are_markup_are_text_for_programs() {
    let form = parsed(|out| json(&hostile(), out));
    assert_eq!(form["tasks"][0]["label"], "</text><script>alert('\"')</script>&amp;\0");
    let trace = parsed(|out| perfetto(&hostile(), out));
    assert!(trace["traceEvents"].as_array().expect("it is a list").len() > 5);
}

// --- the page

/// The page of a run, and what it is given to show.
fn page(run: &Run) -> (String, Value) {
    let mut bytes = Vec::new();
    html(run, &mut bytes).expect("memory can be written");
    let page = String::from_utf8(bytes).expect("it is text");
    let (_, scene) = page.split_once(r#"id="run">"#).expect("it is in the page");
    let (scene, _) = scene.split_once("</script>").expect("it ends");
    let scene = serde_json::from_str(scene).expect("it is JSON");
    (page, scene)
}

#[test]
fn the_asynchronous_cafe_as_a_page() {
    let (page, scene) = page(&async_cafe().run());
    assert!(!page.contains("{{") && !page.contains("}}"));
    assert_snapshot!(serde_json::to_string_pretty(&scene).expect("it was JSON"));
}

#[test]
fn a_page_tells_who_ended_each_wait() {
    let (_, scene) = page(&busy_cafe().run());
    let lane = |label: &str| {
        let lanes = scene["lanes"].as_array().expect("it is a list");
        let has = |lane: &&Value| text(&scene, &lane["label"]) == label;
        lanes.iter().find(has).expect("it has a lane").clone()
    };
    let caramel = lane("handle_customer('Caramel')");
    assert_eq!(caramel["states"], "10210210");
    let wakers = caramel["wakers"].as_array().expect("it is a list");
    let told = |span: usize| wakers[span].as_i64().expect("it is a number");
    // Another lane's place, or a text's, counted down from -2.
    assert_eq!(caramel["parent"], told(0));
    let texts = [2, 3, 5].map(|span| text(&scene, &Value::from(-2 - told(span))));
    assert_eq!(texts, ["a timer", "a timer", "a job of an executor"]);
    assert_eq!(text(&scene, &lane("handle_customer('Vanilla')")["outcome"]), "raised MachineError");
}

fn text<'a>(scene: &'a Value, number: &Value) -> &'a str {
    let number = usize::try_from(number.as_u64().expect("it is a place")).expect("it is small");
    scene["texts"][number].as_str().expect("it is a text")
}

#[test]
fn names_that_are_markup_are_text_in_a_page() {
    let (page, scene) = page(&hostile());
    assert!(!page.contains("<script>alert") && !page.contains("</text><script"));
    assert!(page.contains("<title>&lt;script&gt;alert(1)&lt;&amp;script&gt;.py</title>"));
    let texts = scene["texts"].as_array().expect("it is a list");
    assert!(texts.iter().any(|text| text == "</text><script>alert('\"')</script>&amp;\0"));
}

#[test]
fn a_page_asks_nobody_for_anything() {
    let (page, _) = page(&async_cafe().run());
    assert!(page.contains("default-src 'none'"));
    for way in ["http:", "https:", "src=", "href=", "url(", "@import", "fetch(", "XMLHttpRequest"] {
        assert!(!page.contains(way), "the page has {way}");
    }
}

#[test]
fn a_servers_requests_are_drawn_though_a_library_makes_them() {
    let mut story = Story::new("cafe.py");
    story.lane(LaneKind::Loop, "MainThread").event(Event::TurnBegins { ready: 1 });
    for number in 1..=50 {
        let frames = ["/lib/python3.13/site-packages/server.py/run_asgi:8", "make_coffee:3"];
        let code = story.code_of("/lib/python3.13/site-packages/server.py", "run_asgi");
        story.at(number * 10).event(Event::TaskCreated { task: task(number), parent: None, code });
        story.begin(number).suspend(number, Awaited::Future);
        story.at(number * 10 + 2).wake(number, Waker::Timer, &frames).begin(number).done(number);
    }
    story.at(1_000).event(Event::TurnBegins { ready: 0 });
    let drawn = terminal(&story.run(), PLAIN);
    assert!(drawn.contains("50 × run_asgi"), "{drawn}");
}
