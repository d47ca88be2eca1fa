//! A run as JSON, for programs.
//!
//! Times are nanoseconds since the beginning of the run.  Tasks, transports and jobs
//! are named by their places in their lists, chains by their places in `chains`, from 1.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::event::{LaneKind, TaskEnd, WorkPlace};
use crate::findings::{Finding, find};
use crate::id::{CodeId, Frame};
use crate::metadata::{Clock, Mode};
use crate::run::{
    Busy, By, Doing, End, Interval, Process, Run, State, Task, TaskIndex, Thread, WaitSite, What,
    Whom,
};

/// The version of this form; it changes when a field changes its meaning or goes.
const VERSION: u32 = 1;

/// Writes a run as one JSON object.
///
/// # Errors
/// What the output says.
pub fn json(run: &Run, mut out: impl Write) -> io::Result<()> {
    serde_json::to_writer(&mut out, &Whole(run))?;
    out.write_all(b"\n")
}

struct Whole<'a>(&'a Run);

impl Serialize for Whole<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap as _;

        let run = self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("format", "cafeloop-run")?;
        map.serialize_entry("version", &VERSION)?;
        map.serialize_entry("command", &run.metadata.command)?;
        map.serialize_entry("runtime", &run.metadata.runtime)?;
        map.serialize_entry("pid", &run.metadata.pid)?;
        map.serialize_entry(
            "clock",
            match run.metadata.clock {
                Clock::Monotonic => "monotonic",
                Clock::Virtual => "virtual",
            },
        )?;
        map.serialize_entry(
            "mode",
            match run.metadata.mode {
                Mode::Ring => "ring",
                Mode::Full => "full",
            },
        )?;
        map.serialize_entry("start_ns", &run.start_ns)?;
        map.serialize_entry("recording_start_ns", &run.metadata.start_ns)?;
        map.serialize_entry("recording_start_unix_ns", &run.metadata.start_unix_ns)?;
        map.serialize_entry("wall_ns", &run.wall_ns())?;
        map.serialize_entry("events", &run.events)?;
        map.serialize_entry("dropped", &run.dropped)?;
        map.serialize_entry("warnings", &super::terminal::warnings(run))?;
        let totals = run.totals;
        map.serialize_entry(
            "totals",
            &TotalsForm {
                running_ns: totals.running_ns,
                ready_ns: totals.ready_ns,
                waiting_ns: totals.waiting_ns,
                waiting_for_others_ns: totals.inner_ns,
                unknown_ns: totals.unknown_ns,
            },
        )?;
        map.serialize_entry("overlap", &run.overlap())?;
        let waits: Vec<WaitForm> = run.waits.iter().map(|wait| wait_form(run, wait)).collect();
        map.serialize_entry("waits", &waits)?;
        let busy: Vec<BusyForm> = run.busy.iter().map(|busy| busy_form(run, busy)).collect();
        map.serialize_entry("busy", &busy)?;
        let found = find(run);
        let findings: Vec<FindingForm> = found.iter().map(|it| finding_form(run, it)).collect();
        map.serialize_entry("findings", &findings)?;
        map.serialize_entry(
            "threads",
            &Each(|| run.threads.iter().map(|it| thread_form(run, it))),
        )?;
        map.serialize_entry("tasks", &Each(|| run.tasks.iter().map(|it| task_form(run, it))))?;
        map.serialize_entry(
            "chains",
            &Each(|| {
                run.chains().map(|frames| {
                    frames.iter().map(|&frame| place_form(run, frame)).collect::<Vec<PlaceForm>>()
                })
            }),
        )?;
        map.serialize_entry("transports", &Each(|| run.transports.iter().map(transport_form)))?;
        map.serialize_entry("works", &Each(|| run.works.iter().map(|it| work_form(run, it))))?;
        map.serialize_entry(
            "processes",
            &Each(|| run.processes.iter().map(|it| process_form(run, it))),
        )?;
        map.serialize_entry("children", &Each(|| run.children.iter().map(Whole)))?;
        map.end()
    }
}

/// A list that is made while it is written, so that it need not fit into memory.
struct Each<F>(F);

impl<F, I> Serialize for Each<F>
where
    F: Fn() -> I,
    I: Iterator,
    I::Item: Serialize,
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq((self.0)())
    }
}

#[derive(Serialize)]
#[allow(clippy::struct_field_names, reason = "a form's fields have their units")]
struct TotalsForm {
    running_ns: u64,
    ready_ns: u64,
    waiting_ns: u64,
    waiting_for_others_ns: u64,
    unknown_ns: u64,
}

#[derive(Serialize)]
struct PlaceForm<'a> {
    function: &'a str,
    file: &'a str,
    line: u32,
}

#[derive(Serialize)]
struct WaitForm<'a> {
    #[serde(flatten)]
    place: PlaceForm<'a>,
    #[serde(rename = "for")]
    noun: &'a str,
    for_others: bool,
    count: u64,
    total_ns: u64,
    longest_ns: u64,
}

#[derive(Serialize)]
struct BusyForm<'a> {
    #[serde(flatten)]
    place: PlaceForm<'a>,
    count: u64,
    total_ns: u64,
    longest_ns: u64,
}

#[derive(Serialize)]
struct FindingForm<'a> {
    name: &'a str,
    saw: &'a str,
    why: &'a str,
    advice: &'a str,
    cost_ns: u64,
    place: Option<PlaceForm<'a>>,
    tasks: Vec<usize>,
}

#[derive(Serialize)]
struct ThreadForm<'a> {
    lane: u16,
    label: String,
    kind: &'a str,
    turns: u64,
    idle_ns: u64,
    stretches: Vec<StretchForm>,
}

#[derive(Serialize)]
struct StretchForm {
    from_ns: u64,
    to_ns: u64,
    doing: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    chain: usize,
}

#[derive(Serialize)]
struct TaskForm<'a> {
    id: u64,
    label: String,
    code: PlaceForm<'a>,
    parent: Option<usize>,
    lane: u16,
    steps: u64,
    end: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    exception: &'a str,
    intervals: Vec<IntervalForm>,
}

#[derive(Serialize)]
struct IntervalForm {
    from_ns: u64,
    to_ns: u64,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<Subject>,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    what: Option<Subject>,
    #[serde(skip_serializing_if = "is_zero")]
    chain: usize,
}

/// A kind, and which one.
#[derive(Serialize)]
struct Subject(&'static str, #[serde(skip_serializing_if = "Option::is_none")] Option<u64>);

#[derive(Serialize)]
struct TransportForm<'a> {
    peer: &'a str,
    reads: u64,
    bytes_in: u64,
    sends: u64,
    bytes_out: u64,
    pauses: u64,
    paused_ns: u64,
}

#[derive(Serialize)]
struct ProcessForm<'a> {
    pid: u32,
    program: &'a str,
    started_ns: Option<u64>,
    ended_ns: Option<u64>,
    status: Option<i32>,
}

#[derive(Serialize)]
struct WorkForm<'a> {
    code: PlaceForm<'a>,
    task: Option<usize>,
    place: &'static str,
    /// The process that ran it, if that is another one; the lane is that one's then.
    process: Option<u32>,
    lane: u16,
    queued_ns: Option<u64>,
    begun_ns: Option<u64>,
    ended_ns: Option<u64>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

fn place_form(run: &Run, frame: Frame) -> PlaceForm<'_> {
    let names = run.names();
    PlaceForm {
        function: names.function(frame.code),
        file: names.file(frame.code),
        line: frame.line,
    }
}

fn code_form(run: &Run, code: CodeId) -> PlaceForm<'_> {
    place_form(run, Frame { code, line: run.names().first_line(code) })
}

fn wait_form<'a>(run: &'a Run, wait: &WaitSite) -> WaitForm<'a> {
    WaitForm {
        place: place_form(run, wait.site),
        noun: wait.noun,
        for_others: wait.whom != Whom::Outside,
        count: wait.count,
        total_ns: wait.total_ns,
        longest_ns: wait.longest_ns,
    }
}

fn busy_form<'a>(run: &'a Run, busy: &Busy) -> BusyForm<'a> {
    let place = place_form(run, busy.site);
    BusyForm { place, count: busy.count, total_ns: busy.total_ns, longest_ns: busy.longest_ns }
}

fn finding_form<'a>(run: &'a Run, finding: &'a Finding) -> FindingForm<'a> {
    FindingForm {
        name: finding.name,
        saw: &finding.saw,
        why: finding.why,
        advice: &finding.advice,
        cost_ns: finding.cost_ns,
        place: finding.site.map(|site| place_form(run, site)),
        tasks: finding.tasks.iter().map(|task| task.get()).collect(),
    }
}

fn thread_form<'a>(run: &'a Run, thread: &Thread) -> ThreadForm<'a> {
    let stretches = run.stretches(thread).map(|stretch| {
        let (doing, chain) = match stretch.doing {
            Doing::Unknown => ("unknown", 0),
            Doing::Working => ("working", 0),
            Doing::Calling(chain) => ("calling", chain.get()),
            Doing::Waiting(chain) => ("waiting", chain.get()),
            Doing::Joining(chain) => ("joining", chain.get()),
            Doing::Job(_) => ("job", 0),
            Doing::Resting => ("resting", 0),
            Doing::Turning => ("turning", 0),
            Doing::Idle => ("idle", 0),
        };
        let (from_ns, to_ns) = (since(run, stretch.from_ns), since(run, stretch.to_ns));
        StretchForm { from_ns, to_ns, doing, chain }
    });
    ThreadForm {
        lane: thread.lane.0,
        label: run.thread_label(thread),
        kind: match thread.kind {
            LaneKind::Loop => "loop",
            LaneKind::Thread => "thread",
            LaneKind::Worker => "worker",
        },
        turns: thread.turns,
        idle_ns: thread.idle_ns,
        stretches: stretches.collect(),
    }
}

fn task_form<'a>(run: &'a Run, task: &Task) -> TaskForm<'a> {
    let (end, exception) = match task.end {
        None => ("running", ""),
        Some((_, End::Lost)) => ("lost", ""),
        Some((_, End::Done(TaskEnd::Returned))) => ("returned", ""),
        Some((_, End::Done(TaskEnd::Cancelled))) => ("cancelled", ""),
        Some((_, End::Done(TaskEnd::Raised(class)))) => ("raised", run.names().string(class)),
    };
    TaskForm {
        id: task.id.get(),
        label: run.label(task),
        code: code_form(run, task.code),
        parent: task.parent.map(TaskIndex::get),
        lane: task.lane.0,
        steps: task.steps,
        end,
        exception,
        intervals: run.intervals(task).map(|it| interval_form(run, it)).collect(),
    }
}

fn interval_form(run: &Run, interval: Interval) -> IntervalForm {
    let (state, by, what, chain) = match interval.state {
        State::Unknown => ("unknown", None, None, 0),
        State::Running => ("running", None, None, 0),
        State::Ready { by } => ("ready", Some(waker(by)), None, 0),
        State::Waiting { what, chain, inner: false } => {
            ("waiting", None, Some(awaited(what)), chain.get())
        }
        State::Waiting { what, chain, inner: true } => {
            ("waiting_for_others", None, Some(awaited(what)), chain.get())
        }
    };
    let (from_ns, to_ns) = (since(run, interval.from_ns), since(run, interval.to_ns));
    IntervalForm { from_ns, to_ns, state, by, what, chain }
}

fn waker(by: By) -> Subject {
    match by {
        By::Unknown => Subject("unknown", None),
        By::Creation => Subject("creation", None),
        By::Itself => Subject("itself", None),
        By::Task(task) => Subject("task", Some(task.get() as u64)),
        By::Timer => Subject("timer", None),
        By::Descriptor(fd) => Subject("descriptor", Some(fd.into())),
        By::Transport(place) => Subject("transport", Some(place.into())),
        By::Thread => Subject("thread", None),
        By::Work(place) => Subject("work", Some(place.into())),
        By::Signal(signal) => Subject("signal", Some(signal.into())),
        By::Callback => Subject("callback", None),
        By::Process(place) => Subject("process", Some(place.into())),
    }
}

fn awaited(what: What) -> Subject {
    match what {
        What::Unknown => Subject("unknown", None),
        What::Sleep => Subject("sleep", None),
        What::Task(task) => Subject("task", Some(task.get() as u64)),
        What::Gathered(children) => Subject("gather", Some(children.into())),
        What::Future => Subject("future", None),
        What::Descriptor(fd) => Subject("descriptor", Some(fd.into())),
        What::Transport(place) => Subject("transport", Some(place.into())),
        What::Work(place) => Subject("work", Some(place.into())),
        What::Process(place) => Subject("process", Some(place.into())),
    }
}

fn transport_form(transport: &crate::run::Transport) -> TransportForm<'_> {
    TransportForm {
        peer: &transport.peer,
        reads: transport.received.pieces,
        bytes_in: transport.received.bytes,
        sends: transport.sent.pieces,
        bytes_out: transport.sent.bytes,
        pauses: transport.pauses,
        paused_ns: transport.paused_ns,
    }
}

fn work_form<'a>(run: &'a Run, work: &crate::run::Work) -> WorkForm<'a> {
    let time = |at_ns: Option<u64>| at_ns.map(|at_ns| since(run, at_ns));
    WorkForm {
        code: code_form(run, work.code),
        task: work.by.map(TaskIndex::get),
        place: match work.place {
            WorkPlace::Thread => "thread",
            WorkPlace::Elsewhere => "elsewhere",
        },
        process: work.process,
        lane: work.lane.0,
        queued_ns: time(work.queued_ns),
        begun_ns: time(work.begun_ns),
        ended_ns: time(work.ended_ns),
    }
}

fn process_form<'a>(run: &Run, process: &'a Process) -> ProcessForm<'a> {
    ProcessForm {
        pid: process.pid,
        program: &process.program,
        started_ns: process.started_ns.map(|at_ns| since(run, at_ns)),
        ended_ns: process.ended.map(|(at_ns, _)| since(run, at_ns)),
        status: process.ended.map(|(_, status)| status),
    }
}

fn since(run: &Run, at_ns: u64) -> u64 {
    at_ns.saturating_sub(run.start_ns)
}
