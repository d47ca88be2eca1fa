//! Servers that don't do what they should: what fails is counted by name, the report
//! is printed, and the exit code is 1.

use std::fs::File;
use std::io::{self, Read as _};
use std::net::{TcpListener, UdpSocket};
use std::thread;

use crate::{LOCALHOST, answered, failed, field, program, server, text};

#[test]
fn nobody_listens() {
    let address = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("loopback has ports");
    let (report, error) = failed(&format!("echo --tcp {address}"));
    assert_eq!(report, "");
    assert_eq!(
        error,
        format!(
            "error: can't begin with tcp {address}: refused: Connection refused (os error 111)\n"
        )
    );
    let path = server::socket_path("nobody.sock");
    let (_, error) = failed(&format!("echo --unix {}", path.display()));
    assert!(error.ends_with("refused: No such file or directory (os error 2)\n"), "{error}");
    let address = UdpSocket::bind("127.0.0.1:0")
        .and_then(|socket| socket.local_addr())
        .expect("loopback has ports");
    let (_, error) = failed(&format!("echo --udp {address}"));
    assert!(error.ends_with("refused: Connection refused (os error 111)\n"), "{error}");
}

#[test]
fn a_server_that_is_wrong_from_the_start_gets_no_load() {
    let address =
        server::tcp(|_, stream| server::answer_one(stream, 64, |message| message[3] ^= 1));
    let (report, error) = failed(&format!("echo --tcp {address} --bytes 64"));
    assert_eq!(report, "");
    let begin = format!("error: can't begin with tcp {address}: wrong bytes: byte 3 of the answer");
    assert!(error.starts_with(&begin), "{error}");
}

#[test]
fn a_wrong_answer_is_counted_and_its_connection_replaced() {
    // Each connection is right ten times and then wrong, and the first answer of the
    // first goes to its opening: 9 right and 1 wrong, 10 and 1, 10.
    let address = server::tcp(|_, stream| {
        for _ in 0..10 {
            server::answer_one(stream, 64, |_| ())?;
        }
        server::answer_one(stream, 64, |message| message[3] ^= 1)
    });
    let (report, error) =
        failed(&format!("echo --tcp {address} --bytes 64 --connections 1 --requests 31"));
    assert_eq!(field(&report, "requests"), "29");
    assert_eq!(field(&report, "errors"), "\"wrong bytes\":2");
    assert_eq!(field(&report, "ending"), "\"as planned\"");
    let begin = "error: 2 of 31 requests failed: 2 wrong bytes, the first: byte 3 of the answer is";
    assert!(error.starts_with(begin), "{error}");
}

#[test]
fn a_connection_that_ends_too_early_is_counted() {
    let address = server::tcp(|number, stream| {
        if number == 0 {
            server::answer_one(stream, 64, |_| ())?;
            return server::answer_one(stream, 64, |message| message.truncate(10));
        }
        server::echo(stream)
    });
    let (report, error) =
        failed(&format!("echo --tcp {address} --bytes 64 --connections 1 --requests 9"));
    assert_eq!(field(&report, "requests"), "8");
    assert_eq!(field(&report, "errors"), "\"closed by the server\":1");
    assert!(error.contains("the connection ended before the answer did"), "{error}");
}

#[test]
fn a_connection_that_is_reset_is_counted() {
    let address = server::tcp(|number, stream| {
        if number == 0 {
            server::answer_one(stream, 64, |_| ())?;
            // What it leaves unread makes its end a reset.
            return stream.read_exact(&mut [0]);
        }
        server::echo(stream)
    });
    let (report, _) =
        failed(&format!("echo --tcp {address} --bytes 64 --connections 1 --requests 9"));
    assert_eq!(field(&report, "errors"), "\"connection reset\":1");
}

#[test]
fn a_server_that_goes_away_ends_the_run() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        for _ in 0..10 {
            server::answer_one(&mut stream, 64, |_| ())?;
        }
        io::Result::Ok(())
    });
    let (report, error) = failed(&format!("echo --tcp {address} --bytes 64 --connections 1"));
    server.join().expect("it doesn't panic").expect("ten messages come");
    assert_eq!(field(&report, "requests"), "9");
    assert_eq!(field(&report, "ending"), "\"server lost\"");
    let begin = format!("error: can't go on with tcp {address}: refused: ");
    assert!(error.starts_with(&begin), "{error}");
}

#[test]
fn a_server_that_says_nothing_is_not_waited_for_for_ever() {
    let address = server::tcp(|_, stream| {
        io::copy(stream, &mut io::sink())?;
        Ok(())
    });
    let (_, error) = failed(&format!("echo --tcp {address} --timeout 0.1"));
    assert!(error.ends_with("timed out: no answer in time\n"), "{error}");
}

#[test]
fn a_datagram_that_gets_lost_is_counted() {
    let address = server::udp(|number, datagram| (number != 5).then(|| datagram.to_vec()));
    let (report, _) =
        failed(&format!("echo --udp {address} --connections 1 --requests 10 --timeout 0.1"));
    assert_eq!(field(&report, "requests"), "9");
    assert_eq!(field(&report, "errors"), "\"timed out\":1");
}

#[test]
fn an_answer_that_nobody_asked_for_is_wrong() {
    let address = server::udp(|number, datagram| {
        let twice = if number == 1 { 2 } else { 1 };
        Some(datagram.repeat(twice))
    });
    let (report, error) =
        failed(&format!("echo --udp {address} --connections 1 --requests 10 --bytes 64"));
    assert_eq!(field(&report, "errors"), "\"wrong bytes\":1");
    assert!(error.contains("the answer goes on after 64 bytes, where it should end"), "{error}");
}

#[test]
fn an_upload_that_was_counted_wrong_is_wrong() {
    let address = server::tcp(|_, stream| {
        let length = server::length(stream)?;
        io::copy(&mut stream.take(length), &mut io::sink())?;
        stream.write_all(&(length - 1).to_be_bytes())
    });
    let (_, error) = failed(&format!("upload --tcp {address} --bytes 1000"));
    assert!(error.ends_with("the server counted 999 bytes, 1000 were sent\n"), "{error}");
}

#[test]
fn an_http_error_is_named() {
    let address = server::tcp(|_, stream| {
        server::http_request(stream)?;
        stream.write_all(b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n")
    });
    let (_, error) = failed(&format!("http --tcp {address}"));
    assert!(error.ends_with("wrong HTTP answer: status 500 Internal Server Error\n"), "{error}");
}

#[test]
fn a_server_that_is_not_believed_is_not_measured() {
    // The certificate is for 127.0.0.1.
    let address = server::tls("127.0.0.2", |_, stream| server::echo(stream));
    let (_, error) = failed(&format!("echo --tls {address} --ca {LOCALHOST} --connections 1"));
    let begin = format!("error: can't begin with tls {address}: TLS failure: invalid peer cert");
    assert!(error.starts_with(&begin), "{error}");
    answered(&format!("echo --tls {address} --insecure --connections 1 --requests 1"));
}

#[test]
fn a_server_without_tls_is_told_from_one_with() {
    let address = server::tcp(|_, stream| server::echo(stream));
    let (_, error) = failed(&format!("echo --tls {address} --insecure --connections 1"));
    assert!(error.contains(": TLS failure: "), "{error}");
}

#[test]
fn a_report_that_cannot_be_written_is_an_error_unless_its_reader_has_left() {
    let address = server::tcp(|_, stream| server::echo(stream));
    let line = format!("echo --tcp {address} --requests 1 --warm-up 0");
    let mut load = program();
    load.args(line.split_whitespace());
    let full = File::options().write(true).open("/dev/full").expect("Linux has it");
    let output = load.stdout(full).output().expect("the program starts");
    assert_eq!(
        text(&output.stderr),
        "error: can't print the report: No space left on device (os error 28)\n"
    );
    assert_eq!(output.status.code(), Some(1));

    let (reader, writer) = io::pipe().expect("there are descriptors");
    drop(reader);
    let output = load.stdout(writer).output().expect("the program starts");
    assert_eq!(text(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}
