//! The stream machine, driven byte by byte against a kernel that takes what it
//! likes.

use std::collections::VecDeque;

use proptest::prelude::*;

use super::wire::{Step, Wire};
use crate::io::{Close, End, LARGE_READ, Refused, Room, Settled, Stream, Turn, Write};

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..7_usize).prop_map(Step::Write),
        2 => Just(Step::OtherWrites),
        4 => Just(Step::TurnEnds),
        6 => (0..9_usize).prop_map(Step::Room),
        1 => (0..6_usize, 0..6_usize).prop_map(|(low, more)| Step::Marks(low + more, low)),
        1 => Just(Step::EndWriting),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
    ]
}

proptest! {
    #[test]
    fn whatever_happens_bytes_arrive_once_and_in_order(steps in prop::collection::vec(step(), 0..60)) {
        let mut wire = Wire::default();
        for step in steps {
            wire.take(step);
        }
    }

    #[test]
    fn a_close_delivers_all_that_was_written(
        steps in prop::collection::vec(step(), 0..40),
        rooms in prop::collection::vec(1..4_usize, 400),
    ) {
        let mut wire = Wire::default();
        for step in steps.into_iter().filter(|step| !matches!(step, Step::Abort)) {
            wire.take(step);
        }
        wire.take(Step::Close);
        for room in rooms {
            wire.take(Step::Room(room));
        }
        prop_assert_eq!(&wire.arrived, &wire.accepted);
        prop_assert!(wire.is_lost);
    }

    #[test]
    fn an_end_comes_after_all_that_was_written(
        writes in prop::collection::vec(1..7_usize, 1..20),
        rooms in prop::collection::vec(1..4_usize, 200),
    ) {
        let mut wire = Wire::default();
        for count in writes {
            wire.take(Step::Write(count));
        }
        wire.take(Step::EndWriting);
        prop_assert_eq!(wire.write(1), Err(Refused::Ended));
        for room in rooms {
            wire.take(Step::Room(room));
        }
        prop_assert_eq!(&wire.arrived, &wire.accepted);
        prop_assert!(wire.eof && !wire.is_lost);
    }

    #[test]
    fn the_writes_of_a_turn_take_two_sends_at_most(writes in prop::collection::vec(1..5_usize, 1..9)) {
        let mut wire = Wire { room: usize::MAX, ..Wire::default() };
        for count in writes {
            wire.take(Step::Write(count));
        }
        wire.take(Step::TurnEnds);
        prop_assert!(wire.sends <= 2);
        prop_assert_eq!(&wire.arrived, &wire.accepted);
    }
}

#[test]
fn the_first_write_of_a_turn_goes_at_once() {
    let mut wire = Wire { room: usize::MAX, ..Wire::default() };
    for _ in 0..3 {
        assert_eq!(wire.write(3), Ok(Write::Now));
        wire.turn_ends();
    }
}

#[test]
fn a_small_write_goes_with_those_of_others_in_the_same_turn() {
    let mut wire = Wire { room: usize::MAX, ..Wire::default() };
    wire.take(Step::OtherWrites);
    assert_eq!(wire.write(3), Ok(Write::Later));
    wire.turn_ends();
    assert_eq!(wire.write(3), Ok(Write::Now));
    wire.turn_ends();
    wire.take(Step::OtherWrites);
    // To copy it costs more than to wake whoever waits for it.
    assert_eq!(wire.write(16 * 1024), Ok(Write::Now));
}

#[test]
fn who_wrote_several_times_in_a_turn_is_expected_to_do_so_again() {
    let mut wire = Wire { room: usize::MAX, ..Wire::default() };
    assert_eq!([wire.write(3), wire.write(3)], [Ok(Write::Now), Ok(Write::Later)]);
    wire.turn_ends();
    assert_eq!(wire.sends, 2);
    assert_eq!([wire.write(3), wire.write(3)], [Ok(Write::Later), Ok(Write::Later)]);
    wire.turn_ends();
    assert_eq!(wire.sends, 3);
    // It was wrong to expect it: the next one goes at once again.
    assert_eq!(wire.write(3), Ok(Write::Later));
    wire.turn_ends();
    assert_eq!(wire.write(3), Ok(Write::Now));
}

#[test]
fn without_a_turn_that_could_end_each_write_goes_at_once() {
    let mut machine = Stream::<()>::default();
    assert_eq!(machine.write(1, None), Ok(Write::Now));
    assert_eq!(machine.write(1, None), Ok(Write::Now));
}

#[test]
fn a_writer_is_asked_to_pause_only_when_the_kernel_is_full() {
    let mut wire = Wire { room: 100, ..Wire::default() };
    wire.take(Step::Marks(10, 2));
    for _ in 0..20 {
        wire.take(Step::Write(5));
    }
    wire.turn_ends();
    assert!(wire.told.is_empty());
    wire.take(Step::Write(11));
    wire.turn_ends();
    assert_eq!(wire.told, [true]);
}

#[test]
fn once_the_kernel_is_known_to_be_full_a_pause_waits_for_nothing() {
    let mut wire = Wire { room: 5, ..Wire::default() };
    wire.take(Step::Marks(10, 2));
    wire.take(Step::Write(6));
    wire.take(Step::Write(9));
    assert!(wire.told.is_empty());
    wire.take(Step::Write(1));
    assert_eq!(wire.told, [true]);
}

#[test]
fn the_writes_of_a_turn_go_together_four_times_the_high_mark_at_a_time() {
    let mut wire = Wire { room: usize::MAX, ..Wire::default() };
    wire.take(Step::Marks(10, 2));
    for _ in 0..10 {
        wire.take(Step::Write(9));
    }
    // The first by itself, then five, then the rest.
    assert_eq!(wire.sends, 2);
    wire.turn_ends();
    assert_eq!(wire.sends, 3);
}

#[test]
fn a_mark_may_allow_more_but_not_less_than_goes_together() {
    let mut wire = Wire { room: usize::MAX, ..Wire::default() };
    wire.take(Step::Marks(0, 0));
    for _ in 0..3 {
        wire.take(Step::Write(1));
    }
    assert_eq!(wire.sends, 3);
    wire.take(Step::Marks(1_000_000, 0));
    wire.take(Step::Write(1_000_000));
    assert_eq!(wire.sends, 3);
    wire.take(Step::Write(1));
    assert_eq!(wire.sends, 4);
}

#[test]
fn marks_are_asked_whenever_they_change() {
    let mut wire = Wire::default();
    wire.take(Step::Write(5));
    wire.take(Step::Marks(4, 1));
    assert_eq!(wire.told, [true]);
    wire.take(Step::Room(4));
    assert_eq!(wire.told, [true, false]);
}

#[test]
fn writes_to_a_lost_connection_are_counted() {
    let mut machine = Stream::<()>::default();
    assert!(machine.abort().is_some());
    assert!(machine.abort().is_none());
    assert_eq!(machine.write(1, Some(Turn::default())), Ok(Write::Lost(0)));
    assert_eq!(machine.write(1, Some(Turn::default())), Ok(Write::Lost(1)));
}

#[test]
fn an_end_that_is_a_close_refuses_writes_and_loses_when_all_was_sent() {
    let mut machine = Stream::<()>::default();
    assert_eq!(machine.write(2, None), Ok(Write::Now));
    machine.sent_at_once(2, 1, || ());
    assert_eq!(machine.settle(), Settled::Waits);
    assert_eq!((machine.end_writing(), machine.close()), (End::Later, Close::Later));
    assert_eq!(machine.write(1, None), Err(Refused::Ended));
    assert_eq!([machine.lose_write(), machine.lose_write()], [0, 1]);
    machine.sent(1);
    assert_eq!(machine.settle(), Settled::Lose);
    assert!(machine.is_lost());
}

#[test]
fn a_lent_socket_refuses_writes_until_it_is_back() {
    let mut wire = Wire::default();
    wire.take(Step::Write(2));
    assert!(wire.machine.lend());
    assert!(!wire.machine.lend());
    assert_eq!(wire.machine.write(1, Some(Turn::default())), Err(Refused::Lent));
    wire.room = 2;
    wire.machine.sent(2);
    assert_eq!(wire.machine.settle(), Settled::Drained);
    assert!(!wire.machine.give_back());
    assert_eq!(wire.machine.write(0, Some(Turn::default())), Ok(Write::Nothing));
}

#[test]
fn an_end_that_comes_while_the_socket_is_lent_waits_for_it() {
    let mut machine = Stream::<()>::default();
    machine.lend();
    assert_eq!(machine.end_writing(), End::Later);
    assert_eq!(machine.end_writing(), End::Already);
    assert!(machine.give_back());
    assert_eq!(machine.write(1, Some(Turn::default())), Err(Refused::Ended));
}

#[test]
fn reading_pauses_resumes_and_ends() {
    let mut machine = Stream::<()>::default();
    assert!(machine.wants_input() && !machine.resume_reading());
    assert!(machine.pause_reading() && !machine.pause_reading());
    assert_eq!((machine.is_reading(), machine.room()), (false, None));
    assert!(machine.resume_reading() && machine.wants_input());
    machine.input_ended();
    assert!(machine.is_reading() && !machine.wants_input());
    // The end is found again by whoever pauses and resumes.
    assert!(!machine.resume_reading() && machine.pause_reading() && !machine.is_reading());
    assert!(machine.resume_reading() && machine.wants_input());
    assert_eq!(machine.close(), Close::Lose);
    assert!(!machine.is_reading());
}

#[test]
fn a_large_read_is_followed_by_one_into_its_own_object() {
    let mut machine = Stream::<()>::default();
    let mut seen = VecDeque::new();
    for bytes in [LARGE_READ - 1, LARGE_READ, 10, 10] {
        seen.extend(machine.room());
        machine.received(bytes);
    }
    assert_eq!(seen, [Room::Shared, Room::Shared, Room::Own, Room::Shared]);
}
