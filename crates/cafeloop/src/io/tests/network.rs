//! The network, for proptest and for a fuzzer: they know nothing of either, and use what
//! the crate has for all.

use std::collections::VecDeque;

use cafeloop::io::{Close, Datagram, Peers, Rules, Send, Sent};

pub(super) const HEADER: usize = 8;

/// What the kernel says to a datagram.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kernel {
    Takes,
    IsFull,
    /// As when the peer is gone.
    Refuses,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    Send(usize),
    /// What the kernel says from now on; and it has room, if somebody watches.
    Kernel(Kernel),
    Marks(usize, usize),
    Close,
    Abort,
    Told,
}

impl Step {
    /// What the next bytes stand for; `None` at their end.
    fn of(bytes: &mut impl Iterator<Item = u8>) -> Option<Self> {
        let kind = bytes.next()?;
        let mut number = || bytes.next().map(usize::from);
        Some(match kind % 8 {
            0 => Step::Send(number()? % 7),
            1 => Step::Kernel(Kernel::Takes),
            2 => Step::Kernel(Kernel::IsFull),
            3 => Step::Kernel(Kernel::Refuses),
            4 => {
                let low = number()? % 40;
                Step::Marks(low + number()? % 40, low)
            }
            5 => Step::Close,
            6 => Step::Abort,
            _ => Step::Told,
        })
    }
}

/// Has the bytes drive a machine; whatever they are, nothing may be wrong.
pub(crate) fn drive(bytes: &[u8]) {
    let mut bytes = bytes.iter().copied();
    let Some(peers) = bytes.next() else { return };
    let mut network = Network::new(if peers % 2 == 0 { Peers::One } else { Peers::Any });
    while let Some(step) = Step::of(&mut bytes) {
        network.take(step);
    }
}

/// The network, and a driver that obeys the machine.
pub(super) struct Network {
    pub(super) machine: Datagram<u32>,
    pub(super) kernel: Kernel,
    pub(super) watches: bool,
    pub(super) count: u32,
    pub(super) arrived: Vec<u32>,
    pub(super) refused: Vec<u32>,
    /// Given to the machine and not forgotten, each with its bytes.
    pub(super) waiting: Vec<(u32, usize)>,
    pub(super) told: Vec<bool>,
    pub(super) losses: usize,
    pub(super) is_over: bool,
}

impl Network {
    pub(super) fn new(peers: Peers) -> Self {
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
    pub(super) fn kernel_has(&mut self, datagram: u32) -> bool {
        assert!(!self.is_over, "nothing is sent after the end");
        match self.kernel {
            Kernel::Takes => self.arrived.push(datagram),
            Kernel::Refuses => self.refused.push(datagram),
            Kernel::IsFull => return false,
        }
        true
    }

    pub(super) fn send(&mut self, bytes: usize) -> Send {
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

    pub(super) fn room(&mut self) {
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

    pub(super) fn ends(&mut self, unsent: Option<impl ExactSizeIterator>) -> bool {
        let ends = unsent.is_some();
        if let Some(unsent) = unsent {
            assert_eq!(unsent.len(), self.waiting.len());
            self.losses += 1;
            self.waiting.clear();
            self.watches = false;
        }
        ends
    }

    pub(super) fn take(&mut self, step: Step) {
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

    pub(super) fn check(&self) {
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
