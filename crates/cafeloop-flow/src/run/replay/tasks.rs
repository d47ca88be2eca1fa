//! What events say of tasks.

use crate::event::{Awaited, StepEnd, TaskEnd, Waker};
use crate::id::{CodeId, Frame, StringId, TaskId};
use crate::names::Names;
use crate::run::chain::ChainId;
use crate::run::replay::Replay;
use crate::run::task::{By, End, State, What};

impl Replay {
    pub(super) fn task_created(
        &mut self,
        at_ns: u64,
        lane: usize,
        id: TaskId,
        parent: Option<TaskId>,
        code: CodeId,
    ) {
        let parent = parent.and_then(|parent| self.task_places.get(&parent).copied());
        let known = self.task_places.contains_key(&id);
        let Some(index) = self.task(id, at_ns) else { return };
        let task = &mut self.tasks[index.get()];
        task.created_ns = Some(at_ns);
        task.parent = parent;
        task.code = code;
        task.lane = self.lanes[lane].thread.lane;
        // A dump has named those that live on before it comes to their creation.
        if !known || task.state() == State::Unknown && task.steps == 0 {
            task.spans.clear();
            let by = parent.map_or(By::Creation, By::Task);
            task.enter(at_ns, State::Ready { by });
        }
        self.end_ns = self.end_ns.max(at_ns);
    }

    pub(super) fn step_begins(&mut self, lane: usize, now_ns: u64, id: TaskId) {
        let Some(index) = self.task(id, now_ns) else { return };
        let task = &mut self.tasks[index.get()];
        task.steps += 1;
        task.lane = self.lanes[lane].thread.lane;
        task.enter(now_ns, State::Running);
        self.lanes[lane].steps.push((index, now_ns));
    }

    pub(super) fn step_ends(&mut self, lane: usize, now_ns: u64, id: TaskId, end: StepEnd) {
        let Some(index) = self.task(id, now_ns) else { return };
        let mut began_ns = None;
        if let Some(depth) = self.lanes[lane].steps.iter().rposition(|step| step.0 == index) {
            began_ns = Some(self.lanes[lane].steps[depth].1);
            self.lanes[lane].steps.truncate(depth);
        }
        let what = match end {
            StepEnd::Suspended(awaited) => self.what(awaited),
            StepEnd::Returned | StepEnd::Raised => What::Unknown,
        };
        let task = &mut self.tasks[index.get()];
        if let State::Unknown = task.state() {
            // It ran when the recording began.
            task.correct(State::Running);
        }
        match end {
            StepEnd::Suspended(Awaited::Turn) => {
                task.enter(now_ns, State::Ready { by: By::Itself });
            }
            StepEnd::Suspended(_) => {
                let inner = matches!(what, What::Task(_) | What::Gathered(_));
                task.enter(now_ns, State::Waiting { what, chain: ChainId::NONE, inner });
            }
            StepEnd::Returned => task.end(now_ns, End::Done(TaskEnd::Returned)),
            StepEnd::Raised => task.end(now_ns, End::Done(TaskEnd::Raised(StringId::NONE))),
        }
        // The end of a step is later than that of its task, and the same thing.
        if let Some((at_ns, _)) = &mut task.end {
            *at_ns = now_ns.max(*at_ns);
        }
        let code = task.code;
        if let Some(since_ns) = began_ns {
            self.busy.add(Frame { code, line: 0 }, now_ns.saturating_sub(since_ns));
            self.job_ended(lane, since_ns, now_ns, Some(index), code);
        }
    }

    pub(super) fn what(&self, awaited: Awaited) -> What {
        match awaited {
            Awaited::Sleep { .. } => What::Sleep,
            Awaited::Task(id) => {
                self.task_places.get(&id).copied().map_or(What::Unknown, What::Task)
            }
            Awaited::Gathered { children } => {
                What::Gathered(u32::try_from(children).unwrap_or(u32::MAX))
            }
            Awaited::Future => What::Future,
            Awaited::Descriptor(fd) => What::Descriptor(fd),
            Awaited::Transport(id) => {
                self.transport_places.get(&id).copied().map_or(What::Unknown, What::Transport)
            }
            Awaited::Work(id) => {
                self.work_places.get(&id).copied().map_or(What::Unknown, What::Work)
            }
            Awaited::Unknown | Awaited::Turn => What::Unknown,
        }
    }

    pub(super) fn woken(&mut self, now_ns: u64, id: TaskId, by: Waker) {
        let by = match by {
            Waker::Unknown => By::Unknown,
            Waker::Task(id) => self.task_places.get(&id).copied().map_or(By::Unknown, By::Task),
            Waker::Timer => By::Timer,
            Waker::Descriptor(fd) => By::Descriptor(fd),
            Waker::Transport(id) => {
                self.transport_places.get(&id).copied().map_or(By::Unknown, By::Transport)
            }
            Waker::Thread => By::Thread,
            Waker::Work(id) => self.work_places.get(&id).copied().map_or(By::Unknown, By::Work),
            Waker::Signal(signal) => By::Signal(signal),
            Waker::Callback => By::Callback,
            Waker::Process(pid) => By::Process(self.process(pid)),
        };
        let Some(index) = self.task(id, now_ns) else { return };
        let task = &mut self.tasks[index.get()];
        match task.state() {
            State::Waiting { what, chain, inner } => {
                let since_ns = task.spans.last().map_or(0, |span| span.from_ns);
                let joined = task.child_done_ns.is_some_and(|done_ns| done_ns >= since_ns);
                // The last of those that were gathered may have been no task.
                let is_job = matches!((what, by), (What::Gathered(_), By::Work(_)));
                let inner = inner && !is_job
                    || (matches!(what, What::Future | What::Unknown)
                        && match by {
                            By::Task(_) => true,
                            By::Callback | By::Unknown => joined,
                            _ => false,
                        });
                // Who woke it says what it waited for, if nobody else did.
                let what = match (what, by) {
                    (What::Future | What::Unknown, By::Transport(it)) => What::Transport(it),
                    (What::Future | What::Unknown, By::Descriptor(it)) => What::Descriptor(it),
                    (What::Future | What::Unknown, By::Work(it)) => What::Work(it),
                    (What::Future | What::Unknown, By::Process(it)) => What::Process(it),
                    (what, _) => what,
                };
                task.correct(State::Waiting { what, chain, inner });
                task.enter(now_ns, State::Ready { by });
            }
            State::Unknown => {
                let (what, chain) = (What::Unknown, ChainId::NONE);
                task.correct(State::Waiting { what, chain, inner: false });
                task.enter(now_ns, State::Ready { by });
            }
            // It was to run anyway.
            State::Ready { .. } | State::Running => {}
        }
    }

    pub(super) fn waited(&mut self, now_ns: u64, id: TaskId, frames: &[Frame], names: &Names) {
        let chain = self.chains.intern(frames);
        let Some(index) = self.task(id, now_ns) else { return };
        let task = &mut self.tasks[index.get()];
        // What the interpreter's own sleep waits for is a future like others.
        let sleeps = frames.last().is_some_and(|frame| {
            names.function(frame.code) == "sleep"
                && names.file(frame.code).ends_with("/asyncio/tasks.py")
        });
        // The wait that ended last, or goes on.
        let mut last = task.spans.iter_mut().rev();
        let span = last.next().filter(|span| !matches!(span.state, State::Ready { .. }));
        match span.or_else(|| last.next()).map(|span| &mut span.state) {
            Some(State::Waiting { chain: place, what, .. }) => {
                *place = chain;
                if sleeps && *what == What::Future {
                    *what = What::Sleep;
                }
            }
            Some(state @ State::Unknown) => {
                *state = State::Waiting { what: What::Unknown, chain, inner: false };
            }
            _ => {}
        }
    }

    pub(super) fn task_done(&mut self, now_ns: u64, id: TaskId, end: TaskEnd) {
        let Some(index) = self.task(id, now_ns) else { return };
        let task = &mut self.tasks[index.get()];
        // A step that raised told less.
        match &mut task.end {
            Some((_, known @ End::Done(_))) => *known = End::Done(end),
            Some(_) => {}
            None => task.end(now_ns, End::Done(end)),
        }
        if let Some(parent) = task.parent {
            self.tasks[parent.get()].child_done_ns = Some(now_ns);
        }
    }
}
