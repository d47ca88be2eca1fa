//! The command `cafeloop`, apart from the process it runs in.
//!
//! [`parse`] is the whole border: it reads a command line, answers what needs
//! no interpreter (help, versions, complaints) on the streams it is given, and
//! hands back what does need one as a [`Command`].  A Python program has to run
//! in plain Python frames, for the sake of its tracebacks, so that this crate
//! only says which one; the Python package runs it.
//!
//! This crate never prints by itself, never exits, and asks nothing of the
//! environment, the terminal or the file system.

#![forbid(unsafe_code)]

mod answer;
mod command_line;
mod run;

use std::ffi::OsString;
use std::io::Write;

use clap::Parser;

use command_line::{CommandLine, Subcommand};

/// What is left for the caller to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run this Python program; its exit code is the command's.
    Run(Program),
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
    match CommandLine::try_parse_from(args) {
        Ok(CommandLine { subcommand: Subcommand::Run(arguments) }) => {
            Command::Run(arguments.into_program())
        }
        Err(error) => Command::Done(answer::write(error, versions, out, err)),
    }
}
