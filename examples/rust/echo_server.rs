//! A server that sends back what it is sent, line or no line.
//!
//! ```text
//! cargo run -p cafeloop --example echo_server -- 7777
//! ```
//!
//! Talk to it with `nc 127.0.0.1 7777`.  Each connection is a task: all of them
//! run on one thread, and none waits for another.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program talks to its user")]

use std::process::ExitCode;

use cafeloop::net::{TcpListener, TcpStream};
use cafeloop::{Error, create_task};

const USAGE: &str = "\
Sends back what it is sent, on 127.0.0.1.

Usage: echo_server [PORT]

Arguments:
  [PORT]  where to listen; 0, the default, is a port that the system chooses
";

/// 16 KiB: what a read may bring at once.  More buys nothing on a loopback.
const BUFFER_BYTES: usize = 16 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "-h" || argument == "--help") {
        print!("{USAGE}");
        return ExitCode::SUCCESS;
    }
    let Some(port) = port(&arguments) else {
        eprintln!(
            "error: expected a port from 0 to 65535, found {}\n\n{USAGE}",
            arguments.join(" ")
        );
        return ExitCode::from(2);
    };
    match cafeloop::run(listen(port)).and_then(|served| served) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn port(arguments: &[String]) -> Option<u16> {
    match arguments {
        [] => Some(0),
        [port] => port.parse().ok(),
        _ => None,
    }
}

async fn listen(port: u16) -> Result<(), Error> {
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr());
    serve(listener).await
}

/// Serves all who connect, until the listener fails.
pub(crate) async fn serve(listener: TcpListener) -> Result<(), Error> {
    loop {
        let (stream, peer) = listener.accept().await?;
        // Dropping the handle lets the task go on by itself.
        drop(create_task(async move {
            // Whoever breaks a connection off loses only his own.
            if let Err(error) = echo(stream).await {
                eprintln!("{peer}: {error}");
            }
        }));
    }
}

/// Sends back what comes, until the other side has ended its writing.
async fn echo(stream: TcpStream) -> Result<(), Error> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            bytes => stream.write_all(&buffer[..bytes]).await?,
        }
    }
}
