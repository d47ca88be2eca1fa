//! Jobs that wait for a deadline.
//!
//! A slab holds the jobs, and entries in three places their order:
//!
//! ```text
//! fresh    set since anybody asked for the nearest: in the order in which they were
//! sorted   the nearest last
//! heap     what has joined since `sorted` was
//! ```
//!
//! Most timers are cancelled or set in crowds.  One that is cancelled while it is the
//! newest is a push and a pop.  A crowd is sorted once and then taken from an end, which
//! costs a third of what a heap does; the heap is for the few that come meanwhile, so it
//! stays small.
//!
//! Cancelling takes the job out of the slab at once (O(1)) and leaves its entry behind,
//! dead, unless it is the newest; dead entries go when they surface, or all together when
//! they are too many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::num::NonZeroU64;

use slab::Slab;

/// Dead entries are pruned when there are more than this many and they are more
/// than half of all: pruning is then O(1) for each timer cancelled, and beside the
/// living there are never more than as many dead, or this many.
/// asyncio's rule and number (`_MIN_SCHEDULED_TIMER_HANDLES` in `base_events.py`).
pub(super) const DEAD_TOLERATED: usize = 100;

/// So many entries are a heap whatever is sorted: it is in the processor's nearest cache.
const FEW: usize = 64;

/// Names a timer that was set.  A key whose timer fired or was cancelled names
/// nothing, even when its place in the slab is taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerKey {
    slot: u32,
    sequence: NonZeroU64,
}

/// Deadlines first; ties in the order of creation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    deadline_ns: u64,
    /// Counts the timers ever set, so it breaks ties and tells generations of a
    /// slot apart in one.
    sequence: NonZeroU64,
    slot: u32,
}

struct Armed<J> {
    sequence: NonZeroU64,
    job: J,
}

/// All timers of a loop.
pub(super) struct Timers<J> {
    fresh: Vec<Entry>,
    sorted: Vec<Entry>,
    heap: BinaryHeap<Reverse<Entry>>,
    armed: Slab<Armed<J>>,
    next_sequence: NonZeroU64,
}

impl<J> Timers<J> {
    /// No timers.
    pub(super) fn new() -> Self {
        Timers {
            fresh: Vec::new(),
            sorted: Vec::new(),
            heap: BinaryHeap::new(),
            armed: Slab::new(),
            next_sequence: NonZeroU64::MIN,
        }
    }

    /// Sets a timer.
    #[inline(always)]
    pub(super) fn set(&mut self, deadline_ns: u64, job: J) -> TimerKey {
        let sequence = self.next_sequence;
        self.next_sequence = sequence.saturating_add(1);
        let slot = self.armed.insert(Armed { sequence, job });
        let slot = u32::try_from(slot).expect("4 thousand million timers don't fit in memory");
        self.fresh.push(Entry { deadline_ns, sequence, slot });
        TimerKey { slot, sequence }
    }

    /// Takes the job of a timer that hasn't fired.  The caller drops it, after
    /// letting go of the timers: a job's drop may run anybody's code.
    #[inline]
    pub(super) fn cancel(&mut self, key: TimerKey) -> Option<J> {
        let job = self.take(key.slot, key.sequence)?;
        if self.fresh.last().is_some_and(|newest| newest.sequence == key.sequence) {
            self.fresh.pop();
        }
        self.prune();
        Some(job)
    }

    /// The nearest deadline.
    #[inline]
    pub(super) fn next_deadline_ns(&mut self) -> Option<u64> {
        if self.armed.is_empty() { None } else { self.nearest().map(|entry| entry.deadline_ns) }
    }

    /// Takes the timer with the nearest deadline if that is not after `now_ns`.
    pub(super) fn pop_due(&mut self, now_ns: u64) -> Option<(u64, J)> {
        let entry = self.nearest().filter(|entry| entry.deadline_ns <= now_ns)?;
        self.pop();
        let job = self.take(entry.slot, entry.sequence)?;
        // Firing leaves fewer alive beside the same dead.
        self.prune();
        Some((entry.deadline_ns, job))
    }

    /// Jobs of the timers that are set.
    pub(super) fn iter(&self) -> impl Iterator<Item = &J> {
        self.armed.iter().map(|(_, armed)| &armed.job)
    }

    /// Dead entries included: what memory goes by.
    pub(super) fn entries(&self) -> usize {
        self.fresh.len() + self.sorted.len() + self.heap.len()
    }

    /// The first entry of all that is alive.
    fn nearest(&mut self) -> Option<Entry> {
        self.settle();
        loop {
            let entry = self.first()?;
            if is_armed(&self.armed, &entry) {
                return Some(entry);
            }
            self.pop();
        }
    }

    /// The first entry, once none is fresh.
    fn first(&self) -> Option<Entry> {
        match (self.sorted.last(), self.heap.peek()) {
            (Some(one), Some(Reverse(other))) => Some(*one.min(other)),
            (Some(one), None) => Some(*one),
            (None, other) => other.map(|Reverse(other)| *other),
        }
    }

    /// Takes the first entry away.
    fn pop(&mut self) {
        let is_sorted = match (self.sorted.last(), self.heap.peek()) {
            (Some(one), Some(Reverse(other))) => one < other,
            (one, _) => one.is_some(),
        };
        if is_sorted {
            self.sorted.pop();
        } else {
            self.heap.pop();
        }
    }

    /// Gives the fresh entries their place.
    fn settle(&mut self) {
        if self.fresh.is_empty() {
            return;
        }
        if self.heap.len() + self.fresh.len() <= FEW.max(self.sorted.len() / 4) {
            self.heap.extend(self.fresh.drain(..).map(Reverse));
            return;
        }
        self.sorted.append(&mut self.fresh);
        self.sorted.extend(self.heap.drain().map(|Reverse(entry)| entry));
        // Stable only because such a sort merges what is sorted already.
        self.sorted.sort_by_key(|entry| Reverse(*entry));
    }

    fn take(&mut self, slot: u32, sequence: NonZeroU64) -> Option<J> {
        let slot = slot as usize;
        if self.armed.get(slot)?.sequence != sequence {
            return None;
        }
        Some(self.armed.remove(slot).job)
    }

    #[inline]
    fn prune(&mut self) {
        let dead = self.entries() - self.armed.len();
        if dead > DEAD_TOLERATED && dead > self.armed.len() {
            self.bury();
        }
    }

    #[cold]
    fn bury(&mut self) {
        let armed = &self.armed;
        self.fresh.retain(|entry| is_armed(armed, entry));
        self.sorted.retain(|entry| is_armed(armed, entry));
        self.heap.retain(|Reverse(entry)| is_armed(armed, entry));
    }
}

impl<J> Default for Timers<J> {
    fn default() -> Self {
        Timers::new()
    }
}

fn is_armed<J>(armed: &Slab<Armed<J>>, entry: &Entry) -> bool {
    armed.get(entry.slot as usize).is_some_and(|armed| armed.sequence == entry.sequence)
}
