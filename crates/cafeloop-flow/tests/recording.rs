//! What is recorded is what is read.

mod common;

use std::io::{self, Write};

use cafeloop_flow::{
    CodeId, Ending, Event, Frame, Lane, LaneKind, Losses, Metadata, Mode, Reader, Recorder,
    Snapshot, TaskEnd, TaskId,
};
use proptest::prelude::*;

use self::common::every_event::every_event;
use self::common::{Heard, SharedFile, heard, read};

const LANE: Lane = Lane(0);

fn turn(ready: usize) -> Event {
    Event::TurnBegins { ready }
}

fn plain(at_ns: u64, event: Event) -> Heard {
    Heard { at_ns, lane: LANE, event, text: String::new(), frames: Vec::new() }
}

fn dump(recorder: &Recorder, at_ns: u64) -> Vec<u8> {
    let mut file = Vec::new();
    recorder.dump(&mut file, at_ns, &Snapshot::default()).expect("memory can be written");
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn all_events_survive_a_stream_and_a_large_ring(
        events in proptest::collection::vec(heard(), 0..200)
    ) {
        let file = SharedFile::default();
        let mut stream = Recorder::stream(Metadata::default(), Box::new(file.clone()))
            .expect("memory can be written");
        let mut ring = Recorder::ring(Metadata::default(), 1 << 20);
        for event in &events {
            for recorder in [&mut stream, &mut ring] {
                recorder.record_with(
                    event.at_ns, event.lane, event.event, &event.text, &event.frames
                );
            }
        }
        stream.finish(77).expect("memory can be written");
        for file in [file.bytes(), dump(&ring, 77)] {
            let (mut found, ending, losses) = read(&file);
            prop_assert_eq!(found.pop(), Some(plain(77, Event::RecordingEnds)));
            prop_assert_eq!(&found, &events);
            prop_assert_eq!((ending, losses), (Ending::Complete, Losses::default()));
        }
    }

    #[test]
    fn a_small_ring_keeps_the_newest_and_counts_the_rest(
        events in proptest::collection::vec(heard(), 0..300)
    ) {
        let mut ring = Recorder::ring(Metadata::default(), 64 * 32);
        for event in &events {
            ring.record_with(event.at_ns, event.lane, event.event, &event.text, &event.frames);
        }
        let (mut found, ..) = read(&dump(&ring, 5));
        found.pop();
        let told = found
            .first()
            .and_then(|first| match first.event {
                Event::Dropped { events } => Some(events),
                _ => None,
            })
            .filter(|_| found.len() <= events.len() && found[..] != events[..]);
        if told.is_some() {
            found.remove(0);
        }
        let kept = &events[events.len() - found.len()..];
        prop_assert_eq!(&found[..], kept);
        prop_assert_eq!(told.unwrap_or(0), (events.len() - kept.len()) as u64);
    }
}

/// A recording with one event of each kind, of process 56.
fn of_every_event() -> (Vec<Event>, Vec<u8>) {
    let metadata = Metadata {
        command: vec!["every_event.py".into()],
        runtime: "CPython 3.13.0".into(),
        pid: 56,
        ..Metadata::default()
    };
    let mut ring = Recorder::ring(metadata, 1 << 16);
    let code = ring.code("make_coffee", "cafe.py", 7);
    let class = ring.string("ValueError");
    let events = every_event(code, class);
    let frame = Frame { code, line: 8 };
    for (at_ns, &event) in (57..).zip(&events) {
        ring.record_with(
            at_ns,
            Lane(58),
            event,
            "text beside the event, two records long",
            &[frame],
        );
    }
    (events, dump(&ring, 1_000))
}

#[test]
fn format_1_stays_what_it_is() {
    let stored = include_bytes!("recordings/every_event-1.flow");
    let (events, file) = of_every_event();
    assert!(file == stored, "the same events are written differently: that is another version");
    let (found, ending, losses) = read(stored);
    let found: Vec<Event> = found.iter().map(|heard| heard.event).collect();
    assert_eq!(found[..found.len() - 1], events);
    assert_eq!((ending, losses), (Ending::Complete, Losses::default()));
}

#[test]
fn names_are_read_as_they_were_given() {
    let file = SharedFile::default();
    let mut recorder =
        Recorder::stream(Metadata::default(), Box::new(file.clone())).expect("memory");
    let task = TaskId::new(1).expect("1 isn't 0");
    let code = recorder.code("make_coffee", "cafe.py", 7);
    recorder.record(1, LANE, Event::TaskCreated { task, parent: None, code });
    recorder.flush();
    let class = recorder.string("ValueError");
    recorder.record(2, LANE, Event::TaskDone { task, end: TaskEnd::Raised(class) });
    recorder.finish(3).expect("memory");

    let bytes = file.bytes();
    let mut reader = Reader::new(&bytes[..]).expect("it is a recording");
    while reader.next_entry().expect("memory").is_some() {}
    let names = reader.names();
    assert_eq!(names.function(code), "make_coffee");
    assert_eq!((names.file(code), names.first_line(code)), ("cafe.py", 7));
    assert_eq!(names.string(class), "ValueError");
    assert_eq!(names.function(CodeId::NONE), "");
}

#[test]
fn metadata_says_which_way_it_was_recorded() {
    let metadata = Metadata { command: vec!["cafe.py".into()], ..Metadata::default() };
    let file = dump(&Recorder::ring(metadata, 0), 0);
    let reader = Reader::new(&file[..]).expect("it is a recording");
    assert_eq!(reader.metadata().command, ["cafe.py"]);
    assert_eq!(reader.metadata().mode, Mode::Ring);
}

#[test]
fn a_long_text_ends_with_an_ellipsis_and_left_out_frames_are_counted() {
    let mut ring = Recorder::ring(Metadata::default(), 1 << 16);
    let frames: Vec<Frame> = (1..=100).map(|line| Frame { code: CodeId::NONE, line }).collect();
    let event = Event::LaneNamed { kind: LaneKind::Thread };
    ring.record_with(1, LANE, event, &"é".repeat(200), &frames);
    let (found, ..) = read(&dump(&ring, 1));
    assert_eq!(found[0].text, "é".repeat(118) + "…");
    assert_eq!(found[0].frames[0], Frame { code: CodeId::NONE, line: 53 });
    assert_eq!(found[0].frames[1..], frames[53..]);
}

#[test]
fn a_dump_says_who_is_there_before_the_rings_events_and_what_they_wait_for_after() {
    let mut ring = Recorder::ring(Metadata::default(), 0);
    for number in 0..100 {
        ring.record(number, LANE, turn(0));
    }
    let task = TaskId::new(1).expect("1 isn't 0");
    let created = Event::TaskCreated { task, parent: None, code: CodeId::NONE };
    let frame = Frame { code: CodeId::NONE, line: 3 };
    let mut snapshot = Snapshot::default();
    snapshot.before(1, LANE, created, "");
    snapshot.before(1, LANE, Event::TaskNamed { task }, "waiter");
    snapshot.after(100, LANE, Event::Waited { task }, &[frame]);
    let mut file = Vec::new();
    ring.dump(&mut file, 101, &snapshot).expect("memory");

    let (found, ..) = read(&file);
    assert_eq!(found[0], plain(1, created));
    assert_eq!(found[1].text, "waiter");
    assert_eq!(found[2], plain(36, Event::Dropped { events: 36 }));
    assert_eq!(found[3], plain(36, turn(0)));
    assert_eq!(found[67].frames, [frame]);
    assert_eq!(found[68..], [plain(101, Event::RecordingEnds)]);
}

#[test]
fn a_ring_can_be_dumped_again_and_goes_on() {
    let mut ring = Recorder::ring(Metadata::default(), 1 << 16);
    ring.record(1, LANE, turn(1));
    assert_eq!(dump(&ring, 2), dump(&ring, 2));
    ring.record(3, LANE, turn(3));
    let (found, ..) = read(&dump(&ring, 4));
    assert_eq!(found[1], plain(3, turn(3)));
}

#[test]
fn what_was_flushed_can_be_read_while_the_stream_goes_on() {
    let file = SharedFile::default();
    let mut recorder =
        Recorder::stream(Metadata::default(), Box::new(file.clone())).expect("memory");
    recorder.record(1, LANE, turn(1));
    recorder.flush();
    recorder.record(2, LANE, turn(2));
    let bytes = file.bytes();
    let (found, ending, _) = read(&bytes);
    assert_eq!(found, [plain(1, turn(1))]);
    assert_eq!(ending, Ending::CutOff { bytes: bytes.len() as u64 });
}

/// A disk with this much room.
struct Disk(usize);

impl Write for Disk {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said_at_the_end_and_the_program_goes_on() {
    let mut recorder =
        Recorder::stream(Metadata::default(), Box::new(Disk(100_000))).expect("there is room");
    for number in 0..10_000 {
        recorder.record(number, LANE, turn(0));
    }
    let failure = recorder.finish(10_000).expect_err("the disk is full");
    assert_eq!(failure.kind(), io::ErrorKind::StorageFull);
}
