//! The jobs that are ready to run, first in, first out.

use std::collections::VecDeque;

/// The ready queue.
///
/// A turn runs the jobs that were here when it began; what they add waits for
/// the next, so that no chain of jobs can starve descriptors and timers.
pub(super) struct Ready<J> {
    jobs: VecDeque<J>,
}

impl<J> Ready<J> {
    pub(super) fn new() -> Self {
        Ready { jobs: VecDeque::new() }
    }

    pub(super) fn push(&mut self, job: J) {
        self.jobs.push_back(job);
    }

    pub(super) fn pop(&mut self) -> Option<J> {
        self.jobs.pop_front()
    }

    pub(super) fn extend(&mut self, jobs: impl Iterator<Item = J>) {
        self.jobs.extend(jobs);
    }

    pub(super) fn len(&self) -> usize {
        self.jobs.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &J> {
        self.jobs.iter()
    }
}
