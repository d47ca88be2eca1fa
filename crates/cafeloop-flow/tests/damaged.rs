//! Whatever the bytes are, reading them ends, with what could be read.

mod common;

use cafeloop_flow::render::{Terminal, terminal};
use cafeloop_flow::{Ending, Lane, Metadata, Reader, Recorder, Run, Snapshot};
use proptest::prelude::*;

use self::common::{Heard, heard, read};

fn recording(events: &[Heard]) -> Vec<u8> {
    let metadata = Metadata { command: vec!["cafe.py".into()], ..Metadata::default() };
    let mut ring = Recorder::ring(metadata, 1 << 20);
    for number in 0..3 {
        ring.code(&format!("function_{number}"), "cafe.py", number);
    }
    for event in events {
        ring.record_with(event.at_ns, event.lane, event.event, &event.text, &event.frames);
    }
    let mut file = Vec::new();
    ring.dump(&mut file, 9, &Snapshot::default()).expect("memory can be written");
    file
}

/// What can be done to a file.
#[derive(Clone, Debug)]
enum Damage {
    Cut(usize),
    Set(usize, u8),
    Insert(usize, Vec<u8>),
    Remove(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let bytes = proptest::collection::vec(any::<u8>(), 1..40);
    prop_oneof![
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Set(at, byte)),
        (any::<usize>(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        (any::<usize>(), 1usize..100).prop_map(|(at, length)| Damage::Remove(at, length)),
    ]
}

fn apply(file: &mut Vec<u8>, damage: &Damage) {
    let place = |at: usize| at % (file.len() + 1);
    match damage {
        Damage::Cut(at) => file.truncate(place(*at)),
        Damage::Set(at, byte) => {
            let at = place(*at);
            if let Some(old) = file.get_mut(at) {
                *old = *byte;
            }
        }
        Damage::Insert(at, bytes) => {
            let at = place(*at);
            file.splice(at..at, bytes.iter().copied());
        }
        Damage::Remove(at, length) => {
            let at = place(*at);
            file.drain(at..(at + length).min(file.len()));
        }
    }
}

/// Reads as much as there is; what it is doesn't matter.
fn survive(file: &[u8]) {
    let Ok(mut reader) = Reader::new(file) else { return };
    let mut entries = 0;
    while let Some(entry) = reader.next_entry().expect("a slice can be read") {
        assert!(entry.text.len() + entry.frames.len() <= 3 * file.len());
        entries += 1;
    }
    assert!(entries * 32 <= file.len());
    let run = Run::read(file).expect("its head was right");
    terminal(&run, Terminal::default());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        survive(&bytes);
        let mut file = recording(&[])[..16].to_vec();
        file[12..16].fill(0);
        file.extend(bytes);
        survive(&file);
    }

    #[test]
    fn a_damaged_recording_is_survived(
        events in proptest::collection::vec(heard(), 0..30),
        damages in proptest::collection::vec(damage(), 1..5),
    ) {
        let mut file = recording(&events);
        for damage in &damages {
            apply(&mut file, damage);
        }
        survive(&file);
    }

    #[test]
    fn a_recording_that_is_cut_gives_all_up_to_there_and_says_so(
        events in proptest::collection::vec(heard(), 0..30),
        at in any::<proptest::sample::Index>(),
    ) {
        let file = recording(&events);
        let (whole, ending, _) = read(&file);
        prop_assert_eq!(ending, Ending::Complete);
        let bytes = at.index(file.len());
        match Reader::new(&file[..bytes]) {
            Ok(_) => {
                let (found, ending, _) = read(&file[..bytes]);
                prop_assert_eq!(ending, Ending::CutOff { bytes: bytes as u64 });
                // What stands beside the last event may be cut too.
                let before = found.len().saturating_sub(1);
                prop_assert_eq!(&found[..before], &whole[..before]);
                if let Some(last) = found.last() {
                    prop_assert_eq!(last.event, whole[before].event);
                }
                // No event is missing whose record is there.
                let missing = (file.len() - bytes).div_ceil(32);
                prop_assert!(whole.len() - found.len() <= missing);
            }
            Err(error) => {
                let text = error.to_string();
                if bytes == 0 {
                    prop_assert_eq!(text, "not a recording: the file is empty");
                } else {
                    prop_assert_eq!(text, "the recording is cut off before its first event");
                }
            }
        }
    }
}

fn refusal(file: &[u8]) -> String {
    let error = Reader::new(file).expect_err("it is to be refused");
    assert!(error.is_wrong_file());
    error.to_string()
}

#[test]
fn another_file_is_named_by_what_it_begins_with() {
    assert_eq!(refusal(b"#!/usr/bin/python3\n"), "not a recording: it begins with \"#!/usr/b\"");
    assert_eq!(refusal(b"\x7fELF"), "not a recording: it begins with \"\\x7fELF\"");
}

#[test]
fn another_version_is_named_with_what_to_do() {
    let mut file = recording(&[]);
    file[8] = 2;
    assert_eq!(
        refusal(&file),
        "a recording of format 2, but this version of cafeloop reads format 1; use the version \
         that recorded it, or record again"
    );
}

#[test]
fn a_head_that_claims_too_much_is_refused_before_memory_is_taken_for_it() {
    let mut file = recording(&[]);
    file[12..16].fill(0xff);
    assert_eq!(
        refusal(&file),
        "the recording is damaged: its head claims 4294967295 bytes, and may have 1048576"
    );
}

#[test]
fn unknown_records_and_blocks_are_passed_over_and_counted() {
    let events = [1, 2, 3].map(|at_ns| Heard {
        at_ns,
        lane: Lane(0),
        event: cafeloop_flow::Event::JobBegins,
        text: String::new(),
        frames: Vec::new(),
    });
    let mut file = recording(&events);
    // From the end: the last block has 16 bytes, the record before it 32 and its
    // block's head 8; the second event is one record before the third.
    let second = file.len() - 16 - 32 - 8 - 64;
    assert_eq!(file[second], 8);
    file[second] = 200;
    let end = file.len() - 16;
    file.splice(end..end, [77, 0, 0, 0, 2, 0, 0, 0, 1, 2]);
    let (found, ending, losses) = read(&file);
    assert_eq!(found[..2], [events[0].clone(), events[2].clone()]);
    assert_eq!(ending, Ending::Complete);
    assert_eq!(losses.unknown, 2);
}
