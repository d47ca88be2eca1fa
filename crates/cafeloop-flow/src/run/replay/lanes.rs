//! What events say of lanes: of loops, and of threads that are only looked at.

use crate::id::{CodeId, Frame};
use crate::reader::Entry;
use crate::run::chain::{ChainId, site};
use crate::run::replay::Replay;
use crate::run::task::TaskIndex;
use crate::run::thread::{Doing, Thread};
use crate::run::{Block, Process, Timers};

/// A call is work if the thread used the processor for half of it.
const CALL_PARTS: u64 = 2;
/// Between two looks a tenth is work: whoever waits uses hardly any, but on a busy
/// machine whoever works has to share.
const SAMPLE_PARTS: u64 = 10;

/// What a lane does at the moment.
pub(super) struct LaneState {
    pub(super) thread: Thread,
    pub(super) now_ns: u64,
    /// When its loop last came back from waiting in the kernel.
    pub(super) idle_until_ns: u64,
    /// The engine's job that runs.
    pub(super) job_since_ns: Option<u64>,
    /// The callback that runs.
    pub(super) handle: Option<(CodeId, u64)>,
    /// The tasks that run; more than one if one starts another eagerly.
    pub(super) steps: Vec<(TaskIndex, u64)>,
    /// The last look at the thread's CPU time.
    pub(super) looked: Option<Look>,
    /// How much it had at any look before.
    cpu_ns: u64,
    /// The call in which the thread waits.
    pub(super) call: Option<Look>,
    /// The executor's job that the thread runs.
    pub(super) work: Option<Job>,
}

/// An executor's job that runs.
pub(super) struct Job {
    /// Its place.
    work: u32,
    /// The thread's own reading of its CPU time at the job's beginning.
    began: Option<Look>,
}

/// How much CPU time a thread had at some time.
#[derive(Clone, Copy)]
pub(super) struct Look {
    pub(super) at_ns: u64,
    pub(super) cpu_ns: u64,
}

impl Look {
    /// Whether a thread that is seen again used the processor for one part in so many.
    fn worked_until(self, then: Look, parts: u64) -> bool {
        let (took_ns, used_ns) =
            (then.at_ns.saturating_sub(self.at_ns), then.cpu_ns.saturating_sub(self.cpu_ns));
        used_ns.saturating_mul(parts) >= took_ns
    }
}

impl LaneState {
    pub(super) fn new(thread: Thread) -> LaneState {
        LaneState {
            thread,
            now_ns: 0,
            idle_until_ns: 0,
            job_since_ns: None,
            handle: None,
            steps: Vec::new(),
            looked: None,
            cpu_ns: 0,
            call: None,
            work: None,
        }
    }

    pub(super) fn work_begins(&mut self, now_ns: u64, work: u32) {
        self.work = Some(Job { work, began: None });
        self.call = None;
        // Between two jobs it has used next to nothing.
        self.looked = Some(Look { at_ns: now_ns, cpu_ns: self.cpu_ns });
        self.thread.enter(now_ns, Doing::Job(work));
    }

    /// Its thread may have been looked at meanwhile, and was seen to do other things.
    pub(super) fn work_ends(&mut self, now_ns: u64, work: u32) {
        if self.work.as_ref().is_some_and(|job| job.work == work) {
            (self.work, self.call, self.looked) = (None, None, None);
            self.thread.enter(now_ns, Doing::Resting);
        }
    }

    /// A job's thread reads its own CPU time, at the job's beginning and at its end.  If
    /// nobody looked at it meanwhile, it is taken to have worked first, and then waited
    /// at `place`; for how long it worked is returned.
    fn measured(&mut self, look: Look, place: ChainId) -> Option<u64> {
        let job = self.work.as_mut()?;
        let began = match job.began {
            None => {
                job.began = Some(look);
                return None;
            }
            Some(began) if matches!(self.thread.doing(), Doing::Job(_)) => began,
            Some(_) => return None,
        };
        let took_ns = look.at_ns.saturating_sub(began.at_ns);
        let worked_ns = look.cpu_ns.saturating_sub(began.cpu_ns).min(took_ns);
        if (took_ns - worked_ns).saturating_mul(SAMPLE_PARTS) < took_ns {
            self.thread.correct(Doing::Working);
            return Some(took_ns);
        }
        if worked_ns > 0 {
            self.thread.correct(Doing::Working);
            self.thread.enter(began.at_ns.saturating_add(worked_ns), Doing::Calling(place));
        } else {
            self.thread.correct(Doing::Calling(place));
        }
        Some(worked_ns)
    }

    pub(super) fn call_entered(&mut self, look: Look, chain: ChainId) {
        // Whoever doesn't say that a call was left enters the next one.
        self.call_left(look);
        let mut from_ns = look.at_ns;
        if let Some(before) = self.look(look) {
            if before.worked_until(look, SAMPLE_PARTS) {
                self.thread.enter(before.at_ns, Doing::Working);
            } else if let Doing::Job(_) = self.thread.doing() {
                // The job has done nothing but to come here.
                from_ns = before.at_ns;
            }
        }
        self.call = Some(look);
        // In nothing of the program's it waits for something to do.
        let is_call = chain != ChainId::NONE;
        self.thread.enter(from_ns, if is_call { Doing::Calling(chain) } else { Doing::Resting });
    }

    /// Returns the look before.
    fn look(&mut self, look: Look) -> Option<Look> {
        self.cpu_ns = look.cpu_ns;
        self.looked.replace(look)
    }

    pub(super) fn call_left(&mut self, look: Look) {
        let Some(entered) = self.call.take() else { return };
        let is_call = matches!(self.thread.doing(), Doing::Calling(_));
        if is_call && entered.worked_until(look, CALL_PARTS) {
            self.thread.correct(Doing::Working);
        }
        self.thread.enter(look.at_ns, Doing::Working);
        self.look(look);
    }
}

impl Replay {
    pub(super) fn poll_ends(&mut self, lane: usize, now_ns: u64) {
        let thread = &mut self.lanes[lane].thread;
        if thread.doing() == Doing::Idle {
            let since_ns = thread.spans.last().map_or(now_ns, |span| span.from_ns);
            thread.idle_ns = thread.idle_ns.saturating_add(now_ns.saturating_sub(since_ns));
            thread.enter(now_ns, Doing::Turning);
            self.lanes[lane].idle_until_ns = now_ns;
        }
    }

    pub(super) fn timer_fired(&mut self, lane: usize, now_ns: u64, late_ns: u64) {
        self.timers.fired += 1;
        let late_ns = late_ns.min(now_ns.saturating_sub(self.lanes[lane].idle_until_ns));
        if late_ns > Timers::LATE_NS {
            self.timers.late += 1;
            self.timers.late_total_ns = self.timers.late_total_ns.saturating_add(late_ns);
            if late_ns > self.timers.latest_ns {
                (self.timers.latest_ns, self.timers.latest_at_ns) = (late_ns, now_ns);
            }
        }
    }

    pub(super) fn job_ended(
        &mut self,
        lane: usize,
        from_ns: u64,
        to_ns: u64,
        task: Option<TaskIndex>,
        code: CodeId,
    ) {
        let took_ns = to_ns.saturating_sub(from_ns);
        let thread = &mut self.lanes[lane].thread;
        thread.longest_job_ns = thread.longest_job_ns.max(took_ns);
        if took_ns >= self.block_threshold_ns {
            let lane = thread.lane;
            self.blocked(Block { lane, from_ns, to_ns, task, code, chain: ChainId::NONE });
        }
    }

    /// Adds a block, or to the one that it is: the watchdog, the step and the engine's
    /// job tell of the same.
    pub(super) fn blocked(&mut self, block: Block) {
        let last = self.blocks.iter_mut().rev().find(|last| last.lane == block.lane);
        match last {
            Some(last) if block.from_ns < last.to_ns => {
                last.from_ns = last.from_ns.min(block.from_ns);
                last.to_ns = last.to_ns.max(block.to_ns);
                last.task = last.task.or(block.task);
                if last.code == CodeId::NONE {
                    last.code = block.code;
                }
                if block.chain != ChainId::NONE {
                    last.chain = block.chain;
                }
            }
            _ => self.blocks.push(block),
        }
    }

    /// What a thread has called.  Without frames it is at nothing, or at an executor's job
    /// that has none, as `time.sleep` hasn't.
    pub(super) fn called(&mut self, lane: usize, frames: &[Frame]) -> ChainId {
        match self.job_code(lane) {
            Some(code) if frames.is_empty() => self.chains.intern(&[Frame { code, line: 0 }]),
            _ => self.chains.intern(frames),
        }
    }

    /// What the executor's job runs that a thread is at.
    fn job_code(&self, lane: usize) -> Option<CodeId> {
        let job = self.lanes[lane].work.as_ref()?;
        self.works.get(job.work as usize).map(|work| work.code)
    }

    pub(super) fn sampled(&mut self, lane: usize, look: Look, entry: &Entry<'_>) {
        if entry.frames.is_empty()
            && let Some(code) = self.job_code(lane)
        {
            let place = self.chains.intern(&[Frame { code, line: 0 }]);
            if let Some(worked_ns) = self.lanes[lane].measured(look, place) {
                self.busy.add(Frame { code, line: 0 }, worked_ns);
            }
            return;
        }
        let lane = &mut self.lanes[lane];
        if lane.call.is_some() {
            return;
        }
        let Some(before) = lane.look(look) else {
            lane.thread.enter(look.at_ns, Doing::Working);
            return;
        };
        if before.worked_until(look, SAMPLE_PARTS) {
            lane.thread.enter(before.at_ns, Doing::Working);
            let site = site(entry.frames, entry.names);
            self.busy.add(site, look.at_ns.saturating_sub(before.at_ns));
        } else {
            let chain = self.chains.intern(entry.frames);
            lane.thread.enter(before.at_ns, Doing::Waiting(chain));
        }
    }

    pub(super) fn process_started(&mut self, now_ns: u64, pid: u32, program: String) {
        self.process_places.remove(&pid);
        let place = self.process(pid);
        let process = &mut self.processes[place as usize];
        (process.started_ns, process.program) = (Some(now_ns), program);
    }

    pub(super) fn process_ended(&mut self, now_ns: u64, pid: u32, status: i32) {
        let place = self.process(pid);
        self.processes[place as usize].ended = Some((now_ns, status));
    }

    /// The place of the process that has this number now.
    pub(super) fn process(&mut self, pid: u32) -> u32 {
        *self.process_places.entry(pid).or_insert_with(|| {
            let program = String::new();
            self.processes.push(Process { pid, program, started_ns: None, ended: None });
            u32::try_from(self.processes.len() - 1).unwrap_or(u32::MAX)
        })
    }
}
