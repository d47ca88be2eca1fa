//! Jobs that wait for a deadline.
//!
//! A heap orders the deadlines, a slab holds the jobs.  Cancelling takes the job
//! out of the slab at once (O(1)) and leaves its heap entry behind, dead; dead
//! entries go when they surface, or all together when they are too many.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use slab::Slab;

/// Dead entries are pruned when there are more than this many and they are more
/// than half of the heap: pruning is then O(1) for each timer cancelled, and
/// beside the living the heap never holds more than as many dead, or this many.
/// asyncio's rule and number (`_MIN_SCHEDULED_TIMER_HANDLES` in `base_events.py`).
pub(super) const DEAD_TOLERATED: usize = 100;

/// Names a timer that was set.  A key whose timer fired or was cancelled names
/// nothing, even when its place in the slab is taken again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimerKey {
    slot: u32,
    sequence: u64,
}

/// Deadlines first; ties in the order of creation.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    deadline_ns: u64,
    /// Counts the timers ever set, so it breaks ties and tells generations of a
    /// slot apart in one.
    sequence: u64,
    slot: u32,
}

struct Armed<J> {
    sequence: u64,
    job: J,
}

/// All timers of a loop.
pub(super) struct Timers<J> {
    heap: BinaryHeap<Reverse<Entry>>,
    armed: Slab<Armed<J>>,
    next_sequence: u64,
}

impl<J> Timers<J> {
    /// No timers.
    pub(super) fn new() -> Self {
        Timers { heap: BinaryHeap::new(), armed: Slab::new(), next_sequence: 0 }
    }

    /// Sets a timer.
    pub(super) fn set(&mut self, deadline_ns: u64, job: J) -> TimerKey {
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        let slot = self.armed.insert(Armed { sequence, job });
        let slot = u32::try_from(slot).expect("4 thousand million timers don't fit in memory");
        self.heap.push(Reverse(Entry { deadline_ns, sequence, slot }));
        TimerKey { slot, sequence }
    }

    /// Takes the job of a timer that hasn't fired.  The caller drops it, after
    /// letting go of the timers: a job's drop may run anybody's code.
    pub(super) fn cancel(&mut self, key: TimerKey) -> Option<J> {
        let job = self.take(key.slot, key.sequence)?;
        self.prune();
        Some(job)
    }

    /// The nearest deadline.
    pub(super) fn next_deadline_ns(&mut self) -> Option<u64> {
        while let Some(Reverse(entry)) = self.heap.peek() {
            if is_armed(&self.armed, entry) {
                return Some(entry.deadline_ns);
            }
            self.heap.pop();
        }
        None
    }

    /// Takes the timer with the nearest deadline if that is not after `now_ns`.
    pub(super) fn pop_due(&mut self, now_ns: u64) -> Option<(u64, J)> {
        if self.next_deadline_ns()? > now_ns {
            return None;
        }
        let Reverse(entry) = self.heap.pop()?;
        let job = self.take(entry.slot, entry.sequence)?;
        // Firing leaves fewer alive beside the same dead.
        self.prune();
        Some((entry.deadline_ns, job))
    }

    /// Jobs of the timers that are set.
    pub(super) fn iter(&self) -> impl Iterator<Item = &J> {
        self.armed.iter().map(|(_, armed)| &armed.job)
    }

    /// Entries in the heap, dead ones included: what memory goes by.
    #[cfg(all(test, not(loom)))]
    pub(super) fn heap_len(&self) -> usize {
        self.heap.len()
    }

    fn take(&mut self, slot: u32, sequence: u64) -> Option<J> {
        let slot = slot as usize;
        if self.armed.get(slot)?.sequence != sequence {
            return None;
        }
        Some(self.armed.remove(slot).job)
    }

    fn prune(&mut self) {
        let dead = self.heap.len() - self.armed.len();
        if dead > DEAD_TOLERATED && dead > self.armed.len() {
            let armed = &self.armed;
            self.heap.retain(|Reverse(entry)| is_armed(armed, entry));
        }
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
