//! The order of ready jobs, where a seed may choose it.
//!
//! Two jobs that came to be ready for different reasons in one turn (two tasks that
//! were woken by two others, two descriptors, two timers of one deadline) run in an
//! order that no program may rely on, and that is always the same on a quiet machine.
//! With a seed it is chosen at random, and the same again for the same seed, so that a
//! bug of order can be found and found again.
//!
//! What is promised stays: whatever one source has queued keeps its order, timers fire
//! in the order of their deadlines, and jobs that the host has
//! [promised](super::Host::is_promised) an order keep theirs among each other.
//!
//! ```text
//! turn n      job A queues a1 a2      job B queues b1       two events: e  f
//! turn n+1    a1 a2 b1 e f, or b1 a1 f e a2, or another; never a2 before a1
//! ```

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

use fastrand::Rng;

/// Where a ready job comes from.
#[derive(Clone, Copy)]
struct Origin {
    /// The source that queued it: a job of the turn before, an event, the timers.
    source: u64,
    /// Its place among the jobs whose order is promised, if it is one of them.
    promised: Option<u64>,
}

/// The source that all threads are that aren't the loop's.
const OUTSIDE: u64 = u64::MAX;

/// Jobs of one source, in the order in which it queued them.
type Stream<J> = VecDeque<(J, Option<u64>)>;

/// Chooses an order by a seed.
pub(super) struct Shuffle {
    random: Rng,
    source: u64,
    next_promised: u64,
    /// The deadline of the timer that joined last, its source, and how many have joined
    /// with both.
    tied: Option<(u64, u64, usize)>,
    /// Of each job in the ready queue, in its order.
    origins: VecDeque<Origin>,
}

impl Shuffle {
    pub(super) fn new(seed: u64) -> Self {
        Shuffle {
            random: Rng::with_seed(seed),
            source: 0,
            next_promised: 0,
            tied: None,
            origins: VecDeque::new(),
        }
    }

    /// What is queued from now on has another source than what was before.
    pub(super) fn next_source(&mut self) {
        self.source += 1;
    }

    /// A job joins the queue.
    pub(super) fn queued(&mut self, is_promised: bool) {
        let promised = is_promised.then_some(self.next_promised);
        self.next_promised += u64::from(is_promised);
        self.origins.push_back(Origin { source: self.source, promised });
    }

    /// A job joins the queue that another thread has queued, whatever queues others just
    /// now.
    pub(super) fn queued_from_outside(&mut self, is_promised: bool) {
        let source = std::mem::replace(&mut self.source, OUTSIDE);
        self.queued(is_promised);
        self.source = source;
    }

    /// The first job leaves the queue.
    pub(super) fn left(&mut self) {
        self.origins.pop_front();
    }

    /// A timer's job joins the queue: behind those of earlier deadlines, and anywhere
    /// among those of its own that have joined in the same turn.
    pub(super) fn fired<J>(&mut self, deadline_ns: u64, job: J, jobs: &mut VecDeque<J>) {
        let tied = match self.tied {
            Some((deadline, source, count)) if (deadline, source) == (deadline_ns, self.source) => {
                count + 1
            }
            _ => 1,
        };
        self.tied = Some((deadline_ns, self.source, tied));
        self.queued(false);
        let behind = self.random.usize(..tied);
        jobs.insert(jobs.len() - behind, job);
    }

    /// Puts all that is queued in an order that keeps what is promised.  Each such
    /// order can come out.
    pub(super) fn arrange<J>(&mut self, jobs: &mut VecDeque<J>) {
        let mut streams: BTreeMap<u64, Stream<J>> = BTreeMap::new();
        let mut promised = BinaryHeap::new();
        for (job, origin) in jobs.drain(..).zip(&self.origins) {
            promised.extend(origin.promised.map(Reverse));
            streams.entry(origin.source).or_default().push_back((job, origin.promised));
        }
        let mut streams: Vec<(u64, Stream<J>)> = streams.into_iter().collect();
        self.origins.clear();
        let mut open: Vec<usize> = Vec::with_capacity(streams.len());
        while !streams.is_empty() {
            let next_promised = promised.peek().map(|Reverse(place)| *place);
            // The one whose turn it is may stand behind another of its source, which
            // is open then: there is always one.
            open.clear();
            open.extend(streams.iter().enumerate().filter_map(|(index, (_, stream))| {
                let (_, place) = stream.front()?;
                (place.is_none() || *place == next_promised).then_some(index)
            }));
            let index = open[self.random.usize(..open.len())];
            let (source, stream) = &mut streams[index];
            let Some((job, place)) = stream.pop_front() else { continue };
            if place.is_some() {
                promised.pop();
            }
            jobs.push_back(job);
            self.origins.push_back(Origin { source: *source, promised: place });
            if stream.is_empty() {
                streams.remove(index);
            }
        }
    }
}
