//! What the program says to somebody who asks for what it can't do: one
//! explanation on stderr, nothing on stdout, exit code 2.

use std::io;

use crate::{output, program, refused, text};

#[test]
fn a_wrong_argument_is_explained() {
    const HOST_PORT: &str = "expected HOST:PORT, such as 127.0.0.1:8000 or [::1]:8000";
    const SECONDS: &str = "expected seconds, more than 0 and up to 86400";
    for (line, explanation) in [
        ("echo --tcp 8000", format!("'8000' for '--tcp <HOST:PORT>': {HOST_PORT}")),
        ("echo --udp ::1:80", format!("'::1:80' for '--udp <HOST:PORT>': {HOST_PORT}")),
        (
            "echo --tcp h:1 --connections 0",
            "'0' for '--connections <N>': expected a whole number from 1 to 1000000".to_owned(),
        ),
        (
            "echo --tcp h:1 --bytes 2kb",
            "'2kb' for '--bytes <N>': expected bytes from 1 to 1GiB, such as 64 or 16KiB"
                .to_owned(),
        ),
        (
            "upload --tcp h:1 --bytes 0",
            "'0' for '--bytes <N>': expected bytes from 1 to 1024GiB, such as 64MiB".to_owned(),
        ),
        (
            "echo --tcp h:1 --writes 0",
            "'0' for '--writes <N>': expected a whole number from 1 to 1000".to_owned(),
        ),
        (
            "echo --tcp h:1 --requests 0",
            "'0' for '--requests <N>': 0 is not in 1..18446744073709551615".to_owned(),
        ),
        ("echo --tcp h:1 --seconds 0", format!("'0' for '--seconds <S>': {SECONDS}")),
        ("echo --tcp h:1 --seconds nan", format!("'nan' for '--seconds <S>': {SECONDS}")),
        ("echo --tcp h:1 --timeout 1e9", format!("'1e9' for '--timeout <S>': {SECONDS}")),
        (
            "echo --tcp h:1 --warm-up soon",
            "'soon' for '--warm-up <S>': expected seconds from 0 to 86400".to_owned(),
        ),
        (
            "echo --tcp h:1 --rate 0",
            "'0' for '--rate <N>': expected requests per second, such as 20000 or 0.5".to_owned(),
        ),
        (
            "http --tcp h:1 --path hello",
            "'hello' for '--path <PATH>': expected a path such as /hello, escaped as in a URL"
                .to_owned(),
        ),
    ] {
        let help = "For more information, try '--help'.";
        assert_eq!(refused(line), format!("error: invalid value {explanation}\n\n{help}\n"));
    }
}

#[test]
fn a_load_needs_a_target_and_just_one() {
    for (line, beginning) in [
        ("", "Put a load on a server"),
        ("eco --tcp h:1", "error: unrecognized subcommand 'eco'"),
        ("echo", "error: the following required arguments were not provided:\n  <--tcp"),
        ("raw", "error: the following required arguments were not provided:\n  <--tcp"),
        ("echo --tcp h:1 --unix x", "error: the argument '--tcp <HOST:PORT>' cannot be used with"),
        ("upload --udp h:1", "error: unexpected argument '--udp' found"),
        ("echo --tls h:1", "error: the following required arguments were not provided:\n  <--ca"),
        (
            "echo --tcp h:1 --insecure",
            "error: the argument '--tcp <HOST:PORT>' cannot be used with '--insecure'",
        ),
        (
            "echo --udp h:1 --insecure",
            "error: the argument '--udp <HOST:PORT>' cannot be used with '--insecure'",
        ),
        ("echo --insecure", "error: the following required arguments were not provided:\n  <--tcp"),
        (
            "echo --tcp h:1 --requests 1 --seconds 1",
            "error: the argument '--requests <N>' cannot be used with '--seconds <S>'",
        ),
        ("raw --udp h:1 --service http", "error: the argument '--udp <HOST:PORT>' cannot be used"),
    ] {
        let error = refused(line);
        assert!(error.starts_with(beginning), "{line}: {error}");
    }
}

#[test]
fn what_is_named_must_be_there() {
    for (line, error) in [
        (
            "echo --tcp 127.0.0.1:1 --pid 4194305",
            "can't read the CPU time of process 4194305: No such file or directory (os error 2)",
        ),
        (
            "echo --tls 127.0.0.1:1 --ca nowhere.pem",
            "can't read the certificates in nowhere.pem: No such file or directory (os error 2)",
        ),
        (
            "echo --tls 127.0.0.1:1 --ca /dev/null",
            "can't use the certificates in /dev/null: it has no certificate",
        ),
        (
            "echo --udp 127.0.0.1:1 --bytes 65508",
            "can't send 65508 bytes in a datagram: it holds at most 65507",
        ),
    ] {
        assert_eq!(refused(line), format!("error: {error}\n"));
    }
    let error = refused("echo --tcp nobody.invalid:1");
    assert!(error.starts_with("error: can't find nobody.invalid:1: "), "{error}");
}

#[test]
fn more_connections_than_files_are_refused_before_any_is_opened() {
    let line = format!(
        "ulimit -n 100; exec {} echo --tcp 127.0.0.1:1 --connections 85",
        env!("CARGO_BIN_EXE_cafeloop-load")
    );
    let output = std::process::Command::new("sh").args(["-c", &line]).output();
    let output = output.expect("there is a shell");
    assert_eq!(
        text(&output.stderr),
        "error: can't open 85 connections: this process may have 100 files open; \
         raise `ulimit -n`\n"
    );
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn with_stderr_closed_the_exit_code_is_what_is_left() {
    for args in [&["eco"][..], &["echo", "--tls", "127.0.0.1:1", "--ca", "/dev/null"]] {
        let (reader, writer) = io::pipe().expect("there are descriptors");
        drop(reader);
        let output = program().args(args).stderr(writer).output().expect("the program starts");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn help_is_no_mistake() {
    for line in ["--help", "echo --help", "http -h", "raw --help", "--version"] {
        let output = output(line);
        assert_eq!(output.status.code(), Some(0), "{line}");
        assert!(!output.stdout.is_empty() && output.stderr.is_empty(), "{line}");
    }
    let help = output("--help");
    assert!(text(&help.stdout).starts_with("Put a load on a server, and say what it bears.\n"));
}
