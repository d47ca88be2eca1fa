//! The program from outside, against servers of the test's own on loopback and
//! against its own raw server.
//!
//! Runs are bounded by their number of requests, so nothing here depends on how
//! long anything takes.

mod failures;
mod interrupt;
mod loads;
mod mistakes;
mod raw;
mod server;

use std::process::{Command, Output};

/// The certificate that the test's TLS server has, and its key.
const LOCALHOST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/localhost.pem");

fn program() -> Command {
    Command::new(env!("CARGO_BIN_EXE_cafeloop-load"))
}

/// Runs the program with the words of `line`.
fn output(line: &str) -> Output {
    program().args(line.split_whitespace()).output().expect("the program starts")
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).expect("the program writes UTF-8")
}

/// What a load says, as JSON, of a server that answers everything.
#[track_caller]
fn answered(line: &str) -> String {
    let output = output(&format!("{line} --warm-up 0 --json"));
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
    text(&output.stdout).to_owned()
}

/// What a load says of a server that doesn't: the report and the error.
#[track_caller]
fn failed(line: &str) -> (String, String) {
    let output = output(&format!("{line} --warm-up 0 --json"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    (text(&output.stdout).to_owned(), text(&output.stderr).to_owned())
}

/// What the program says to somebody who asks for what it can't do.
#[track_caller]
fn refused(line: &str) -> String {
    let output = output(line);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(output.status.code(), Some(2));
    text(&output.stderr).to_owned()
}

/// A value of a report in JSON, as its text.
#[track_caller]
fn field<'json>(json: &'json str, name: &str) -> &'json str {
    let (_, rest) = json.split_once(&format!("\"{name}\":")).expect("the report has it");
    let end = rest.find(if rest.starts_with('{') { '}' } else { ',' });
    rest[..end.unwrap_or(rest.len())].trim_matches(['{', '}', '\n'])
}

#[track_caller]
fn number(json: &str, name: &str) -> f64 {
    field(json, name).parse().expect("it is a number")
}
