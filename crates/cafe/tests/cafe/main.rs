//! The `cafe` program from outside: arguments in, streams and exit code out.
//!
//! Where time matters the clock is virtual, so nothing here takes long and
//! nothing depends on how long it takes.

mod mistakes;
mod streams;
mod transcripts;

use std::process::{Command, Output};

/// The program, run where the tests may write files.
fn cafe(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cafe"));
    command.args(args).current_dir(env!("CARGO_TARGET_TMPDIR"));
    command
}

fn output(args: &[&str]) -> Output {
    cafe(args).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("the café speaks UTF-8")
}

/// What a café that serves everybody prints.
#[track_caller]
fn served(args: &[&str]) -> String {
    let output = output(args);
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout).to_owned()
}

/// What a café says to somebody that it can't serve.
#[track_caller]
fn refused(args: &[&str]) -> String {
    let output = output(args);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(output.status.code(), Some(2));
    text(&output.stderr).to_owned()
}
