//! How the transcript reaches its reader, and what happens if it can't.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader};
use std::process::Stdio;

use crate::{cafe, text};

#[test]
fn a_reader_who_has_left_ends_the_cafe_quietly() {
    for args in [
        // An hour's brew: the café must not go on for nobody.
        &["sync", "--brew", "3600"][..],
        &["async", "--brew", "3600"],
        // Buffered, so that it is noticed somewhere in the middle.
        &["sync", "--clock", "virtual", "--customers", "10000"],
        &["async", "--clock", "virtual", "--customers", "10000"],
        // Only the last line is written at all.
        &["async", "--clock", "virtual", "--quiet"],
        &["--help"],
    ] {
        let (reader, writer) = io::pipe().expect("there are descriptors");
        drop(reader);
        let output = cafe(args).stdout(writer).output().expect("the program starts");
        assert_eq!(text(&output.stderr), "", "{args:?}");
        assert_eq!(output.status.code(), Some(0), "{args:?}");
    }
}

#[test]
fn a_full_disk_is_an_error() {
    for args in [
        &["sync"][..],
        &["async"],
        &["sync", "--clock", "virtual", "--customers", "10000"],
        &["async", "--clock", "virtual", "--customers", "10000"],
        &["async", "--clock", "virtual", "--quiet"],
        &["--help"],
    ] {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let output = cafe(args).stdout(full).output().expect("the program starts");
        assert_eq!(
            text(&output.stderr),
            "error: can't print the transcript: No space left on device (os error 28)\n",
            "{args:?}"
        );
        assert_eq!(output.status.code(), Some(1), "{args:?}");
    }
}

#[test]
fn under_the_real_clock_each_step_is_seen_when_it_happens() {
    for (args, seen) in [
        (["sync", "--brew", "3600"], "Making your Vanilla Latte..."),
        (["async", "--brew", "3600"], "Making your Caramel Mocha..."),
    ] {
        let mut cafe = cafe(&args).stdout(Stdio::piped()).spawn().expect("the program starts");
        let stdout = cafe.stdout.take().expect("it is piped");
        // The line comes while the coffee brews, which it does for an hour.
        let line = BufReader::new(stdout).lines().map_while(Result::ok).find(|line| line == seen);
        cafe.kill().expect("it still brews");
        cafe.wait().expect("it was killed");
        assert_eq!(line.as_deref(), Some(seen));
    }
}
