//! A run as a trace of Chrome's format, which Perfetto and `chrome://tracing` open.
//!
//! A process of the trace is one of the run; its threads are the run's threads and
//! tasks; arrows go from who woke a task to the task.
//!
//! See "Trace Event Format" of the Chromium project.

use std::io::{self, Write};

use serde::Serialize;

use crate::render::rows::{Piece, Row, Shade, What};
use crate::run::{By, Doing, Run, State, Task, Thread};

/// Threads have their lanes' numbers, tasks those from here on, in order of creation.
const FIRST_TASK: u64 = 100_000;

/// Writes a run as a trace, an event a line.
///
/// # Errors
/// What the output says.
pub fn perfetto(run: &Run, out: impl Write) -> io::Result<()> {
    let mut trace = Trace { out, origin_ns: run.start_ns, first: true, arrows: 0 };
    trace.out.write_all(b"{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n")?;
    trace.run(run)?;
    trace.out.write_all(b"\n]}\n")
}

struct Trace<W> {
    out: W,
    origin_ns: u64,
    first: bool,
    arrows: u64,
}

#[derive(Serialize)]
struct TraceEvent<'a, A: Serialize> {
    name: &'a str,
    cat: &'a str,
    ph: &'a str,
    /// Microseconds.
    ts: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    dur: Option<f64>,
    pid: u32,
    tid: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<u64>,
    /// Where an arrow ends: at the slice that encloses it.
    #[serde(skip_serializing_if = "Option::is_none")]
    bp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<A>,
}

#[derive(Serialize)]
struct Named<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_index: Option<u64>,
}

#[derive(Serialize)]
struct Where {
    #[serde(rename = "where", skip_serializing_if = "Vec::is_empty")]
    places: Vec<String>,
}

impl<W: Write> Trace<W> {
    fn write(&mut self, event: &TraceEvent<'_, impl Serialize>) -> io::Result<()> {
        if !self.first {
            self.out.write_all(b",\n")?;
        }
        self.first = false;
        Ok(serde_json::to_writer(&mut self.out, event)?)
    }

    fn run(&mut self, run: &Run) -> io::Result<()> {
        let command = run.metadata.command.join(" ");
        self.name(run, 0, "process_name", &command)?;
        for thread in &run.threads {
            self.thread(run, thread)?;
        }
        for (place, task) in (FIRST_TASK..).zip(&run.tasks) {
            self.task(run, place, task)?;
        }
        run.children.iter().try_for_each(|child| self.run(child))
    }

    fn name(&mut self, run: &Run, tid: u64, what: &str, name: &str) -> io::Result<()> {
        let pid = run.metadata.pid;
        let event = |name, args| TraceEvent {
            name,
            cat: "",
            ph: "M",
            ts: 0.0,
            dur: None,
            pid,
            tid,
            id: None,
            bp: None,
            args: Some(args),
        };
        self.write(&event(what, Named { name: Some(name), sort_index: None }))?;
        if what == "thread_name" {
            let args = Named { name: None, sort_index: Some(tid) };
            self.write(&event("thread_sort_index", args))?;
        }
        Ok(())
    }

    fn thread(&mut self, run: &Run, thread: &Thread) -> io::Result<()> {
        let label = run.thread_label(thread);
        let tid = thread.lane.0.into();
        self.name(run, tid, "thread_name", &label)?;
        for stretch in run.stretches(thread) {
            let (name, chain) = match stretch.doing {
                Doing::Working => ("working", crate::run::ChainId::NONE),
                Doing::Calling(chain) | Doing::Waiting(chain) => ("waiting", chain),
                Doing::Joining(chain) => (Shade::Inner.noun(), chain),
                Doing::Job(_) => ("job", crate::run::ChainId::NONE),
                Doing::Idle => ("idle", crate::run::ChainId::NONE),
                Doing::Turning => ("turning", crate::run::ChainId::NONE),
                Doing::Unknown | Doing::Resting => continue,
            };
            let shade = if name == "waiting" { Shade::Waiting } else { Shade::Running };
            let piece =
                Piece { from_ns: stretch.from_ns, to_ns: stretch.to_ns, shade, chain, noun: "" };
            self.slice(run, tid, name, piece)?;
        }
        Ok(())
    }

    fn task(&mut self, run: &Run, tid: u64, task: &Task) -> io::Result<()> {
        let label = run.label(task);
        self.name(run, tid, "thread_name", &label)?;
        let row = Row { run, label, what: What::Task(task) };
        let mut result = Ok(());
        row.for_each_piece(|piece| {
            if result.is_ok() {
                result = self.slice(run, tid, piece.shade.noun(), piece);
            }
        });
        result?;
        for interval in run.intervals(task) {
            if let State::Ready { by: By::Task(waker) } = interval.state {
                let from = FIRST_TASK + waker.get() as u64;
                self.arrow(run, from, tid, interval.from_ns)?;
            }
        }
        Ok(())
    }

    fn slice(&mut self, run: &Run, tid: u64, category: &str, piece: Piece) -> io::Result<()> {
        let frames = run.frames(piece.chain);
        let places: Vec<String> = frames.iter().map(|&frame| run.place(frame)).collect();
        let function = run.names().function(run.site(piece.chain).code);
        let name = if function.is_empty() { category } else { function };
        let event = TraceEvent {
            name,
            cat: category,
            ph: "X",
            ts: self.micros(piece.from_ns),
            dur: Some(micros(piece.to_ns.saturating_sub(piece.from_ns))),
            pid: run.metadata.pid,
            tid,
            id: None,
            bp: None,
            args: (!places.is_empty()).then_some(Where { places }),
        };
        self.write(&event)
    }

    fn arrow(&mut self, run: &Run, from: u64, to: u64, at_ns: u64) -> io::Result<()> {
        self.arrows += 1;
        for (tid, ph) in [(from, "s"), (to, "f")] {
            let event: TraceEvent<'_, Where> = TraceEvent {
                name: "wakes",
                cat: "wake",
                ph,
                ts: self.micros(at_ns),
                dur: None,
                pid: run.metadata.pid,
                tid,
                id: Some(self.arrows),
                bp: Some("e"),
                args: None,
            };
            self.write(&event)?;
        }
        Ok(())
    }

    fn micros(&self, at_ns: u64) -> f64 {
        micros(at_ns.saturating_sub(self.origin_ns))
    }
}

#[allow(clippy::cast_precision_loss, reason = "the format wants it, and 52 bits are 52 days")]
fn micros(ns: u64) -> f64 {
    ns as f64 / 1000.0
}
