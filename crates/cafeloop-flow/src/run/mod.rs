//! What happened, put together from a recording: who ran, was ready, waited, and for
//! what.
//!
//! ```text
//! chain      stacks, and which line of them to show
//! task       what a task did                thread     what a thread did
//! transport  what went through a transport  waits      where the waiting was
//! replay     events in, a Run out           joins      which waits are for others of the run
//! ```

mod chain;
mod joins;
mod replay;
mod task;
mod thread;
mod transport;
mod waits;

use std::collections::HashMap;
use std::io::Read;

use crate::error::Error;
use crate::event::WorkPlace;
use crate::id::{CodeId, Frame, Lane, StringId, WorkId};
use crate::metadata::Metadata;
use crate::names::Names;
use crate::quantity::thousands;
use crate::reader::{Ending, Losses, Reader};

pub use chain::ChainId;
pub(crate) use chain::{is_of_the_program, site};
pub use task::{By, End, Interval, State, Task, TaskIndex, Totals, What};
pub use thread::{Doing, Stretch, Thread};
pub use transport::{Traffic, Transport};
pub(crate) use waits::waits_in_jobs;
pub use waits::{Busy, WaitSite, Whom};

/// What happened in a recording.
///
/// Times are nanoseconds on the recording's clock.
#[derive(Debug)]
pub struct Run {
    /// Of which program, when and how it was recorded.
    pub metadata: Metadata,
    /// How the recording ended.
    pub ending: Ending,
    /// What of it couldn't be used.
    pub losses: Losses,
    /// Events that are missing.
    pub dropped: u64,
    /// Events that there are.
    pub events: u64,
    /// When what is known begins.
    pub start_ns: u64,
    /// When it ends.
    pub end_ns: u64,
    /// The tasks, in the order in which they were first seen: that of their creation,
    /// unless events are missing.
    pub tasks: Vec<Task>,
    /// The threads, in the order in which they were first seen.
    pub threads: Vec<Thread>,
    /// The transports, in the order in which they were first seen.
    pub transports: Vec<Transport>,
    /// The jobs of executors, in the order in which they were handed over.
    pub works: Vec<Work>,
    /// Times in which one job held its loop for longer than the threshold.
    pub blocks: Vec<Block>,
    /// Pauses of the garbage collector.
    pub gc: GcPauses,
    /// What timers did.
    pub timers: Timers,
    /// Exceptions that nobody asked for.
    pub lost_exceptions: Vec<LostException>,
    /// Coroutines that nobody awaited: what they would have run, and who made them.
    pub never_awaited: Vec<(CodeId, ChainId)>,
    /// Processes that were started.
    pub processes: Vec<Process>,
    /// How long tasks were in each state, and threads without a loop worked and waited.
    pub totals: Totals,
    /// Where the waiting was, most first.
    pub waits: Vec<WaitSite>,
    /// What used the processor, most first.
    pub busy: Vec<Busy>,
    /// Runs of processes that this one started, on the same clock.
    pub children: Vec<Run>,
    names: Names,
    chains: chain::Chains,
}

/// A job that was handed to an executor.
#[derive(Clone, Copy, Debug)]
pub struct Work {
    /// Its number in the recording.
    pub id: WorkId,
    /// By whom, if by a task.
    pub by: Option<TaskIndex>,
    /// What it runs.
    pub code: CodeId,
    /// Where it was to run.
    pub place: WorkPlace,
    /// When it was handed over, if that was seen.
    pub queued_ns: Option<u64>,
    /// When the executor began with it, if that was seen.
    pub begun_ns: Option<u64>,
    /// When it ended.
    pub ended_ns: Option<u64>,
    /// The lane that ran it.
    pub lane: Lane,
    /// The process that ran it, if that is another one; the lane is of its run then.
    pub process: Option<u32>,
}

impl Work {
    /// What the process that handed it over calls it, if that is this one.
    fn id_at(&self, pid: u32) -> Option<WorkId> {
        self.id.at_home().filter(|_| self.id.process() == Some(pid))
    }
}

/// A time in which one job held its loop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Which loop.
    pub lane: Lane,
    /// From when.
    pub from_ns: u64,
    /// Until when.
    pub to_ns: u64,
    /// The task that ran, if one did.
    pub task: Option<TaskIndex>,
    /// What ran, if that is known: a callback's code, or a task's.
    pub code: CodeId,
    /// The stack that was seen meanwhile, if anybody looked.
    pub chain: ChainId,
}

/// Pauses of the garbage collector.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GcPauses {
    /// How many.
    pub count: u64,
    /// For how long altogether.
    pub total_ns: u64,
    /// The longest.
    pub longest_ns: u64,
}

/// What timers did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timers {
    /// How many were set.
    pub set: u64,
    /// How many fired.
    pub fired: u64,
    /// How many were cancelled.
    pub cancelled: u64,
    /// How many fired more than [`Timers::LATE_NS`] after their time because their loop
    /// was busy.  One that waited in the kernel and was called late couldn't help it.
    pub late: u64,
    /// How late those were altogether.
    pub late_total_ns: u64,
    /// How late the latest was.
    pub latest_ns: u64,
    /// When that one fired.
    pub latest_at_ns: u64,
}

impl Timers {
    /// 10 ms: a person doesn't notice less, and a busy machine is late by more than
    /// a few anyway.
    pub const LATE_NS: u64 = 10_000_000;
}

/// An exception that nobody asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LostException {
    /// When it was lost.
    pub at_ns: u64,
    /// Whose it was, if a task's.
    pub task: Option<TaskIndex>,
    /// Its class.
    pub class: StringId,
}

/// A process that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The program that it runs; empty if that isn't known.
    pub program: String,
    /// When it was started, if that was seen.
    pub started_ns: Option<u64>,
    /// When it ended, and with which status.
    pub ended: Option<(u64, i32)>,
}

impl Run {
    /// Puts together what a recording says.
    ///
    /// # Errors
    /// If it is none, or can't be read.  One that is cut off or damaged gives what is
    /// before that; [`Run::ending`] says so.
    pub fn read(input: impl Read) -> Result<Run, Error> {
        replay::replay(Reader::new(input)?)
    }

    /// Takes in the run of a process that this one started, with what it says of the
    /// jobs that this one has handed to it.
    pub fn adopt(&mut self, child: Run) {
        let places: HashMap<WorkId, usize> =
            self.works.iter().enumerate().map(|(place, work)| (work.id, place)).collect();
        for theirs in &child.works {
            let id = theirs.id_at(self.metadata.pid);
            if let Some(place) = id.and_then(|id| places.get(&id).copied()) {
                let Work { begun_ns, lane, .. } = *theirs;
                let process = Some(child.metadata.pid);
                let ended_ns = theirs.ended_ns.or(self.works[place].ended_ns);
                self.works[place] = Work { begun_ns, ended_ns, lane, process, ..self.works[place] };
            }
        }
        self.children.push(child);
        joins::find(self);
        (self.totals, self.waits) = waits::sum(self);
    }

    /// Whether nothing is seen of what the process did, nor of its children.
    pub(crate) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
            && !self.threads.iter().any(Thread::did_anything)
            && self.children.is_empty()
    }

    /// The program, without its folder, and its arguments.
    pub fn command_line(&self) -> String {
        let Some((program, arguments)) = self.metadata.command.split_first() else {
            return "a recording".to_owned();
        };
        // A package's own name, rather than that of what all packages are run by.
        let program = program.strip_suffix("/__main__.py").unwrap_or(program);
        let words: Vec<&str> =
            [file_name(program)].into_iter().chain(arguments.iter().map(String::as_str)).collect();
        words.join(" ")
    }

    /// How one of its children is called: by its number, and by its command if that is
    /// another one.
    pub(crate) fn child_title(&self, child: &Run) -> String {
        let pid = child.metadata.pid;
        if child.metadata.command == self.metadata.command {
            return format!("process {pid}");
        }
        format!("process {pid}: {}", child.command_line())
    }

    /// How long it took.
    pub fn wall_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }

    /// Waiting, summed over tasks and threads, as a multiple of the time that it took.
    /// Waits for other tasks don't count: what those wait for does.
    pub fn overlap(&self) -> f64 {
        if self.wall_ns() == 0 {
            return 0.0;
        }
        ratio(self.totals.waiting_ns, self.wall_ns())
    }

    /// What numbers of strings and code stand for.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// The frames of a chain, outermost first.
    pub fn frames(&self, chain: ChainId) -> &[Frame] {
        self.chains.frames(chain)
    }

    /// All chains, in the order of their numbers, from 1.
    pub fn chains(&self) -> impl Iterator<Item = &[Frame]> {
        self.chains.all()
    }

    /// The line of a chain where a reader can do something: the innermost one of the
    /// program's own files, or else of an installed package, or else of a library.
    pub fn site(&self, chain: ChainId) -> Frame {
        site(self.frames(chain), &self.names)
    }

    /// One task.
    pub fn task(&self, index: TaskIndex) -> Option<&Task> {
        self.tasks.get(index.get())
    }

    /// What a task did, one thing after another.
    pub fn intervals(&self, task: &Task) -> impl Iterator<Item = Interval> + Clone {
        task.intervals(self.end_ns)
    }

    /// What a thread did, one thing after another.
    pub fn stretches(&self, thread: &Thread) -> impl Iterator<Item = Stretch> + Clone {
        thread.stretches(self.end_ns)
    }

    /// When a task was there, as far as it is known.
    pub fn lifetime(&self, task: &Task) -> (u64, u64) {
        let end_ns = task.end.map_or(self.end_ns, |(at_ns, _)| at_ns);
        (task.spans.first().map_or(end_ns, |span| span.from_ns), end_ns)
    }

    /// How a task is called: by its label, its function, or its number.
    pub fn label(&self, task: &Task) -> String {
        let function = self.names.function(task.code);
        match (task.name.as_str(), function) {
            ("", "") => format!("task {}", task.id.get()),
            ("", function) => function.to_owned(),
            (name, _) => name.to_owned(),
        }
    }

    /// How some tasks are called: the first labels, and how many more there are.
    pub(crate) fn labels<'a>(&self, tasks: impl Iterator<Item = &'a Task>) -> String {
        /// More than three names say nothing.
        const NAMED: usize = 3;
        let mut named: Vec<(String, u64)> = Vec::new();
        let mut more = 0;
        for task in tasks {
            let label = self.label(task);
            if let Some((_, times)) = named.iter_mut().find(|(name, _)| *name == label) {
                *times += 1;
            } else if named.len() < NAMED {
                named.push((label, 1));
            } else {
                more += 1;
            }
        }
        let named = named.into_iter().map(|(name, times)| match times {
            1 => name,
            times => format!("{name} × {}", thousands(times)),
        });
        let named = named.collect::<Vec<String>>().join(", ");
        if more == 0 { named } else { format!("{named} and {} more", thousands(more)) }
    }

    /// How a thread is called: by its name, the program's, or its number.
    pub fn thread_label(&self, thread: &Thread) -> String {
        let program = self.metadata.command.first().map_or("", |path| file_name(path));
        match (thread.name.as_str(), thread.lane) {
            ("", Lane(0)) if !program.is_empty() => program.to_owned(),
            ("", Lane(number)) => format!("thread {number}"),
            (name, _) => name.to_owned(),
        }
    }

    /// A place in the code, as "function (file.py:12)".
    pub fn place(&self, frame: Frame) -> String {
        let function = self.names.function(frame.code);
        let function = if function.is_empty() { "unknown code" } else { function };
        match (file_name(self.names.file(frame.code)), frame.line) {
            ("", _) => function.to_owned(),
            (file, 0) => format!("{function} ({file})"),
            (file, line) => format!("{function} ({file}:{line})"),
        }
    }
}

/// The last part of a path, of either system.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit(['/', '\\']).next().unwrap_or(path)
}

/// One number as a multiple of another, which isn't 0.
#[allow(clippy::cast_precision_loss, reason = "a ratio is shown with three digits")]
pub(crate) fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole as f64
}
