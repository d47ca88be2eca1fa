//! Addresses of sockets of the families that the loop speaks itself.

use std::net::SocketAddr;

use rustix::net::{AddressFamily, SocketAddrAny, SocketAddrUnix};

/// Whom a socket speaks with, or where it is itself.
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
    pub(super) fn of(address: Option<SocketAddrAny>) -> Self {
        let Some(address) = address else { return Peer::Unknown };
        if address.address_family() == AddressFamily::UNIX {
            let Ok(name) = SocketAddrUnix::try_from(address) else { return Peer::Unknown };
            return match (name.path_bytes(), name.abstract_name()) {
                (Some(path), _) => Peer::Path(path.into()),
                (_, Some(name)) if !name.is_empty() => Peer::Abstract(name.into()),
                _ => Peer::Unknown,
            };
        }
        SocketAddr::try_from(address).map_or(Peer::Unknown, Peer::Ip)
    }
}
