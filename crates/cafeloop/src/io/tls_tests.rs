//! The TLS machine, driven byte by byte with a toy in the place of a library that
//! encrypts.

use proptest::prelude::*;

use super::tls::{Close, InputEnd, Next, Offer, RECORD, Tls};
use super::{Keep, Write};
use link::{Link, Step};
use toy::{GREETING, Side, turn};

pub(super) mod link;
mod toy;

fn step() -> impl Strategy<Value = (bool, Step)> {
    let step = prop_oneof![
        8 => (0..12_usize).prop_map(Step::Write),
        4 => Just(Step::TurnEnds),
        8 => (1..9_usize).prop_map(Step::Deliver),
        1 => Just(Step::CarrierIsFull),
        2 => Just(Step::CarrierHasRoom),
        1 => Just(Step::PauseReading),
        2 => Just(Step::ResumeReading),
        1 => Just(Step::Rekey),
        1 => (0..20_usize).prop_map(Step::Marks),
    ];
    (any::<bool>(), step)
}

proptest! {
    #[test]
    fn whatever_happens_bytes_arrive_once_and_in_order(
        steps in prop::collection::vec(step(), 0..80)
    ) {
        let link = Link::new();
        for (is_first, step) in steps {
            link.take(is_first, step);
        }
        link.settle();
        for (own, other) in [(0, 1), (1, 0)] {
            let (side, other) = (link.0[own].borrow(), link.0[other].borrow());
            prop_assert_eq!(&side.received, &other.accepted);
            prop_assert_eq!(&side.events, &["made"]);
        }
    }

    #[test]
    fn a_close_delivers_all_that_was_written_and_both_sides_end(
        steps in prop::collection::vec(step(), 0..60)
    ) {
        let link = Link::new();
        for (is_first, step) in steps {
            link.take(is_first, step);
        }
        // Hands are shaken, and what the keys need has come.
        link.settle();
        link.0[0].borrow_mut().write(7);
        link.0[0].borrow_mut().write(3);
        link.0[0].borrow_mut().close();
        link.settle();
        for side in &link.0 {
            prop_assert!(side.borrow().is_carrier_closed);
            side.borrow_mut().lose();
            side.borrow_mut().lose();
        }
        let (first, second) = (link.0[0].borrow(), link.0[1].borrow());
        prop_assert_eq!(&second.received, &first.accepted);
        prop_assert_eq!(&second.events, &["made", "eof", "lost"]);
        prop_assert_eq!(&first.events, &["made", "eof", "lost"]);
    }

    #[test]
    fn a_carrier_that_ends_anywhere_is_an_end_and_not_a_loss_of_order(
        steps in prop::collection::vec(step(), 0..60),
        ends in any::<bool>(),
    ) {
        let link = Link::new();
        for (is_first, step) in steps {
            link.take(is_first, step);
        }
        let mut side = link.0[usize::from(ends)].borrow_mut();
        let was_made = !side.machine.is_shaking_hands();
        side.carrier_input_ends();
        side.machine.resume_reading();
        side.go_on();
        prop_assert!(side.is_carrier_closed);
        side.lose();
        let told: &[&str] = if was_made { &["made", "eof", "lost"] } else { &[] };
        prop_assert_eq!(&side.events[..], told);
        prop_assert_eq!(side.machine.write(1, None), Write::Lost(1));
    }
}

fn opened() -> Side {
    let mut side = Side::default();
    side.begin();
    side.receive([GREETING; 3].into_iter());
    side
}

#[test]
fn a_handshake_goes_on_with_each_byte() {
    let mut side = Side::default();
    side.begin();
    for _ in 0..2 {
        side.receive(std::iter::once(GREETING));
        assert_eq!((side.machine.next(), side.events.len()), (Next::ShakeHands, 0));
    }
    side.receive(std::iter::once(GREETING));
    assert_eq!((side.machine.next(), &side.events[..]), (Next::Read, &["made"][..]));
}

#[test]
fn what_is_written_before_the_handshake_waits_for_it() {
    let mut side = Side::default();
    side.write(2);
    side.begin();
    side.write(2);
    assert_eq!(side.carrier, [GREETING; 3]);
    side.receive([GREETING; 3].into_iter());
    // In one record, which both fit in.
    assert_eq!(side.carrier.iter().skip(3).copied().collect::<Vec<_>>(), [4, 1, 2, 3, 4]);
}

#[test]
fn the_first_write_of_a_turn_goes_at_once_and_the_others_together() {
    let mut side = opened();
    side.carrier.clear();
    side.write(1);
    assert_eq!(side.carrier, [1, 1]);
    side.write(1);
    side.write(1);
    assert_eq!(side.carrier, [1, 1]);
    side.turn_ends();
    assert_eq!(side.carrier, [1, 1, 2, 2, 3]);
}

#[test]
fn an_upgraded_connection_was_made_before_it() {
    let mut machine = Tls::<()>::upgrading();
    assert!(machine.begin() && machine.open());
    assert!(!machine.tells_made() && machine.tells_input_ended());
    assert!(machine.lost().0);
}

#[test]
fn who_was_never_told_of_a_connection_is_not_told_of_its_loss() {
    let mut machine = Tls::<()>::default();
    assert!(machine.begin());
    assert!(!machine.lost().0);
    let mut upgrading = Tls::<()>::upgrading();
    assert!(upgrading.begin());
    assert!(!upgrading.lost().0, "in the midst of the handshake it is the waiter's affair");
}

#[test]
fn a_connection_closed_before_its_carrier_came_never_begins() {
    let mut machine = Tls::<()>::default();
    assert_eq!(machine.close(), Close::Abort);
    assert_eq!(machine.close(), Close::Already);
    assert!(!machine.begin());
}

#[test]
fn a_handshake_is_aborted_and_not_shut_down() {
    let mut side = Side::default();
    side.begin();
    side.close();
    assert!(side.is_carrier_closed && side.carrier == [GREETING; 3]);
}

#[test]
fn an_end_that_comes_while_reading_is_paused_waits_for_the_reader() {
    let mut side = opened();
    side.machine.pause_reading();
    side.receive([2, 7, 7].into_iter());
    assert_eq!(side.machine.input_ended(), InputEnd::KeepOpen);
    assert_eq!((side.machine.next(), side.received.len()), (Next::Flush, 0));
    assert!(side.machine.resume_reading());
    side.go_on();
    assert_eq!(side.received, [7, 7]);
    assert_eq!(side.events, ["made", "eof"]);
}

#[test]
fn writes_that_come_too_late_are_counted() {
    let mut machine = Tls::<()>::default();
    machine.end();
    assert_eq!(machine.write(0, None), Write::Nothing);
    assert_eq!([machine.write(1, None), machine.write(1, None)], [Write::Lost(0), Write::Lost(1)]);
}

#[test]
fn a_reader_that_pauses_stops_its_carrier_before_much_has_come() {
    let mut side = opened();
    side.machine.set_incoming_marks(8, 2);
    side.machine.pause_reading();
    side.receive([3, 1, 1, 1, 3, 2, 2, 2].into_iter());
    assert!(side.is_carrier_paused);
    side.machine.resume_reading();
    side.go_on();
    assert!(!side.is_carrier_paused);
    assert_eq!(side.received, [1, 1, 1, 2, 2, 2]);
}

#[test]
fn much_is_sent_without_waiting_for_the_end_of_the_turn() {
    let mut machine = Tls::<()>::default();
    assert!(machine.begin() && machine.open());
    assert_eq!(machine.write(RECORD, Some(turn(0))), Write::Now);
    assert_eq!(machine.write(RECORD, Some(turn(0))), Write::Later);
    assert_eq!(machine.keep((), RECORD), Keep::SendAtTurnsEnd);
    assert_eq!([machine.keep((), RECORD), machine.keep((), RECORD)], [Keep::Wait, Keep::Wait]);
    assert_eq!(machine.keep((), RECORD), Keep::SendNow);
    assert_eq!(machine.offer(), Some(Offer::Chunk));
}

#[test]
fn small_chunks_share_a_record_and_never_shrink_what_was_offered() {
    let mut machine = Tls::<()>::default();
    assert!(machine.begin() && machine.open());
    machine.keep((), 100);
    assert_eq!(machine.offer(), Some(Offer::Chunk));
    // A library that needs input first must be offered at least as much the next time.
    machine.stuck();
    assert_eq!(machine.keep((), RECORD), Keep::Wait);
    assert_eq!(machine.offer(), Some(Offer::Gathered(RECORD)));
}
