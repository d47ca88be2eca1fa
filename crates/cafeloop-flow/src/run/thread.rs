//! A lane of a run: a loop's turns, or what a thread without a loop did.

use crate::event::LaneKind;
use crate::id::Lane;
use crate::run::chain::ChainId;

/// What one thread did.
#[derive(Clone, Debug)]
pub struct Thread {
    /// Its lane.
    pub lane: Lane,
    /// Its kind.
    pub kind: LaneKind,
    /// Its name, as recorded; empty if there was none.
    pub name: String,
    /// Turns of its loop.
    pub turns: u64,
    /// For how long its loop waited in the kernel, with nothing to do.
    pub idle_ns: u64,
    /// The longest step or callback.
    pub longest_job_ns: u64,
    /// When it was first seen.
    pub from_ns: u64,
    /// When it came to its end, if that was seen.
    pub ended_ns: Option<u64>,
    /// Each lasts until the next begins.
    pub(super) spans: Vec<ThreadSpan>,
}

/// What a thread does, from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ThreadSpan {
    pub(super) from_ns: u64,
    pub(super) doing: Doing,
}

/// What a thread does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It isn't known.
    Unknown,
    /// It uses a processor.
    Working,
    /// It waits in a call that was seen to begin and to end.
    Calling(ChainId),
    /// It was seen waiting here.
    Waiting(ChainId),
    /// It waits here for other threads, or for processes, of the run.
    Joining(ChainId),
    /// It runs an executor's job, by its place among [`Run::works`](crate::Run::works).
    Job(u32),
    /// It has nothing to do.
    Resting,
    /// Its loop runs jobs.
    Turning,
    /// Its loop waits in the kernel.
    Idle,
}

/// A time in which a thread did one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// From when.
    pub from_ns: u64,
    /// Until when.
    pub to_ns: u64,
    /// What it did.
    pub doing: Doing,
}

impl Stretch {
    /// How long it was.
    pub fn ns(&self) -> u64 {
        self.to_ns.saturating_sub(self.from_ns)
    }
}

impl Thread {
    pub(super) fn new(lane: Lane, from_ns: u64) -> Thread {
        Thread {
            lane,
            kind: LaneKind::default(),
            name: String::new(),
            turns: 0,
            idle_ns: 0,
            longest_job_ns: 0,
            from_ns,
            ended_ns: None,
            spans: Vec::new(),
        }
    }

    /// Whether it was seen to wait, or to run an executor's job.
    pub fn waited_or_served(&self) -> bool {
        self.spans.iter().any(|span| {
            matches!(
                span.doing,
                Doing::Calling(_) | Doing::Waiting(_) | Doing::Joining(_) | Doing::Job(_)
            )
        })
    }

    /// Whether it was seen to do anything but to rest.
    pub fn did_anything(&self) -> bool {
        self.spans.iter().any(|span| !matches!(span.doing, Doing::Unknown | Doing::Resting))
    }

    /// Whether it turned a loop.
    pub fn has_loop(&self) -> bool {
        self.turns > 0
    }

    pub(super) fn doing(&self) -> Doing {
        self.spans.last().map_or(Doing::Unknown, |span| span.doing)
    }

    /// Does this from then on.  What it does already isn't said again, except that
    /// each call counts.
    pub(super) fn enter(&mut self, from_ns: u64, doing: Doing) {
        let same = self.doing() == doing && !matches!(doing, Doing::Calling(_));
        if same && !self.spans.is_empty() {
            return;
        }
        let from_ns = self.spans.last().map_or(from_ns, |span| from_ns.max(span.from_ns));
        match self.spans.last_mut() {
            Some(last) if last.from_ns == from_ns => last.doing = doing,
            _ => self.spans.push(ThreadSpan { from_ns, doing }),
        }
    }

    /// What it does now turns out to be this.
    pub(super) fn correct(&mut self, doing: Doing) {
        if let Some(last) = self.spans.last_mut() {
            last.doing = doing;
        }
    }

    pub(super) fn stretches(&self, run_ends_ns: u64) -> impl Iterator<Item = Stretch> + Clone {
        let end_ns = self.ended_ns.unwrap_or(run_ends_ns);
        let nexts = self.spans.iter().skip(1).map(|span| span.from_ns).chain([end_ns]);
        self.spans.iter().zip(nexts).map(|(span, to_ns)| Stretch {
            from_ns: span.from_ns,
            to_ns: to_ns.max(span.from_ns),
            doing: span.doing,
        })
    }
}
