//! The raw server, under the loads that it is the limit of.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Stdio};

use crate::{answered, field, number, output, program, server, text};

/// A raw server that runs, and ends with the test.
struct Raw {
    process: Child,
    address: String,
}

impl Raw {
    fn new(line: &str) -> Self {
        let mut raw = program();
        raw.arg("raw").args(line.split_whitespace());
        let mut process = raw.stdout(Stdio::piped()).spawn().expect("the program starts");
        let mut said = String::new();
        let stdout = process.stdout.as_mut().expect("it is piped");
        BufReader::new(stdout).read_line(&mut said).expect("it says where it listens");
        let address = said.trim_end().strip_prefix("listening on ").expect("these are the words");
        Raw { process, address: address.to_owned() }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn it_echoes_over_tcp() {
    let raw = Raw::new("--tcp 127.0.0.1:0");
    for options in [
        "--bytes 64 --connections 200",
        "--bytes 1KiB --writes 2",
        // More than the kernel takes at once, on both sides.
        "--bytes 8MiB --connections 2",
    ] {
        let json = answered(&format!("echo --tcp {} --requests 4 {options}", raw.address));
        assert_eq!(field(&json, "requests"), "4");
    }
    let json = answered(&format!("churn --tcp {} --requests 200", raw.address));
    assert_eq!(field(&json, "requests"), "200");
}

#[test]
fn it_echoes_over_ipv6_unix_sockets_and_udp() {
    let raw = Raw::new("--tcp [::1]:0");
    answered(&format!("echo --tcp {} --requests 20", raw.address));
    let path = server::socket_path("raw.sock");
    let raw = Raw::new(&format!("--unix {}", path.display()));
    answered(&format!("echo --unix {} --requests 20", raw.address));
    let raw = Raw::new("--udp 127.0.0.1:0");
    answered(&format!("echo --udp {} --requests 20", raw.address));
}

#[test]
fn it_answers_http() {
    let raw = Raw::new("--tcp 127.0.0.1:0 --service http");
    let mut http = program();
    http.args(["http", "--tcp", &raw.address, "--requests", "200", "--warm-up", "0"]);
    let output = http.args(["--body", "Hello, World!"]).output().expect("the program starts");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn it_takes_uploads_and_gives_downloads() {
    for service in ["upload", "download"] {
        let raw = Raw::new(&format!("--tcp 127.0.0.1:0 --service {service}"));
        for bytes in ["1", "8MiB"] {
            let json = answered(&format!(
                "{service} --tcp {} --requests 6 --connections 3 --bytes {bytes}",
                raw.address
            ));
            assert_eq!(field(&json, "requests"), "6");
        }
    }
}

#[test]
fn its_cpu_time_is_reported_when_it_is_named() {
    let raw = Raw::new("--tcp 127.0.0.1:0");
    let line = format!("echo --tcp {} --requests 300", raw.address);
    assert_eq!(field(&answered(&line), "server_cpu_ns"), "null");
    let json = answered(&format!("{line} --pid {}", raw.process.id()));
    assert!(number(&json, "server_cpu_ns") > 0.0, "{json}");
}

#[test]
fn one_who_leaves_does_not_disturb_the_others() {
    let raw = Raw::new("--tcp 127.0.0.1:0");
    let mut stays = TcpStream::connect(&raw.address).expect("it listens");
    let mut leaves = TcpStream::connect(&raw.address).expect("it listens");
    // What isn't read makes the end a reset.
    leaves.write_all(b"hello").expect("it is connected");
    leaves.read_exact(&mut [0]).expect("it is an echo");
    drop(leaves);
    stays.write_all(b"hello").expect("it is connected");
    let mut answer = [0; 5];
    stays.read_exact(&mut answer).expect("it is an echo");
    assert_eq!(&answer, b"hello");
}

#[test]
fn an_address_that_is_taken_is_an_error() {
    let raw = Raw::new("--tcp 127.0.0.1:0");
    let output = output(&format!("raw --tcp {}", raw.address));
    assert_eq!(
        text(&output.stderr),
        format!("error: can't serve at {}: Address already in use (os error 98)\n", raw.address)
    );
    assert_eq!(output.status.code(), Some(1));
}
