//! Connecting and accepting without blocking, and listening with room for a crowd: what
//! `std::net` can't.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{OwnedFd, RawFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, SocketFlags, SocketType, acceptfrom_with, connect, getsockname, listen,
    socket_with, sockopt,
};

use super::borrowed::borrow;
use super::peer::Peer;

/// Neither blocks nor is inherited by programs that are started.
const QUIET: SocketFlags = SocketFlags::CLOEXEC.union(SocketFlags::NONBLOCK);

/// Begins to connect to `address`; the stream is writable when that has ended,
/// and [`connected`] says how.
pub(crate) fn begin_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let socket = socket_with(family, SocketType::STREAM, QUIET, None)?;
    match connect(&socket, &address) {
        // EINTR, like EINPROGRESS: the kernel goes on connecting (`connect(2)`).
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => Ok(TcpStream::from(socket)),
        Err(errno) => Err(errno.into()),
    }
}

/// How a connection that [`begin_connect`] began has ended.
pub(crate) fn connected(stream: &TcpStream) -> io::Result<()> {
    sockopt::socket_error(stream)?.map_err(io::Error::from)
}

/// Connections that may wait to be accepted: as many as Linux allows unless told
/// otherwise (`net.core.somaxconn`).  When more come at once, the kernel lets each
/// of them try again after a second; the standard library leaves room for 128.
const BACKLOG: i32 = 4096;

/// Gives a listener room for a crowd.
pub(crate) fn deepen_backlog(listener: &TcpListener) -> io::Result<()> {
    listen(listener, BACKLOG).map_err(io::Error::from)
}

/// Accepts the next connection on a listener that somebody else owns, with the other
/// side's address.
pub(crate) fn accept(listener: RawFd) -> io::Result<(OwnedFd, Peer)> {
    let (socket, peer) = acceptfrom_with(borrow(listener)?, QUIET)?;
    Ok((socket, Peer::of(peer)))
}

/// The socket's own address.
pub(crate) fn local_address(socket: RawFd) -> io::Result<Peer> {
    Ok(Peer::of(Some(getsockname(borrow(socket)?)?)))
}

/// What is written to TCP goes out at once.
pub(crate) fn set_nodelay(socket: &OwnedFd) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, true).map_err(io::Error::from)
}
