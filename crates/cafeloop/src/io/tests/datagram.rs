//! The machine of datagrams.

use proptest::prelude::*;

use super::network::{HEADER, Kernel, Network, Step};
use crate::io::{Close, Datagram, LARGE_READ, Peers, Room, Rules, Send};

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => (0..7_usize).prop_map(Step::Send),
        4 => Just(Step::Kernel(Kernel::Takes)),
        3 => Just(Step::Kernel(Kernel::IsFull)),
        3 => Just(Step::Kernel(Kernel::Refuses)),
        1 => (0..40_usize, 0..40_usize).prop_map(|(low, more)| Step::Marks(low + more, low)),
        1 => Just(Step::Close),
        1 => Just(Step::Abort),
        1 => Just(Step::Told),
    ]
}

fn peers() -> impl Strategy<Value = Peers> {
    prop_oneof![Just(Peers::One), Just(Peers::Any)]
}

proptest! {
    #[test]
    fn whatever_happens_datagrams_go_once_and_in_order(
        peers in peers(),
        steps in prop::collection::vec(step(), 0..60),
    ) {
        let mut network = Network::new(peers);
        for step in steps {
            network.take(step);
        }
    }

    #[test]
    fn a_close_delivers_all_that_waits(
        peers in peers(),
        sends in prop::collection::vec(0..7_usize, 0..20),
        kernels in prop::collection::vec(prop::bool::ANY, 0..20),
    ) {
        let mut network = Network::new(peers);
        network.take(Step::Kernel(Kernel::IsFull));
        for bytes in &sends {
            network.take(Step::Send(*bytes));
        }
        network.take(Step::Close);
        for is_full in kernels {
            network.take(Step::Kernel(if is_full { Kernel::IsFull } else { Kernel::Takes }));
        }
        network.take(Step::Kernel(Kernel::Takes));
        prop_assert_eq!(network.arrived.len(), sends.len());
        prop_assert!(network.machine.is_lost());
    }
}

#[test]
fn each_that_waits_counts_its_header() {
    let mut network = Network::new(Peers::One);
    network.take(Step::Kernel(Kernel::IsFull));
    network.take(Step::Send(0));
    network.take(Step::Send(5));
    assert_eq!(network.machine.bytes(), 5 + 2 * HEADER);
}

#[test]
fn with_one_peer_nothing_is_sent_after_the_loss() {
    let mut machine = Datagram::<()>::new(Rules { peers: Peers::One, header: HEADER });
    assert_eq!(machine.close(), Close::Lose);
    assert_eq!([machine.send(), machine.send()], [Send::Lost(0), Send::Lost(1)]);
}

#[test]
fn with_any_peers_nothing_is_sent_after_the_protocol_was_told() {
    let mut machine = Datagram::<()>::new(Rules { peers: Peers::Any, header: HEADER });
    assert!(machine.abort().is_some());
    assert_eq!(machine.send(), Send::Now);
    assert!(!machine.keep((), 1), "but nothing waits any more");
    assert!(machine.told().is_none());
    assert_eq!([machine.send(), machine.send()], [Send::Lost(0), Send::Lost(1)]);
}

#[test]
fn receiving_pauses_and_resumes_and_ends() {
    let mut machine = Datagram::<()>::new(Rules { peers: Peers::Any, header: HEADER });
    assert!(machine.is_reading() && !machine.resume_reading());
    assert!(machine.pause_reading() && !machine.pause_reading());
    assert_eq!(machine.room(), None);
    assert!(machine.resume_reading());
    machine.received(LARGE_READ);
    assert_eq!(machine.room(), Some(Room::Own));
    assert_eq!(machine.close(), Close::Lose);
    assert!(!machine.is_reading() && !machine.resume_reading());
}

/// Has so many come at once, and counts the looks that it took beside the reports.
fn receive(machine: &mut Datagram<()>, count: usize) -> (usize, usize) {
    let (mut left, mut looks, mut reports) = (count, 0, 0);
    while left > 0 {
        reports += 1;
        while left > 0 {
            left -= 1;
            if !machine.received(1) {
                break;
            }
            looks += 1;
            if left == 0 {
                machine.received_nothing();
            }
        }
    }
    (reports, looks)
}

#[test]
fn where_one_comes_at_a_time_nobody_looks_for_another_but_seldom() {
    let mut machine = Datagram::new(Rules { peers: Peers::Any, header: HEADER });
    let looks: usize = (0..170).map(|_| receive(&mut machine, 1).1).sum();
    assert_eq!(looks, 10);
}

#[test]
fn where_many_come_at_once_one_report_is_enough() {
    let mut machine = Datagram::new(Rules { peers: Peers::Any, header: HEADER });
    receive(&mut machine, 50);
    assert_eq!(receive(&mut machine, 50), (1, 50));
    assert_eq!(receive(&mut machine, 3), (1, 3));
    // Two are too few.
    receive(&mut machine, 2);
    assert_eq!(receive(&mut machine, 2), (2, 0));
}

#[test]
fn a_report_that_was_false_changes_nothing() {
    let mut machine = Datagram::<()>::new(Rules { peers: Peers::Any, header: HEADER });
    machine.received_nothing();
    assert!(!machine.received(1));
}
