//! Datagrams in and out of a socket that somebody else owns, with whom they come from.

use std::io;
use std::mem::MaybeUninit;
use std::net::SocketAddr;
use std::os::fd::RawFd;

use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrAny, SocketAddrUnix, recvfrom, sendto,
};

use super::borrowed::borrow;

/// Whatever the socket's own mode, the loop isn't blocked.
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// Where a datagram comes from or goes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// Host and port.
    Ip(SocketAddr),
    /// A Unix socket with a file.
    Path(Box<[u8]>),
    /// A Unix socket with a name of the kernel's, without the zero byte before it.
    Abstract(Box<[u8]>),
    /// One that has no name, or isn't told.
    Unknown,
}

impl Peer {
    fn of(address: Option<SocketAddrAny>) -> Self {
        let Some(address) = address else { return Peer::Unknown };
        if address.address_family() == AddressFamily::UNIX {
            let Ok(name) = SocketAddrUnix::try_from(address) else { return Peer::Unknown };
            return match (name.path_bytes(), name.abstract_name()) {
                (Some(path), _) => Peer::Path(path.into()),
                (_, Some(name)) => Peer::Abstract(name.into()),
                _ => Peer::Unknown,
            };
        }
        SocketAddr::try_from(address).map_or(Peer::Unknown, Peer::Ip)
    }
}

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
