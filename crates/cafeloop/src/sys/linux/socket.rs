//! Connecting without blocking, and listening with room for a crowd: what
//! `std::net` can't.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketFlags, SocketType, connect, listen, socket_with, sockopt};

/// Begins to connect to `address`; the stream is writable when that has ended,
/// and [`connected`] says how.
pub(crate) fn begin_connect(address: SocketAddr) -> io::Result<TcpStream> {
    let family = match address {
        SocketAddr::V4(_) => AddressFamily::INET,
        SocketAddr::V6(_) => AddressFamily::INET6,
    };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(family, SocketType::STREAM, flags, None)?;
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
