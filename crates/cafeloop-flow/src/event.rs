//! The vocabulary: one variant for each thing worth seeing.

use crate::id::{CodeId, Frame, Lane, StringId, TaskId, TransportId, WorkId};

/// Something that happened.
///
/// Times are nanoseconds of the recording's own clock, which need not be a real
/// one.  An event stands in the [`Lane`](crate::Lane) of the thread that it is
/// about.  Some have a text or frames beside them, as their description says; see
/// [`Recorder::record_with`](crate::Recorder::record_with).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    // --- the loop, as its engine tells it
    /// A turn begins, with this many jobs ready from the one before.
    TurnBegins {
        /// Jobs in the ready queue.
        ready: usize,
    },
    /// The loop asks the kernel for events.
    PollBegins {
        /// The longest it will wait: 0 to look only, `None` for as long as it takes.
        wait_ns: Option<u64>,
    },
    /// The kernel answered.
    PollEnds {
        /// Descriptors that were reported ready.
        events: usize,
    },
    /// Jobs that other threads posted have joined the ready queue.
    Posted {
        /// How many there were.
        jobs: usize,
    },
    /// A timer was set.
    TimerSet {
        /// When it is due.
        deadline_ns: u64,
    },
    /// A timer was due: its job has joined the ready queue.
    TimerFired {
        /// How long after its deadline.
        late_ns: u64,
    },
    /// A timer was cancelled before it was due.
    TimerCancelled,
    /// A job begins to run.  A host that knows better says [`Event::StepBegins`] or
    /// [`Event::HandleBegins`] between this and the end, or instead of it.
    JobBegins,
    /// The job that began last has ended.
    JobEnds,

    // --- tasks and callbacks, as the host tells them
    /// A task was created; it is ready to run.
    TaskCreated {
        /// The task.
        task: TaskId,
        /// The task that created it, if one did.
        parent: Option<TaskId>,
        /// What it runs.
        code: CodeId,
    },
    /// A task has this label, given as the event's text: its name, or the call that
    /// it runs.  The last one counts.
    TaskNamed {
        /// The task.
        task: TaskId,
    },
    /// A task begins to run.
    StepBegins {
        /// The task.
        task: TaskId,
    },
    /// The task that runs in this lane stops running.
    StepEnds {
        /// The task.
        task: TaskId,
        /// How.
        end: StepEnd,
    },
    /// A task is ready to run again.
    Woken {
        /// The task.
        task: TaskId,
        /// Who made it so.
        by: Waker,
    },
    /// What a task has been waiting for: the event's frames are its chain of awaits,
    /// outermost first.  Said of waits that were longer than the threshold, between
    /// [`Event::Woken`] and the next [`Event::StepBegins`], and of all that last when
    /// the recording ends.
    Waited {
        /// The task.
        task: TaskId,
    },
    /// Somebody asks a task to end.
    CancelAsked {
        /// The task.
        task: TaskId,
        /// The task that asks, if one does.
        by: Option<TaskId>,
    },
    /// All who have asked a task to end have taken that back, as a timeout does that the
    /// task has met.
    CancelTakenBack {
        /// The task.
        task: TaskId,
    },
    /// A task is done.
    TaskDone {
        /// The task.
        task: TaskId,
        /// How.
        end: TaskEnd,
    },
    /// A task is gone without having been done: nobody held it any more.
    TaskLost {
        /// The task.
        task: TaskId,
    },
    /// A task's exception is gone without anybody having asked for it.
    ExceptionLost {
        /// The task; `None` if it was a future.
        task: Option<TaskId>,
        /// The exception's class.
        class: StringId,
    },
    /// A coroutine is gone without having been awaited.  The event's frames, if there
    /// are any, are the stack that made it.
    NeverAwaited {
        /// What it would have run.
        code: CodeId,
    },
    /// A callback begins to run.
    HandleBegins {
        /// What it runs.
        code: CodeId,
    },
    /// The callback that runs in this lane has ended.
    HandleEnds,

    // --- transports
    /// A transport is there; the event's text says with whom it talks.
    TransportOpened {
        /// The transport.
        transport: TransportId,
        /// Its descriptor at this time.
        fd: u32,
    },
    /// Bytes were received.
    BytesIn {
        /// By which transport.
        transport: TransportId,
        /// How many.
        bytes: u64,
    },
    /// Bytes went to the kernel in one call.
    BytesOut {
        /// From which transport.
        transport: TransportId,
        /// How many.
        bytes: u64,
    },
    /// A transport pauses or resumes.
    Flow {
        /// The transport.
        transport: TransportId,
        /// What it does.
        change: FlowChange,
    },
    /// A transport is closed.
    TransportClosed {
        /// The transport.
        transport: TransportId,
    },

    // --- executors
    /// A job was handed to an executor.
    WorkQueued {
        /// The job.
        work: WorkId,
        /// By which task, if by one.
        by: Option<TaskId>,
        /// What it runs.
        code: CodeId,
        /// Where that will be.
        place: WorkPlace,
    },
    /// An executor begins with a job.
    WorkBegins {
        /// The job.
        work: WorkId,
    },
    /// An executor's job has ended, or was cancelled before it began.
    WorkEnds {
        /// The job.
        work: WorkId,
    },

    // --- what holds everybody up
    /// The garbage collector has run, and everything stood still until now.
    GcPaused {
        /// For how long.
        took_ns: u64,
        /// The generation that was collected.
        generation: u32,
    },
    /// One job has held the loop until now, longer than the threshold.  The event's
    /// frames are the stack that was seen meanwhile, outermost first.
    LoopBlocked {
        /// Since when.
        since_ns: u64,
        /// The task that ran, if one did.
        task: Option<TaskId>,
    },

    // --- threads, mostly those of programs without a loop
    /// A lane has this kind, and the event's text as its name.
    LaneNamed {
        /// The kind.
        kind: LaneKind,
    },
    /// A lane has come to its end.
    LaneEnds,
    /// What a thread does now: the event's frames are its stack, outermost first.  Without
    /// any, it says so itself: at the beginning and at the end of an executor's job.
    Sampled {
        /// The thread's CPU time so far: what it gained says whether it worked.
        cpu_ns: u64,
    },
    /// A thread enters a call in which it waits; the event's frames are its stack.
    /// Without any, it waits for something to do, in nothing of the program's.
    CallEntered {
        /// The thread's CPU time so far.
        cpu_ns: u64,
    },
    /// A thread has left the call that it entered last.
    CallLeft {
        /// The thread's CPU time so far.
        cpu_ns: u64,
    },
    /// A process was started; it may have a recording of its own.  The event's text is
    /// the program that it runs, without its arguments.
    ProcessStarted {
        /// Its number.
        pid: u32,
    },
    /// A process has ended.
    ProcessEnded {
        /// Its number.
        pid: u32,
        /// As `subprocess` says it: negative for a signal.
        status: i32,
    },

    // --- the recording itself
    /// Events that happened before this one are missing.
    Dropped {
        /// How many.
        events: u64,
    },
    /// The recording was ended on purpose.  What still waits, waits for longer.
    RecordingEnds,
}

/// How a step of a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StepEnd {
    /// The coroutine returned.
    Returned,
    /// The coroutine raised.
    Raised,
    /// The coroutine waits.
    Suspended(Awaited),
}

/// What a suspended task waits for, as far as that is known without looking at its
/// frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Awaited {
    /// It isn't known.
    Unknown,
    /// For nothing: it lets others run, as `sleep(0)` does.
    Turn,
    /// For a time.
    Sleep {
        /// Until when.
        until_ns: u64,
    },
    /// For another task.
    Task(TaskId),
    /// For several tasks or futures.
    Gathered {
        /// How many.
        children: u64,
    },
    /// For a future.
    Future,
    /// For a descriptor.
    Descriptor(u32),
    /// For a transport: data, or room to write.
    Transport(TransportId),
    /// For an executor's job.
    Work(WorkId),
}

/// Who made a task ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Waker {
    /// It isn't known.
    Unknown,
    /// Another task.
    Task(TaskId),
    /// A timer that was due.
    Timer,
    /// A descriptor that became ready.
    Descriptor(u32),
    /// A transport: data came, or there is room again.
    Transport(TransportId),
    /// Another thread.
    Thread,
    /// An executor's job that has ended.
    Work(WorkId),
    /// A signal.
    Signal(u32),
    /// A callback.
    Callback,
    /// A process that has ended, by its number.
    Process(u32),
}

/// Where an executor runs a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum WorkPlace {
    /// In a thread of this recording, which tells when it begins.
    #[default]
    Thread,
    /// In another process, or anywhere else.  If that has a recording, it tells when
    /// the job begins and ends.
    Elsewhere,
}

/// How a task ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TaskEnd {
    /// With a result.
    Returned,
    /// With an exception of this class.
    Raised(StringId),
    /// By being cancelled.
    Cancelled,
}

/// What a transport's flow does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowChange {
    /// It is no longer read.
    ReadingPaused,
    /// It is read again.
    ReadingResumed,
    /// Its protocol is asked to write no more: too much waits.
    WritingPaused,
    /// Its protocol may write again.
    WritingResumed,
}

/// What kind of lane it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LaneKind {
    /// A thread that runs a loop.
    #[default]
    Loop,
    /// Another thread, of which it is known when it works and when it waits.
    Thread,
    /// A thread of an executor, of which it is known when it is at a job.
    Worker,
}

/// Somebody who listens to a loop's events, on the loop's own thread.
pub trait Sink {
    /// Takes one event that happened at `at_ns` on the loop's clock.
    fn record(&self, at_ns: u64, event: Event);

    /// The same, with what stands beside the event: a text, or frames, outermost first.
    /// Who keeps neither need not know of it.
    fn record_with(&self, at_ns: u64, event: Event, text: &str, frames: &[Frame]) {
        let _ = (text, frames);
        self.record(at_ns, event);
    }

    /// Takes one event of another thread's, whose lane this is.  Who listens to the
    /// loop's alone need not know of it.
    fn record_of(&self, lane: Lane, at_ns: u64, event: Event, text: &str) {
        let _ = (lane, at_ns, event, text);
    }

    /// The number of a piece of code, for events to name it by.
    fn code(&self, function: &str, file: &str, first_line: u32) -> CodeId {
        let _ = (function, file, first_line);
        CodeId::NONE
    }
}
