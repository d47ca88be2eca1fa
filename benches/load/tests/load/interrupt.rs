//! Ctrl-C: the run ends, and says what it has found up to there.

use std::process::{Child, Output, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver};

use rustix::process::{Pid, Signal, kill_process};

use crate::server::Stream;
use crate::{field, program, server, text};

fn started(line: &str) -> Child {
    let mut program = program();
    program.args(line.split_whitespace()).stdout(Stdio::piped()).stderr(Stdio::piped());
    program.spawn().expect("the program starts")
}

/// Interrupts the program as soon as `server` says so.
fn interrupted(load: Child, server: &Receiver<()>) -> Output {
    server.recv().expect("the load comes");
    kill_process(Pid::from_child(&load), Signal::INT).expect("it runs for an hour");
    load.wait_with_output().expect("it is our child")
}

#[test]
fn ctrl_c_ends_the_run_and_reports_it() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let address = server::tcp(move |_, stream: &mut dyn Stream| {
        for _ in 0..11 {
            server::answer_one(stream, 64, |_| ())?;
        }
        // The twelfth is under way, and stays so.
        let mut message = [0; 64];
        stream.read_exact(&mut message)?;
        let _ = sender.lock().map(|sender| sender.send(()));
        stream.read_exact(&mut message)
    });
    let load = started(&format!(
        "echo --tcp {address} --bytes 64 --connections 1 --seconds 3600 --timeout 3600 \
         --warm-up 0 --json"
    ));
    let output = interrupted(load, &receiver);
    let report = text(&output.stdout);
    assert_eq!(field(report, "requests"), "10");
    assert_eq!(field(report, "ending"), "\"interrupted\"");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(130));
}

#[test]
fn ctrl_c_before_there_is_anything_to_report_says_so() {
    let (sender, receiver) = mpsc::channel();
    let sender = Mutex::new(sender);
    let address = server::tcp(move |_, stream: &mut dyn Stream| {
        let mut message = [0; 64];
        stream.read_exact(&mut message)?;
        let _ = sender.lock().map(|sender| sender.send(()));
        stream.read_exact(&mut message)?;
        stream.write_all(&message)
    });
    let load =
        started(&format!("echo --tcp {address} --bytes 64 --connections 1 --timeout 3600 --json"));
    let output = interrupted(load, &receiver);
    assert_eq!(text(&output.stdout), "");
    assert_eq!(text(&output.stderr), "error: interrupted before anything was measured\n");
    assert_eq!(output.status.code(), Some(130));
}
