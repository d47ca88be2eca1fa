//! The command `cafeloop`, apart from the process it runs in.
//!
//! [`parse`] is the whole border: it reads a command line, answers what needs
//! no interpreter (help, versions, complaints) on the streams it is given, and
//! hands back what does need one as a [`Command`].  A Python program has to run
//! in plain Python frames, for the sake of its tracebacks, so that this crate
//! only says which one; the Python package runs it.
//!
//! Recordings are drawn by [`draw`] and compared by [`compare`], which need no
//! interpreter.
//!
//! This crate never prints by itself, never exits, and asks nothing of the environment
//! or the terminal.  It reads the recordings and writes the pictures that it is told to.

#![forbid(unsafe_code)]

mod answer;
mod cafe;
mod command_line;
mod diff;
mod draw;
mod explore;
mod flow;
mod picture;
mod run;
mod schedule;

use std::ffi::OsString;
use std::io::Write;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use command_line::{CommandLine, Subcommand};
pub use draw::{Screen, compare, draw, how_they_part};
pub use picture::Pictures;
pub use schedule::{Clock, Schedule};

/// What is left for the caller to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run this Python program; its exit code is the command's.
    Run(Program),
    /// Run this Python program, recorded, and draw what it did when it has ended.
    Flow(Flow),
    /// Run this Python program in many orders, until it fails in one.
    Explore(Exploration),
    /// [`draw`] this.
    Draw(Drawing),
    /// [`compare`] these.
    Diff(Comparison),
    /// Open the café, which is asked in these words.
    Cafe(Vec<OsString>),
    /// Nothing, all is said; exit with this code.
    Done(u8),
}

/// A Python program, as it was named on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Where its code is.
    pub target: Target,
    /// The program's own arguments, untouched: `sys.argv` without its first.
    pub args: Vec<OsString>,
    /// Whether to say at its end which event loops it made.
    pub is_verbose: bool,
    /// How to record it, if it is to be.
    pub recorded: Option<Recorded>,
    /// What its event loops go by.
    pub schedule: Schedule,
}

impl Program {
    /// The program of a list of words, of which there is one at least.
    fn new(
        is_module: bool,
        words: Vec<OsString>,
        is_verbose: bool,
        recorded: Option<Recorded>,
        schedule: Schedule,
    ) -> Self {
        let mut words = words.into_iter();
        let name = words.next().expect("clap requires one word at least");
        let target = if is_module { Target::Module(name) } else { Target::Script(name) };
        Program { target, args: words.collect(), is_verbose, recorded, schedule }
    }
}

/// How a program is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Into which file; `None` leaves that to the caller.
    pub file: Option<PathBuf>,
    /// Whether names of tasks show the values of arguments.
    pub shows_arguments: bool,
}

/// A program to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The program.
    pub program: Program,
    /// What to draw.
    pub pictures: Pictures,
}

/// A program to be run in many orders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exploration {
    /// The program.
    pub program: Program,
    /// The seeds that choose the orders.
    pub seeds: RangeInclusive<u64>,
    /// How long a run may take, in real time.
    pub timeout: Duration,
}

/// Recordings to be drawn as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawing {
    /// The recording, and some that may be of processes which it started.
    pub recordings: Vec<PathBuf>,
    /// What to draw.
    pub pictures: Pictures,
}

/// Two recordings to be compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comparison {
    /// The one from before.
    pub before: PathBuf,
    /// The one from after.
    pub after: PathBuf,
}

/// Where a program's code is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A path to what `python PATH` runs: a file, or a directory or zip archive
    /// with a `__main__.py` in it.
    Script(OsString),
    /// A name for what `python -m NAME` runs.
    Module(OsString),
}

/// What `cafeloop --version` tells; only the caller knows the interpreter.
#[derive(Clone, Copy, Debug)]
pub struct Versions<'a> {
    /// Of the package cafeloop.
    pub package: &'a str,
    /// Of the compiler that built it.
    pub rust: &'a str,
    /// Of the interpreter that runs it.
    pub python: &'a str,
}

/// Reads a command line, without the program's name in front.
///
/// Help and versions are written to `out`, complaints to `err`: at most one
/// stream is written to, and only if the result is [`Command::Done`].  A reader
/// that has closed its end is no failure.
///
/// ```
/// use cafeloop_cli::{Command, Target, Versions, parse};
///
/// let versions = Versions { package: "0.1.0", rust: "1.95.0", python: "3.13.0" };
/// let mut out = Vec::new();
/// let mut err = Vec::new();
/// let line = ["run", "server.py", "--port", "8000"].map(Into::into);
///
/// let Command::Run(program) = parse(line, versions, &mut out, &mut err) else {
///     panic!("the line asks to run a program");
/// };
/// assert_eq!(program.target, Target::Script("server.py".into()));
/// assert_eq!(program.args, ["--port", "8000"]);
/// ```
pub fn parse(
    args: impl IntoIterator<Item = OsString>,
    versions: Versions<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Command {
    let parsed = CommandLine::try_parse_from(args).and_then(|line| match line.subcommand {
        Subcommand::Run(arguments) => Ok(Command::Run(arguments.into_program())),
        Subcommand::Flow(arguments) => arguments.into_command(),
        Subcommand::Explore(arguments) => arguments.into_exploration().map(Command::Explore),
        Subcommand::Diff(arguments) => Ok(Command::Diff(arguments.into_comparison())),
        Subcommand::Cafe(arguments) => Ok(Command::Cafe(arguments.into_words())),
    });
    match parsed {
        Ok(command) => command,
        Err(error) => Command::Done(answer::write(error, versions, out, err)),
    }
}
