//! Datagrams in and out of a socket that somebody else owns, with whom they come from.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use rustix::net::{RecvFlags, SendFlags, SocketAddrUnix, recvfrom, sendto};

use super::borrowed::borrow;
use super::peer::Peer;

/// Whatever the socket's own mode, the loop isn't blocked.
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// Receives one datagram into `buffer`, and gives its bytes and its sender.  What there
/// is no room for is cut off, and lost.
pub(crate) fn receive_from(
    fd: RawFd,
    buffer: &mut [MaybeUninit<u8>],
) -> io::Result<(&mut [u8], Peer)> {
    let ((received, _), _, sender) = recvfrom(borrow(fd)?, buffer, RecvFlags::DONTWAIT)?;
    Ok((received, Peer::of(sender)))
}

/// Sends one datagram.
pub(crate) fn send_to(fd: RawFd, bytes: &[u8], peer: &Peer) -> io::Result<()> {
    let fd = borrow(fd)?;
    match peer {
        Peer::Ip(address) => sendto(fd, bytes, SEND, address)?,
        Peer::Path(path) => sendto(fd, bytes, SEND, &SocketAddrUnix::new(&**path)?)?,
        Peer::Abstract(name) => sendto(fd, bytes, SEND, &SocketAddrUnix::new_abstract_name(name)?)?,
        Peer::Unknown => rustix::net::send(fd, bytes, SEND)?,
    };
    Ok(())
}
