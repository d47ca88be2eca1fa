//! Servers for the tests: a thread for each connection, and nothing clever.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::LOCALHOST;

/// Anything that a connection is.
pub(crate) trait Stream: Read + Write {}

impl<S: Read + Write> Stream for S {}

/// Serves TCP on a free port of loopback, each connection by a call of `serve` with
/// its number; says where.
pub(crate) fn tcp(
    serve: impl Fn(usize, &mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let serve = Arc::clone(&serve);
            stream.set_nodelay(true).expect("it is TCP");
            thread::spawn(move || ended(serve(number, &mut &stream)));
        }
    });
    address
}

/// The same over TLS, on this host.
pub(crate) fn tls(
    host: &str,
    serve: impl Fn(usize, &mut dyn Stream) -> io::Result<()> + Send + Sync + 'static,
) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(LOCALHOST).expect("it is in the tree");
    let key = PrivateKeyDer::from_pem_file(LOCALHOST).expect("it is in the tree");
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(vec![certificate], key));
    let config = Arc::new(config.expect("the certificate and its key fit"));
    let listener = TcpListener::bind((host, 0)).expect("loopback has ports");
    let address = listener.local_addr().expect("it is bound");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let (serve, config) = (Arc::clone(&serve), Arc::clone(&config));
            thread::spawn(move || {
                let records = ServerConnection::new(config).expect("the configuration is right");
                ended(serve(number, &mut StreamOwned::new(records, stream)));
            });
        }
    });
    address
}

/// Serves a Unix socket of this name, in the folder for tests.
pub(crate) fn unix(
    name: &str,
    serve: impl Fn(usize, &mut UnixStream) -> io::Result<()> + Send + Sync + 'static,
) -> PathBuf {
    let path = socket_path(name);
    let listener = UnixListener::bind(&path).expect("the folder is for that");
    let serve = Arc::new(serve);
    thread::spawn(move || {
        for (number, mut stream) in listener.incoming().map_while(Result::ok).enumerate() {
            let serve = Arc::clone(&serve);
            thread::spawn(move || ended(serve(number, &mut stream)));
        }
    });
    path
}

/// A path at which there is nothing.
pub(crate) fn socket_path(name: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_file(&path);
    path
}

/// Answers datagrams with what `answer` makes of them, given the number of each.
pub(crate) fn udp(answer: impl Fn(usize, &[u8]) -> Option<Vec<u8>> + Send + 'static) -> SocketAddr {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback has ports");
    let address = socket.local_addr().expect("it is bound");
    thread::spawn(move || {
        let mut buffer = vec![0; 65_536];
        for number in 0.. {
            let (received, peer) = match socket.recv_from(&mut buffer) {
                Ok(datagram) => datagram,
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => continue,
                Err(_) => return,
            };
            if let Some(answer) = answer(number, &buffer[..received]) {
                let _ = socket.send_to(&answer, peer);
            }
        }
    });
    address
}

/// A client that leaves may do so in the middle.
fn ended(served: io::Result<()>) {
    use ErrorKind as Io;
    match served.map_err(|error| error.kind()) {
        // InvalidData is rustls's, when a client doesn't believe the server.
        Ok(())
        | Err(Io::UnexpectedEof | Io::ConnectionReset | Io::BrokenPipe | Io::InvalidData) => {}
        Err(other) => panic!("a connection ended with {other}"),
    }
}

/// Sends back what comes, until the end.
pub(crate) fn echo(stream: &mut (impl Stream + ?Sized)) -> io::Result<()> {
    let mut buffer = vec![0; 65_536];
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(()),
            received => stream.write_all(&buffer[..received])?,
        }
        stream.flush()?;
    }
}

/// Takes one message of this length, and sends it back as `answer` has it.
pub(crate) fn answer_one(
    stream: &mut dyn Stream,
    bytes: usize,
    answer: impl FnOnce(&mut Vec<u8>),
) -> io::Result<()> {
    let mut message = vec![0; bytes];
    stream.read_exact(&mut message)?;
    answer(&mut message);
    stream.write_all(&message)?;
    stream.flush()
}

/// Takes the length that a transfer begins with.
pub(crate) fn length(stream: &mut dyn Stream) -> io::Result<u64> {
    let mut length = [0; 8];
    stream.read_exact(&mut length)?;
    Ok(u64::from_be_bytes(length))
}

/// Takes the head of an HTTP request, if there is one more.
pub(crate) fn http_request(stream: &mut dyn Stream) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend_from_slice(&byte);
    }
    Ok(String::from_utf8(head).expect("the program writes ASCII"))
}
