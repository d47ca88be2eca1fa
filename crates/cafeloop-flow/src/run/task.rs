//! A task of a run: what it did from its creation to its end.

use crate::event::TaskEnd;
use crate::id::{CodeId, Lane, TaskId};
use crate::run::chain::ChainId;

/// A task, by its place among [`Run::tasks`](crate::Run::tasks).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TaskIndex(pub(crate) u32);

impl TaskIndex {
    /// Its place.
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// What one task did.
#[derive(Clone, Debug)]
pub struct Task {
    /// Its number in the recording.
    pub id: TaskId,
    /// Its label, as recorded; empty if there was none.
    pub name: String,
    /// What it runs.
    pub code: CodeId,
    /// Who created it, if a task did.
    pub parent: Option<TaskIndex>,
    /// Where it ran last.
    pub lane: Lane,
    /// When it was created, if that was seen.
    pub created_ns: Option<u64>,
    /// How often it ran.
    pub steps: u64,
    /// When it was first asked to end, unless that was taken back.
    pub cancel_asked_ns: Option<u64>,
    /// When and how it came to its end.
    pub end: Option<(u64, End)>,
    /// Each lasts until the next begins; the last one until the task's end, or the
    /// run's.
    pub(super) spans: Vec<Span>,
    /// When one of its children was done last.
    pub(super) child_done_ns: Option<u64>,
}

/// How a task came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was done.
    Done(TaskEnd),
    /// It was gone before it was done.
    Lost,
}

/// A state, from a time on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from_ns: u64,
    pub(super) state: State,
}

/// A time in which a task was in one state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// From when.
    pub from_ns: u64,
    /// Until when.
    pub to_ns: u64,
    /// What it did.
    pub state: State,
}

impl Interval {
    /// How long it was.
    pub fn ns(&self) -> u64 {
        self.to_ns.saturating_sub(self.from_ns)
    }
}

/// What a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It isn't known, because events are missing.
    Unknown,
    /// It could run, but something else does.
    Ready {
        /// Who made it so.
        by: By,
    },
    /// It runs.
    Running,
    /// It waits.
    Waiting {
        /// For what.
        what: What,
        /// Where.
        chain: ChainId,
        /// Whether it waits for other tasks or threads of the run, whose own waits are
        /// told elsewhere, rather than for something outside of it.
        inner: bool,
    },
}

/// Who made a task ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// It isn't known.
    Unknown,
    /// Whoever created it.
    Creation,
    /// The task itself, which let others run.
    Itself,
    /// Another task.
    Task(TaskIndex),
    /// A timer.
    Timer,
    /// A descriptor.
    Descriptor(u32),
    /// A transport, by its place among [`Run::transports`](crate::Run::transports).
    Transport(u32),
    /// Another thread.
    Thread,
    /// An executor's job, by its place among [`Run::works`](crate::Run::works).
    Work(u32),
    /// A signal.
    Signal(u32),
    /// A callback.
    Callback,
    /// A process that has ended, by its place among
    /// [`Run::processes`](crate::Run::processes).
    Process(u32),
}

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum What {
    /// It isn't known.
    Unknown,
    /// A time.
    Sleep,
    /// Another task.
    Task(TaskIndex),
    /// So many tasks or futures.
    Gathered(u32),
    /// A future.
    Future,
    /// A descriptor.
    Descriptor(u32),
    /// A transport, by its place among [`Run::transports`](crate::Run::transports).
    Transport(u32),
    /// An executor's job, by its place among [`Run::works`](crate::Run::works).
    Work(u32),
    /// The end of a process, by its place among
    /// [`Run::processes`](crate::Run::processes).
    Process(u32),
}

impl What {
    /// In a word.
    pub fn noun(self) -> &'static str {
        match self {
            What::Unknown => "",
            What::Sleep => "sleep",
            What::Task(_) => "task",
            What::Gathered(_) => "gather",
            What::Future => "future",
            What::Descriptor(_) => "descriptor",
            What::Transport(_) => "transport",
            What::Work(_) => "executor",
            What::Process(_) => "process",
        }
    }
}

/// How long something was in each state, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Running.
    pub running_ns: u64,
    /// Ready.
    pub ready_ns: u64,
    /// Waiting for something outside of the run.
    pub waiting_ns: u64,
    /// Waiting for other tasks, threads or processes of the run.
    pub inner_ns: u64,
    /// In an unknown state.
    pub unknown_ns: u64,
}

impl Totals {
    pub(crate) fn add(&mut self, interval: &Interval) {
        let total = match interval.state {
            State::Unknown => &mut self.unknown_ns,
            State::Ready { .. } => &mut self.ready_ns,
            State::Running => &mut self.running_ns,
            State::Waiting { inner: false, .. } => &mut self.waiting_ns,
            State::Waiting { inner: true, .. } => &mut self.inner_ns,
        };
        *total = total.saturating_add(interval.ns());
    }
}

impl Task {
    pub(super) fn new(id: TaskId, from_ns: u64, state: State) -> Task {
        Task {
            id,
            name: String::new(),
            code: CodeId::NONE,
            parent: None,
            lane: Lane::default(),
            created_ns: None,
            steps: 0,
            cancel_asked_ns: None,
            end: None,
            spans: vec![Span { from_ns, state }],
            child_done_ns: None,
        }
    }

    pub(super) fn state(&self) -> State {
        self.spans.last().map_or(State::Unknown, |span| span.state)
    }

    /// Is in this state from now on, unless it has come to its end.
    pub(super) fn enter(&mut self, now_ns: u64, state: State) {
        if self.end.is_some() {
            return;
        }
        let from_ns = self.spans.last().map_or(now_ns, |span| now_ns.max(span.from_ns));
        // One that took no time stays, for the sake of who woke it: under a virtual
        // clock most take none.
        self.spans.push(Span { from_ns, state });
    }

    /// The state now turns out to be this one.
    pub(super) fn correct(&mut self, state: State) {
        if let Some(last) = self.spans.last_mut() {
            last.state = state;
        }
    }

    pub(super) fn end(&mut self, now_ns: u64, end: End) {
        if self.end.is_none() {
            let from_ns = self.spans.last().map_or(0, |span| span.from_ns);
            self.end = Some((now_ns.max(from_ns), end));
        }
    }

    /// What it did, one after another; until the run's end if it goes on.
    pub(super) fn intervals(&self, run_ends_ns: u64) -> impl Iterator<Item = Interval> + Clone {
        let end_ns = self.end.map_or(run_ends_ns, |(at_ns, _)| at_ns);
        let nexts = self.spans.iter().skip(1).map(|span| span.from_ns).chain([end_ns]);
        self.spans.iter().zip(nexts).map(|(span, to_ns)| Interval {
            from_ns: span.from_ns,
            to_ns: to_ns.max(span.from_ns),
            state: span.state,
        })
    }
}
