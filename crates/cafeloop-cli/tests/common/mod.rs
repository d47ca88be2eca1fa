//! Command lines, and what they are answered with.
#![allow(dead_code, reason = "each file of tests uses a part of it")]

use std::ffi::OsString;

use cafeloop_cli::{Command, Program, Schedule, Target, Versions, parse};

pub(crate) const VERSIONS: Versions<'static> =
    Versions { package: "0.1.0", rust: "1.95.0", python: "3.13.0" };

pub(crate) fn words(line: &str) -> impl Iterator<Item = OsString> {
    line.split_whitespace().map(OsString::from)
}

/// The program that a line asks to run, without a word about it.
pub(crate) fn program(line: impl IntoIterator<Item = OsString>) -> Program {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let command = parse(line, VERSIONS, &mut out, &mut err);
    assert_eq!((out, err), (Vec::new(), Vec::new()));
    match command {
        Command::Run(program) => program,
        other => panic!("it asks for {other:?}"),
    }
}

pub(crate) fn of(target: Target, args: &[&str]) -> Program {
    Program {
        target,
        args: args.iter().map(Into::into).collect(),
        is_verbose: false,
        recorded: None,
        schedule: Schedule::default(),
    }
}

pub(crate) fn script(name: &str, args: &[&str]) -> Program {
    of(Target::Script(name.into()), args)
}

pub(crate) fn module(name: &str, args: &[&str]) -> Program {
    of(Target::Module(name.into()), args)
}

/// What a line is answered with on stdout, in good order.
pub(crate) fn told(line: &str) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let command = parse(words(line), VERSIONS, &mut out, &mut err);
    assert_eq!((command, err), (Command::Done(0), Vec::new()));
    String::from_utf8(out).expect("answers are text")
}

/// What a line is answered with on stderr, as a mistake.
pub(crate) fn complaint(line: &str) -> String {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let command = parse(words(line), VERSIONS, &mut out, &mut err);
    assert_eq!((command, out), (Command::Done(2), Vec::new()));
    String::from_utf8(err).expect("complaints are text")
}
