//! The jobs that are ready to run: first in, first out, unless a seed says otherwise.

use std::collections::VecDeque;

use super::order::Shuffle;

/// The ready queue.
///
/// A turn runs the jobs that were here when it began; what they add waits for
/// the next, so that no chain of jobs can starve descriptors and timers.
pub(super) struct Ready<J> {
    jobs: VecDeque<J>,
    shuffle: Option<Box<Shuffle>>,
}

impl<J> Ready<J> {
    pub(super) fn new() -> Self {
        Ready { jobs: VecDeque::new(), shuffle: None }
    }

    /// Has a seed choose the order, where none is promised.
    pub(super) fn set_seed(&mut self, seed: u64) {
        let mut shuffle = Shuffle::new(seed);
        self.jobs.iter().for_each(|_| shuffle.queued(true));
        self.shuffle = Some(Box::new(shuffle));
    }

    /// Adds a job; `is_promised` is asked only if the order is chosen.
    #[inline(always)]
    pub(super) fn push(&mut self, job: J, is_promised: impl FnOnce(&J) -> bool) {
        self.jobs.push_back(job);
        if let Some(shuffle) = &mut self.shuffle
            && let Some(job) = self.jobs.back()
        {
            shuffle.queued(is_promised(job));
        }
    }

    /// The same for a job that no job of the loop's has queued.
    pub(super) fn push_from_outside(&mut self, job: J, is_promised: impl FnOnce(&J) -> bool) {
        if let Some(shuffle) = &mut self.shuffle {
            shuffle.queued_from_outside(is_promised(&job));
        }
        self.jobs.push_back(job);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Option<J> {
        if let Some(shuffle) = &mut self.shuffle {
            shuffle.left();
        }
        self.jobs.pop_front()
    }

    /// The job that so many others stand before.
    #[inline]
    pub(super) fn get(&self, place: usize) -> Option<&J> {
        self.jobs.get(place)
    }

    /// Something else begins to queue jobs than did before.
    #[inline]
    pub(super) fn next_source(&mut self) {
        if let Some(shuffle) = &mut self.shuffle {
            shuffle.next_source();
        }
    }

    /// Adds the job of a timer that was due at `deadline_ns`.
    pub(super) fn push_timer(&mut self, deadline_ns: u64, job: J) {
        match &mut self.shuffle {
            None => self.jobs.push_back(job),
            Some(shuffle) => shuffle.fired(deadline_ns, job, &mut self.jobs),
        }
    }

    /// Has the seed choose the order of what is queued now.
    #[inline]
    pub(super) fn arrange(&mut self) {
        if let Some(shuffle) = &mut self.shuffle {
            shuffle.arrange(&mut self.jobs);
        }
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &J> {
        self.jobs.iter()
    }
}
