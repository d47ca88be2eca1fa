//! Plays a recording again, event by event, until it is a [`Run`].
//!
//! Nothing that a file says is relied on: times that go back stand still, events that
//! don't fit what is known are understood as far as they can be.

mod lanes;
mod tasks;

use std::collections::HashMap;
use std::io::Read;

use crate::error::Error;
use crate::event::{Event, WorkPlace};
use crate::id::{CodeId, Frame, Lane, TaskId, TransportId, WorkId};
use crate::reader::{Entry, Reader};
use crate::run::chain::{ChainId, Chains};
use crate::run::replay::lanes::{LaneState, Look};
use crate::run::task::{End, State, Task, TaskIndex, What};
use crate::run::thread::{Doing, Thread};
use crate::run::transport::Transport;
use crate::run::waits::{self, BusySum};
use crate::run::{Block, GcPauses, LostException, Process, Run, Timers, Totals, Work, joins};

/// 50 ms: what blocks, if the recording doesn't say what it took for blocking.
const BLOCK_THRESHOLD_NS: u64 = 50_000_000;

pub(super) fn replay<R: Read>(mut reader: Reader<R>) -> Result<Run, Error> {
    let metadata = reader.metadata().clone();
    let block_threshold_ns = match metadata.block_threshold_ns {
        0 => BLOCK_THRESHOLD_NS,
        threshold_ns => threshold_ns,
    };
    let mut replay = Replay { block_threshold_ns, ..Replay::default() };
    while let Some(entry) = reader.next_entry()? {
        replay.take(&entry);
    }
    // From the first that was seen on: before it, modules were imported, or a ring has
    // lost it; neither is a time in which waits could have overlapped.
    let start_ns = replay.start_ns.unwrap_or(metadata.start_ns);
    let (ending, losses) = (reader.ending(), reader.losses());
    let end_ns = replay.end_ns.max(start_ns);
    replay.settle();
    let mut run = Run {
        metadata,
        ending,
        losses,
        dropped: replay.dropped,
        events: replay.events,
        start_ns,
        end_ns,
        tasks: replay.tasks,
        threads: replay.lanes.into_iter().map(|lane| lane.thread).collect(),
        transports: replay.transports,
        works: replay.works,
        blocks: replay.blocks,
        gc: replay.gc,
        timers: replay.timers,
        lost_exceptions: replay.lost_exceptions,
        never_awaited: replay.never_awaited,
        processes: replay.processes,
        totals: Totals::default(),
        waits: Vec::new(),
        busy: replay.busy.sorted(),
        children: Vec::new(),
        names: reader.into_names(),
        chains: replay.chains,
    };
    joins::find(&mut run);
    (run.totals, run.waits) = waits::sum(&run);
    Ok(run)
}

#[derive(Default)]
struct Replay {
    block_threshold_ns: u64,
    events: u64,
    dropped: u64,
    /// The first time that counts; events of a snapshot don't.
    start_ns: Option<u64>,
    end_ns: u64,
    /// Whether the beginning of the run is missing.
    window: bool,
    tasks: Vec<Task>,
    task_places: HashMap<TaskId, TaskIndex>,
    lanes: Vec<LaneState>,
    lane_places: HashMap<Lane, usize>,
    transports: Vec<Transport>,
    transport_places: HashMap<TransportId, u32>,
    works: Vec<Work>,
    work_places: HashMap<WorkId, u32>,
    blocks: Vec<Block>,
    gc: GcPauses,
    timers: Timers,
    lost_exceptions: Vec<LostException>,
    never_awaited: Vec<(CodeId, ChainId)>,
    processes: Vec<Process>,
    process_places: HashMap<u32, u32>,
    busy: BusySum,
    chains: Chains,
}

impl Replay {
    fn take(&mut self, entry: &Entry<'_>) {
        let lane = self.lane(entry.lane, entry.at_ns);
        let now_ns = entry.at_ns.max(self.lanes[lane].now_ns);
        self.events += 1;
        match entry.event {
            // These may be told of a time long before; see `Snapshot`.
            Event::TaskCreated { .. } | Event::TaskNamed { .. } | Event::LaneNamed { .. } => {}
            _ => {
                self.lanes[lane].now_ns = now_ns;
                if self.start_ns.is_none() {
                    self.start_ns = Some(now_ns);
                    self.forget_before(now_ns);
                }
                self.end_ns = self.end_ns.max(now_ns);
            }
        }
        match entry.event {
            Event::TurnBegins { .. } => {
                let lane = &mut self.lanes[lane];
                lane.thread.turns += 1;
                lane.thread.enter(now_ns, Doing::Turning);
                // What was seen before the loop ran is over, though it may be told later.
                (lane.looked, lane.call) = (None, None);
            }
            Event::PollBegins { wait_ns: Some(0) }
            | Event::Posted { .. }
            | Event::RecordingEnds => {}
            Event::PollBegins { .. } => self.lanes[lane].thread.enter(now_ns, Doing::Idle),
            Event::PollEnds { .. } => self.poll_ends(lane, now_ns),
            Event::TimerSet { .. } => self.timers.set += 1,
            Event::TimerCancelled => self.timers.cancelled += 1,
            Event::TimerFired { late_ns } => self.timer_fired(lane, now_ns, late_ns),
            Event::JobBegins => self.lanes[lane].job_since_ns = Some(now_ns),
            Event::JobEnds => {
                if let Some(since_ns) = self.lanes[lane].job_since_ns.take() {
                    self.job_ended(lane, since_ns, now_ns, None, CodeId::NONE);
                }
            }
            Event::HandleBegins { code } => self.lanes[lane].handle = Some((code, now_ns)),
            Event::HandleEnds => {
                if let Some((code, since_ns)) = self.lanes[lane].handle.take() {
                    self.busy.add(Frame { code, line: 0 }, now_ns.saturating_sub(since_ns));
                    self.job_ended(lane, since_ns, now_ns, None, code);
                }
            }
            Event::TaskCreated { task, parent, code } => {
                self.task_created(entry.at_ns, lane, task, parent, code);
            }
            Event::TaskNamed { task } => {
                if let Some(task) = self.task(task, now_ns) {
                    self.tasks[task.get()].name = entry.text.to_string();
                }
            }
            Event::StepBegins { task } => self.step_begins(lane, now_ns, task),
            Event::StepEnds { task, end } => self.step_ends(lane, now_ns, task, end),
            Event::Woken { task, by } => self.woken(now_ns, task, by),
            Event::Waited { task } => self.waited(now_ns, task, entry.frames, entry.names),
            Event::CancelAsked { task, .. } => {
                if let Some(task) = self.task(task, now_ns) {
                    self.tasks[task.get()].cancel_asked_ns.get_or_insert(now_ns);
                }
            }
            Event::CancelTakenBack { task } => {
                if let Some(task) = self.task(task, now_ns) {
                    self.tasks[task.get()].cancel_asked_ns = None;
                }
            }
            Event::TaskDone { task, end } => self.task_done(now_ns, task, end),
            Event::TaskLost { task } => {
                if let Some(task) = self.task(task, now_ns) {
                    self.tasks[task.get()].end(now_ns, End::Lost);
                }
            }
            Event::ExceptionLost { task, class } => {
                let task = task.and_then(|task| self.task(task, now_ns));
                self.lost_exceptions.push(LostException { at_ns: now_ns, task, class });
            }
            Event::NeverAwaited { code } => {
                let chain = self.chains.intern(entry.frames);
                self.never_awaited.push((code, chain));
            }
            Event::TransportOpened { transport, fd } => {
                let transport = self.transport(transport);
                transport.fd = Some(fd);
                transport.peer = entry.text.to_string();
            }
            Event::BytesIn { transport, bytes } => self.transport(transport).receive(bytes),
            Event::BytesOut { transport, bytes } => self.transport(transport).send(now_ns, bytes),
            Event::Flow { transport, change } => self.transport(transport).change(now_ns, change),
            Event::TransportClosed { transport } => {
                self.transport(transport);
            }
            Event::WorkQueued { work, by, code, place } => {
                let by = by.and_then(|task| self.task(task, now_ns));
                let work = self.work(work);
                *work = Work { by, code, place, queued_ns: Some(now_ns), ..*work };
            }
            Event::WorkBegins { work } => {
                let job = self.work_place(work);
                let work = self.work(work);
                *work = Work { begun_ns: Some(now_ns), lane: entry.lane, ..*work };
                self.lanes[lane].work_begins(now_ns, job);
            }
            Event::WorkEnds { work } => {
                let job = self.work_place(work);
                self.work(work).ended_ns = Some(now_ns);
                self.lanes[lane].work_ends(now_ns, job);
            }
            Event::GcPaused { took_ns, .. } => {
                self.gc.count += 1;
                self.gc.total_ns = self.gc.total_ns.saturating_add(took_ns);
                self.gc.longest_ns = self.gc.longest_ns.max(took_ns);
            }
            Event::LoopBlocked { since_ns, task } => {
                let task = task.and_then(|task| self.task(task, now_ns));
                let chain = self.chains.intern(entry.frames);
                let code = task.map_or(CodeId::NONE, |task| self.tasks[task.get()].code);
                let from_ns = since_ns.min(now_ns);
                let lane = entry.lane;
                self.blocked(Block { lane, from_ns, to_ns: now_ns, task, code, chain });
            }
            Event::LaneNamed { kind } => {
                let thread = &mut self.lanes[lane].thread;
                thread.kind = kind;
                thread.name = entry.text.to_string();
            }
            Event::LaneEnds => self.lanes[lane].thread.ended_ns = Some(now_ns),
            Event::Sampled { cpu_ns } => self.sampled(lane, Look { at_ns: now_ns, cpu_ns }, entry),
            Event::CallEntered { cpu_ns } => {
                let chain = self.called(lane, entry.frames);
                self.lanes[lane].call_entered(Look { at_ns: now_ns, cpu_ns }, chain);
            }
            Event::CallLeft { cpu_ns } => {
                self.lanes[lane].call_left(Look { at_ns: now_ns, cpu_ns });
            }
            Event::ProcessStarted { pid } => {
                self.process_started(now_ns, pid, entry.text.to_string());
            }
            Event::ProcessEnded { pid, status } => self.process_ended(now_ns, pid, status),
            Event::Dropped { events } => self.dropped(entry.at_ns, now_ns, events),
        }
    }

    // --- places

    fn lane(&mut self, lane: Lane, at_ns: u64) -> usize {
        *self.lane_places.entry(lane).or_insert_with(|| {
            self.lanes.push(LaneState::new(Thread::new(lane, at_ns)));
            self.lanes.len() - 1
        })
    }

    /// The place of a task, which is made if nothing is known of it yet.  `None` if
    /// there are more than four billion.
    fn task(&mut self, id: TaskId, now_ns: u64) -> Option<TaskIndex> {
        if let Some(&index) = self.task_places.get(&id) {
            return Some(index);
        }
        let index = TaskIndex(u32::try_from(self.tasks.len()).ok()?);
        let from_ns = self.start_ns.unwrap_or(now_ns).min(now_ns);
        self.tasks.push(Task::new(id, from_ns, State::Unknown));
        self.task_places.insert(id, index);
        Some(index)
    }

    fn transport(&mut self, id: TransportId) -> &mut Transport {
        let place = *self.transport_places.entry(id).or_insert_with(|| {
            self.transports.push(Transport::new(id));
            // Wraps round only for more transports than memory holds.
            u32::try_from(self.transports.len() - 1).unwrap_or(u32::MAX)
        });
        &mut self.transports[place as usize]
    }

    fn work(&mut self, id: WorkId) -> &mut Work {
        let place = self.work_place(id);
        &mut self.works[place as usize]
    }

    fn work_place(&mut self, id: WorkId) -> u32 {
        *self.work_places.entry(id).or_insert_with(|| {
            self.works.push(Work {
                id,
                by: None,
                code: CodeId::NONE,
                place: WorkPlace::default(),
                queued_ns: None,
                begun_ns: None,
                ended_ns: None,
                lane: Lane::default(),
                process: None,
            });
            u32::try_from(self.works.len() - 1).unwrap_or(u32::MAX)
        })
    }

    // --- what is missing

    /// Of tasks that were there before, the recording begins in the middle.
    fn forget_before(&mut self, now_ns: u64) {
        for task in self.tasks.iter_mut().filter(|task| task.created_ns == Some(0)) {
            task.created_ns = None;
            task.spans.clear();
            task.enter(now_ns, State::Unknown);
        }
    }

    fn dropped(&mut self, at_ns: u64, now_ns: u64, events: u64) {
        self.dropped = self.dropped.saturating_add(events);
        // All that came before told who is there.
        let first = self.start_ns == Some(now_ns) && !self.window;
        if first {
            self.window = true;
            self.end_ns = at_ns;
        }
        for task in &mut self.tasks {
            if first {
                task.spans.clear();
            }
            task.enter(now_ns, State::Unknown);
        }
        for lane in &mut self.lanes {
            lane.steps.clear();
            lane.job_since_ns = None;
            lane.handle = None;
            lane.looked = None;
            lane.call = None;
            lane.work = None;
            lane.thread.from_ns = lane.thread.from_ns.max(if first { now_ns } else { 0 });
            if !lane.thread.spans.is_empty() {
                lane.thread.enter(now_ns, Doing::Unknown);
            }
        }
    }

    /// What can be said only at the end.
    fn settle(&mut self) {
        let mut has_children = vec![false; self.tasks.len()];
        for task in &self.tasks {
            if let (Some(parent), None) = (task.parent, task.end) {
                has_children[parent.get()] = true;
            }
        }
        for (task, has_children) in self.tasks.iter_mut().zip(has_children) {
            if let State::Waiting { what: what @ (What::Future | What::Unknown), chain, .. } =
                task.state()
                && task.end.is_none()
                && has_children
            {
                task.correct(State::Waiting { what, chain, inner: true });
            }
        }
    }
}
