//! The machine of datagrams.

use std::collections::VecDeque;

use proptest::prelude::*;

use crate::io::{Close, Datagram, LARGE_READ, Peers, Room, Rules, Send, Sent};

const HEADER: usize = 8;

/// What the kernel says to a datagram.
#[derive(Clone, Copy, Debug)]
enum Kernel {
    Takes,
    IsFull,
    /// As when the peer is gone.
    Refuses,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Send(usize),
    /// What the kernel says from now on; and it has room, if somebody watches.
    Kernel(Kernel),
    Marks(usize, usize),
    Close,
    Abort,
    Told,
}

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

/// The network, and a driver that obeys the machine.
struct Network {
    machine: Datagram<u32>,
    kernel: Kernel,
    watches: bool,
    count: u32,
    arrived: Vec<u32>,
    refused: Vec<u32>,
    /// Given to the machine and not forgotten, each with its bytes.
    waiting: Vec<(u32, usize)>,
    told: Vec<bool>,
    losses: usize,
    is_over: bool,
}

impl Network {
    fn new(peers: Peers) -> Self {
        Network {
            machine: Datagram::new(Rules { peers, header: HEADER }),
            kernel: Kernel::Takes,
            watches: false,
            count: 0,
            arrived: Vec::new(),
            refused: Vec::new(),
            waiting: Vec::new(),
            told: Vec::new(),
            losses: 0,
            is_over: false,
        }
    }

    /// Whether the kernel has dealt with it.
    fn kernel_has(&mut self, datagram: u32) -> bool {
        assert!(!self.is_over, "nothing is sent after the end");
        match self.kernel {
            Kernel::Takes => self.arrived.push(datagram),
            Kernel::Refuses => self.refused.push(datagram),
            Kernel::IsFull => return false,
        }
        true
    }

    fn send(&mut self, bytes: usize) -> Send {
        self.count += 1;
        let answer = self.machine.send();
        match answer {
            Send::Lost(_) => return answer,
            Send::Now if self.kernel_has(self.count) => return answer,
            Send::Now => self.watches |= !self.machine.is_lost(),
            Send::Later => {}
        }
        if self.machine.keep(self.count, bytes) {
            self.waiting.push((self.count, bytes));
        }
        if self.machine.pauses() {
            self.told.push(true);
        }
        answer
    }

    fn room(&mut self) {
        while let Some(next) = self.machine.take_next() {
            if self.kernel_has(next.0) {
                assert_eq!(self.waiting.remove(0), next, "they go in their order");
            } else {
                self.machine.put_back(next);
                break;
            }
        }
        if self.machine.resumes() {
            self.told.push(false);
        }
        match self.machine.settle() {
            Sent::Waits => {}
            Sent::All => self.watches = false,
            Sent::Lose => {
                self.watches = false;
                self.losses += 1;
            }
        }
    }

    fn ends(&mut self, unsent: Option<impl ExactSizeIterator>) -> bool {
        let ends = unsent.is_some();
        if let Some(unsent) = unsent {
            assert_eq!(unsent.len(), self.waiting.len());
            self.losses += 1;
            self.waiting.clear();
            self.watches = false;
        }
        ends
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Send(bytes) => _ = self.send(bytes),
            Step::Kernel(kernel) => {
                self.kernel = kernel;
                if self.watches {
                    self.room();
                }
            }
            Step::Marks(high, low) => {
                self.machine.set_marks(high, low);
                if self.machine.pauses() {
                    self.told.push(true);
                }
            }
            Step::Close => match self.machine.close() {
                Close::Lose => self.losses += 1,
                Close::Already | Close::Later => {}
            },
            Step::Abort => {
                let unsent = self.machine.abort().map(VecDeque::into_iter);
                self.ends(unsent);
            }
            Step::Told => {
                let unsent = self.machine.told().map(VecDeque::into_iter);
                self.ends(unsent);
                self.is_over = true;
            }
        }
        self.check();
    }

    fn check(&self) {
        let bytes: usize = self.waiting.iter().map(|(_, bytes)| bytes + HEADER).sum();
        assert_eq!(self.machine.bytes(), bytes);
        assert_eq!(
            self.watches,
            !self.waiting.is_empty(),
            "what waits is seen to, and nothing else"
        );
        assert!(self.arrived.is_sorted() && self.refused.is_sorted());
        assert_eq!(self.losses, usize::from(self.machine.is_lost()), "an end comes once");
        assert!(self.told.windows(2).all(|pair| pair[0] != pair[1]), "pause, resume, pause");
        assert_eq!(self.told.last() == Some(&true), self.machine.is_paused());
    }
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
