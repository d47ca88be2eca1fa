//! What each kind of load asks of a server that does what it should.

use std::io::Read as _;
use std::net::{Shutdown, TcpListener};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use crate::{LOCALHOST, answered, field, number, output, server, text};

/// All of a run's requests were answered, with so many bytes in each.
#[track_caller]
fn all_answered(json: &str, requests: u32, bytes: u32) {
    assert_eq!(field(json, "requests"), requests.to_string());
    assert_eq!(field(json, "bytes"), (u64::from(requests) * u64::from(bytes)).to_string());
    assert_eq!(field(json, "errors"), "");
    assert_eq!(field(json, "ending"), "\"as planned\"");
}

#[test]
fn an_echo_over_tcp() {
    let address = server::tcp(|_, stream| server::echo(stream));
    for (options, bytes) in [
        ("", 1024),
        ("--bytes 1 --connections 1", 1),
        ("--bytes 64 --connections 200", 64),
        ("--bytes 100KiB --connections 3", 102_400),
        ("--bytes 1001 --writes 2", 1001),
        ("--bytes 3 --writes 10", 3),
    ] {
        let json = answered(&format!("echo --tcp {address} --requests 300 {options}"));
        all_answered(&json, 300, bytes);
    }
}

#[test]
fn an_echo_over_a_unix_socket() {
    let path = server::unix("echo.sock", |_, stream| server::echo(stream));
    all_answered(&answered(&format!("echo --unix {} --requests 300", path.display())), 300, 1024);
}

#[test]
fn an_echo_over_udp() {
    let address = server::udp(|_, datagram| Some(datagram.to_vec()));
    for bytes in [1, 1024, 65_507] {
        let json = answered(&format!(
            "echo --udp {address} --requests 300 --connections 3 --bytes {bytes}"
        ));
        all_answered(&json, 300, bytes);
    }
}

#[test]
fn an_echo_over_tls() {
    let address = server::tls("127.0.0.1", |_, stream| server::echo(stream));
    for trust in ["--insecure", &format!("--ca {LOCALHOST}")] {
        for bytes in [1024, 102_400] {
            let json = answered(&format!(
                "echo --tls {address} {trust} --requests 20 --connections 3 --bytes {bytes}"
            ));
            all_answered(&json, 20, bytes);
        }
    }
}

#[test]
fn a_churn_connects_for_each_request() {
    let connected = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&connected);
    let address = server::tcp(move |_, stream| {
        counter.fetch_add(1, Ordering::Relaxed);
        server::echo(stream)
    });
    let json = answered(&format!("churn --tcp {address} --requests 100 --connections 5"));
    all_answered(&json, 100, 1024);
    // Five more to begin with.
    assert_eq!(connected.load(Ordering::Relaxed), 105);
}

#[test]
fn a_churn_over_tls_shakes_hands_each_time() {
    let address = server::tls("127.0.0.1", |_, stream| server::echo(stream));
    let json = answered(&format!("churn --tls {address} --insecure --requests 6 --connections 2"));
    all_answered(&json, 6, 1024);
}

#[test]
fn http_on_connections_that_are_kept_alive() {
    let responses: [&[u8]; 2] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
    ];
    for response in responses {
        let connected = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&connected);
        let address = server::tcp(move |_, stream| {
            counter.fetch_add(1, Ordering::Relaxed);
            loop {
                let request = server::http_request(stream)?;
                assert!(request.starts_with("GET /greeting?x=1 HTTP/1.1\r\nHost: 127.0.0.1:"));
                stream.write_all(response)?;
            }
        });
        let options = "--path /greeting?x=1 --body hello --requests 100 --connections 4";
        all_answered(&answered(&format!("http --tcp {address} {options}")), 100, 5);
        assert_eq!(connected.load(Ordering::Relaxed), 4);
    }
}

#[test]
fn an_http_server_may_close_after_a_response() {
    let address = server::tcp(|_, stream| {
        server::http_request(stream)?;
        stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
    });
    all_answered(&answered(&format!("http --tcp {address} --requests 50")), 50, 0);
}

#[test]
fn a_connection_that_was_closed_in_silence_is_opened_again() {
    // A server may give up an idle connection; that is nobody's failure.
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let server = thread::spawn(move || {
        let ((mut one, _), (mut other, _)) = (listener.accept()?, listener.accept()?);
        server::answer_one(&mut one, 64, |_| ())?;
        // The load closes its side when it has noticed, while nothing else happens.
        one.shutdown(Shutdown::Write)?;
        assert_eq!(one.read(&mut [0])?, 0);
        server::answer_one(&mut other, 64, |_| ())?;
        let (mut again, _) = listener.accept()?;
        server::answer_one(&mut again, 64, |_| ())?;
        server::answer_one(&mut other, 64, |_| ())
    });
    let json = answered(&format!("echo --tcp {address} --bytes 64 --connections 2 --requests 2"));
    all_answered(&json, 2, 64);
    server.join().expect("it doesn't panic").expect("all messages come");
}

#[test]
fn connections_are_opened_by_one_request_each_and_not_all_at_once() {
    const CONNECTIONS: usize = 300;
    // asyncio's servers have room for 100 that wait.
    const AT_ONCE: usize = 64;
    // How many connections have waited for their first answer at the same time.
    let most = Arc::new(AtomicUsize::new(0));
    // For each message, how many were answered before on its connection.
    let answered_before = Arc::new(Mutex::new(Vec::new()));
    let (highest, record) = (Arc::clone(&most), Arc::clone(&answered_before));
    let waiting = AtomicUsize::new(0);
    // Nobody is answered before as many are there as there should be.
    let all_there = Barrier::new(AT_ONCE);
    let address = server::tcp(move |number, stream| {
        highest.fetch_max(waiting.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        for answers in 0.. {
            server::answer_one(stream, 64, |_| {
                record.lock().expect("no test panics here").push(answers);
                if answers == 0 {
                    if number < AT_ONCE {
                        all_there.wait();
                    }
                    waiting.fetch_sub(1, Ordering::SeqCst);
                }
            })?;
        }
        Ok(())
    });
    let json = answered(&format!(
        "echo --tcp {address} --bytes 64 --connections {CONNECTIONS} --requests 1"
    ));
    all_answered(&json, 1, 64);
    assert_eq!(most.load(Ordering::SeqCst), AT_ONCE);
    let answered_before = answered_before.lock().expect("no test panics here");
    assert_eq!(*answered_before, [vec![0; CONNECTIONS], vec![1]].concat());
}

#[test]
fn an_upload_is_counted_by_the_server() {
    let address = server::tcp(|_, stream| {
        loop {
            let length = server::length(stream)?;
            let copied = std::io::copy(&mut stream.take(length), &mut std::io::sink())?;
            stream.write_all(&copied.to_be_bytes())?;
        }
    });
    for bytes in [1, 1 << 20] {
        let json = answered(&format!(
            "upload --tcp {address} --bytes {bytes} --requests 10 --connections 2"
        ));
        all_answered(&json, 10, bytes);
    }
}

#[test]
fn a_download_is_checked() {
    let numbers: Vec<u8> = (0..=250).cycle().take(1 << 20).collect();
    let address = server::tcp(move |_, stream| {
        loop {
            let length = usize::try_from(server::length(stream)?).expect("it fits");
            stream.write_all(&numbers[..length])?;
        }
    });
    for bytes in [1, 1 << 20] {
        let json = answered(&format!(
            "download --tcp {address} --bytes {bytes} --requests 10 --connections 2"
        ));
        all_answered(&json, 10, bytes);
    }
}

#[test]
fn a_run_by_time_takes_that_time() {
    let address = server::tcp(|_, stream| server::echo(stream));
    let output = output(&format!("echo --tcp {address} --seconds 0.05 --warm-up 0.05 --json"));
    let json = text(&output.stdout);
    assert!(number(json, "seconds") >= 0.05);
    assert!(number(json, "requests") >= 1.0);
}

#[test]
fn the_open_loop_keeps_to_its_rate() {
    let address = server::tcp(|_, stream| server::echo(stream));
    let json = answered(&format!("echo --tcp {address} --requests 51 --rate 1000"));
    all_answered(&json, 51, 1024);
    // The last of them was due then.
    assert!(number(&json, "seconds") >= 0.05);
}

#[test]
fn in_the_open_loop_waiting_for_a_connection_is_latency() {
    // One connection and a thousand requests at once: the last waits for all others,
    // which is the whole time, and not a thousandth of it.
    let address = server::tcp(|_, stream| server::echo(stream));
    let json = answered(&format!(
        "echo --tcp {address} --requests 1000 --rate 1000000000 --connections 1"
    ));
    let (seconds, max) = (number(&json, "seconds"), number(&json, "max") / 1e6);
    assert!(max > seconds / 2.0, "{json}");
}

#[test]
fn a_reader_gets_a_table() {
    let address = server::tcp(|_, stream| server::echo(stream));
    let output =
        output(&format!("echo --tcp {address} --requests 300 --connections 5 --warm-up 0"));
    let table = text(&output.stdout);
    let title = format!("echo of 1 KiB, tcp {address}, 5 connections, closed loop\n");
    assert!(table.starts_with(&title), "{table}");
    assert!(table.ends_with("errors      none\n"), "{table}");
}
