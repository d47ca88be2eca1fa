//! How long it takes to put ten million events together, and how much memory.
//!
//! `cargo bench --package cafeloop-flow` prints one line for each step.  The events go
//! through a file, so that memory holds only what the analysis needs.

use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Write};
use std::time::Instant;

use cafeloop_flow::findings::find;
use cafeloop_flow::render::{Terminal, terminal};
use cafeloop_flow::{
    Awaited, Event, Frame, Lane, Metadata, Recorder, Run, StepEnd, TaskEnd, TaskId, Waker,
};

const EVENTS: u64 = 10_000_000;
/// Tasks at any time.
const TASKS: u64 = 2_000;
/// A task is done after so many steps, and another one is created.
const STEPS: u64 = 50;
/// Of the waits, one in so many is longer than the threshold.
const EXPLAINED: u64 = 10;
const STEP_NS: u64 = 2_000;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::temp_dir().join(format!("cafeloop-analysis-{}.flow", std::process::id()));
    let mut out = io::stdout();
    let began = Instant::now();
    let events = record(File::create(&path)?)?;
    writeln!(out, "recorded {events} events in {:.2} s", began.elapsed().as_secs_f64())?;

    let before = peak_mib()?;
    let began = Instant::now();
    let run = Run::read(File::open(&path)?)?;
    let tasks = run.tasks.len();
    writeln!(out, "put together {tasks} tasks in {:.2} s", began.elapsed().as_secs_f64())?;

    let began = Instant::now();
    let findings = find(&run).len();
    writeln!(out, "looked for findings in {:.2} s: {findings}", began.elapsed().as_secs_f64())?;
    let began = Instant::now();
    let lines = terminal(&run, Terminal::default()).lines().count();
    writeln!(out, "drew {lines} lines in {:.2} s", began.elapsed().as_secs_f64())?;
    writeln!(out, "memory: {} MiB before, {} MiB at most", before, peak_mib()?)?;
    fs::remove_file(path)?;
    Ok(())
}

/// A server's day: tasks take turns, wait for a timer, and are replaced.
fn record(file: impl Write + Send + 'static) -> Result<u64, Box<dyn Error>> {
    let mut recorder = Recorder::stream(Metadata::default(), Box::new(file))?;
    let code = recorder.code("handle", "/home/me/server.py", 10);
    let inner = recorder.code("query", "/home/me/server.py", 40);
    let (lane, mut at_ns, mut events, mut number) = (Lane(0), 0, 0, 0);
    let mut tasks: Vec<(TaskId, u64)> = Vec::new();
    let mut record = |at_ns: u64, event: Event, frames: &[Frame]| {
        events += 1;
        recorder.record_with(at_ns, lane, event, "", frames);
        events
    };
    let mut so_far = 0;
    while so_far < EVENTS {
        record(at_ns, Event::TurnBegins { ready: tasks.len() }, &[]);
        record(at_ns, Event::PollBegins { wait_ns: Some(1_000) }, &[]);
        at_ns += 1_000;
        record(at_ns, Event::PollEnds { events: 1 }, &[]);
        tasks.retain(|&(_, steps)| steps < STEPS);
        while (tasks.len() as u64) < TASKS {
            number += 1;
            let task = TaskId::new(number).ok_or("tasks count from 1")?;
            record(at_ns, Event::TaskCreated { task, parent: None, code }, &[]);
            tasks.push((task, number % STEPS));
        }
        for (task, steps) in &mut tasks {
            let task = *task;
            record(at_ns, Event::Woken { task, by: Waker::Timer }, &[]);
            if (task.get() + *steps) % EXPLAINED == 0 {
                let frames = [Frame { code, line: 12 }, Frame { code: inner, line: 44 }];
                record(at_ns, Event::Waited { task }, &frames);
            }
            record(at_ns, Event::StepBegins { task }, &[]);
            at_ns += STEP_NS;
            *steps += 1;
            let end = if *steps < STEPS {
                StepEnd::Suspended(Awaited::Sleep { until_ns: at_ns })
            } else {
                record(at_ns, Event::TaskDone { task, end: TaskEnd::Returned }, &[]);
                StepEnd::Returned
            };
            so_far = record(at_ns, Event::StepEnds { task, end }, &[]);
        }
    }
    recorder.finish(at_ns)?;
    Ok(so_far)
}

/// The most memory that this process has had.
fn peak_mib() -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("no VmHWM")?;
    let kib: u64 = line.split_whitespace().nth(1).ok_or("no number")?.parse()?;
    Ok(kib >> 10)
}
