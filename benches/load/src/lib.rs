//! The load that servers are measured under.
//!
//! One thread keeps many connections busy, checks that what comes back is what was
//! sent, and reports throughput, latency and the CPU time of the server.  `args.rs`
//! says what it can do, `load.rs` is its loop, `exchange/` has what is said on a
//! connection, and `raw/` is the server without any language on top: the limit.
//!
//! It shares no code with the loops that it judges.

mod address;
mod args;
mod connection;
mod course;
mod error;
mod exchange;
mod failure;
mod interrupt;
mod load;
mod poller;
mod raw;
mod report;
mod server_cpu;
mod socket;
mod tally;
mod tape;
mod target;
mod tls;
mod transport;
mod values;
mod work;

use std::ffi::OsString;
use std::io::Write;
use std::num::NonZeroU64;

use clap::Parser as _;
use rustix::process::{Resource, getrlimit, setrlimit};
use rustix::thread::set_current_timer_slack;

use crate::args::{Args, LoadOrder, Order};
use crate::error::{Error, Result};
use crate::interrupt::Interrupt;
use crate::load::Ending;
use crate::report::Report;

/// What the process ends with if every request had its right answer.
pub const ANSWERED: u8 = 0;
/// What the process ends with if a request failed, or the server went away.
pub const FAILED: u8 = 1;
/// What the process ends with if it was asked for what it can't do.
pub const MISUSED: u8 = 2;
/// What the process ends with if Ctrl-C ended the run: 128 and SIGINT's number, as
/// shells have it.  What was measured up to then is reported.
pub const INTERRUPTED: u8 = 130;

/// Descriptors that are open besides the connections: streams, epoll, Ctrl-C's two,
/// and what is read from /proc; with room to spare.
const OTHER_DESCRIPTORS: u64 = 16;

/// Runs the program with the given arguments (the first is its name) and streams;
/// returns the code to end with.
pub fn run(
    args: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let done = match Args::try_parse_from(args) {
        Ok(args) => obey(args, out),
        Err(mistake) if mistake.use_stderr() => {
            // If stderr is closed as well, the code is all that is left to say.
            let _ = write!(err, "{mistake}");
            return MISUSED;
        }
        Err(help) => write!(out, "{help}").map(|()| ANSWERED).map_err(Error::report),
    };
    match done {
        Ok(code) => code,
        // Whoever read the report has seen enough.
        Err(error) if error.is_closed_pipe() => ANSWERED,
        Err(error) => {
            let _ = writeln!(err, "error: {error}");
            match error {
                error if error.is_misuse() => MISUSED,
                error if error.is_interrupt() => INTERRUPTED,
                _ => FAILED,
            }
        }
    }
}

fn obey(args: Args, out: &mut dyn Write) -> Result<u8> {
    let order = match args.order()? {
        Order::Serve(service, address) => {
            raw::serve(service, &address, out)?;
            return Ok(ANSWERED);
        }
        Order::Load(order) => order,
    };
    let LoadOrder { plan, work, json } = order;
    make_room_for(plan.connections)?;
    // Requests of the open loop are sent at their time.  A kernel that refuses
    // costs punctuality, which the latencies show.
    let _ = set_current_timer_slack(Some(NonZeroU64::MIN));
    let interrupt = Interrupt::new().map_err(Error::poller)?;
    let findings = load::run(&plan, &interrupt, work.exchanges())?;

    let report = Report { work: &work.to_string(), plan: &plan, findings: &findings };
    if json { writeln!(out, "{}", report.json()) } else { write!(out, "{report}") }
        .and_then(|()| out.flush())
        .map_err(Error::report)?;
    let failures = report.failures();
    match (findings.ending, failures) {
        (Ending::Lost(failure), _) => Err(Error::not_going_on(&plan.target, failure)),
        (Ending::Interrupted, _) => Ok(INTERRUPTED),
        (Ending::AsPlanned, Some(failures)) => Err(Error::failures(failures)),
        (Ending::AsPlanned, None) => Ok(ANSWERED),
    }
}

/// Raises the limit of open files, as far as it goes.
fn make_room_for(connections: usize) -> Result<()> {
    let needed = connections as u64 + OTHER_DESCRIPTORS;
    let mut limit = getrlimit(Resource::Nofile);
    // `None` is no limit.
    if limit.current.is_some_and(|current| current < needed) {
        limit.current = limit.maximum.map_or(Some(needed), |most| Some(most.min(needed)));
        // If it was refused, the limit is what it was.
        let _ = setrlimit(Resource::Nofile, limit);
    }
    match getrlimit(Resource::Nofile).current {
        Some(limit) if limit < needed => Err(Error::few_descriptors(connections, limit)),
        _ => Ok(()),
    }
}
