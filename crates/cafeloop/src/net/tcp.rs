//! Connecting, listening and accepting.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use super::address::Address;
use super::source::Source;
use crate::engine::Interest;
use crate::error::Error;
use crate::sys::socket;

/// Connects to the first of the addresses that answers.
pub(super) async fn connect(address: Address) -> Result<(Source<TcpStream>, SocketAddr), Error> {
    let attempt = || format!("connect to {address}");
    let candidates = address.resolve().await.map_err(|cause| Error::io(attempt(), cause))?;
    let mut failed = None;
    for candidate in candidates {
        match connect_to(candidate).await {
            Ok(stream) => return Ok((stream, candidate)),
            Err(cause) => failed = Some((candidate, cause)),
        }
    }
    let (last, cause) = failed.expect("an address stands for at least one");
    Err(Error::io(with_literal(attempt(), &address, last), cause))
}

async fn connect_to(address: SocketAddr) -> io::Result<Source<TcpStream>> {
    let source = Source::new(socket::begin_connect(address)?);
    let ended = |stream: &TcpStream| {
        socket::connected(stream)?;
        // No error is also what a connection has that is still being made.
        match stream.peer_addr() {
            Err(error) if error.kind() == io::ErrorKind::NotConnected => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            answer => answer.map(|_| ()),
        }
    };
    source.turn(Interest::Write).await.attempt(ended).await?;
    prepare(source.socket())?;
    Ok(source)
}

/// Listens on the first of the addresses that can be had.
pub(super) async fn listen(address: Address) -> Result<(Source<TcpListener>, SocketAddr), Error> {
    let attempt = || format!("listen on {address}");
    let candidates = address.resolve().await.map_err(|cause| Error::io(attempt(), cause))?;
    let mut failed = None;
    for candidate in candidates {
        match listen_on(candidate) {
            Ok(listener) => return Ok(listener),
            Err(cause) => failed = Some((candidate, cause)),
        }
    }
    let (last, cause) = failed.expect("an address stands for at least one");
    Err(Error::io(with_literal(attempt(), &address, last), cause))
}

fn listen_on(address: SocketAddr) -> io::Result<(Source<TcpListener>, SocketAddr)> {
    let listener = TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    socket::deepen_backlog(&listener)?;
    let bound = listener.local_addr()?;
    Ok((Source::new(listener), bound))
}

/// Accepts the next connection.
pub(super) async fn accept(
    listener: &Source<TcpListener>,
) -> io::Result<(Source<TcpStream>, SocketAddr)> {
    let accept = |listener: &TcpListener| match listener.accept() {
        // Whoever hangs up before being accepted is as good as not come.
        Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {
            Err(io::ErrorKind::Interrupted.into())
        }
        answer => answer,
    };
    let (stream, peer) = listener.turn(Interest::Read).await.attempt(accept).await?;
    stream.set_nonblocking(true)?;
    prepare(&stream)?;
    Ok((Source::new(stream), peer))
}

/// asyncio's choice for its streams: what is written goes out at once.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)
}

/// Names the literal too when the address is a name.
fn with_literal(attempt: String, address: &Address, literal: SocketAddr) -> String {
    if *address == Address::from(literal) { attempt } else { format!("{attempt} ({literal})") }
}
