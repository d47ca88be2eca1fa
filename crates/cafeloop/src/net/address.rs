//! Where to connect to, and finding it.

use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6, ToSocketAddrs};

use crate::task::ToThread;

/// An address of a TCP socket: a literal, or a name to be looked up.
///
/// Made of `"HOST:PORT"`, of a pair of host and port, or of the standard
/// library's addresses.  Literals are understood at once; names are looked up by
/// a thread of the loop, when they are used.
///
/// # Examples
///
/// ```
/// use cafeloop::net::Address;
/// use std::net::Ipv4Addr;
///
/// for address in [
///     Address::from("127.0.0.1:80"),
///     Address::from(("127.0.0.1", 80)),
///     Address::from((Ipv4Addr::LOCALHOST, 80)),
/// ] {
///     assert_eq!(address.to_string(), "127.0.0.1:80");
/// }
/// assert_eq!(Address::from(("localhost", 80)).to_string(), "localhost:80");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Kind {
    Literal(SocketAddr),
    Name {
        host: String,
        port: u16,
    },
    /// Neither: an error when it is used.
    Malformed(String),
}

impl Address {
    /// The addresses that it stands for, in the order in which to try them.
    pub(super) async fn resolve(&self) -> io::Result<Vec<SocketAddr>> {
        match &self.kind {
            Kind::Literal(address) => Ok(vec![*address]),
            Kind::Name { host, port } => look_up(host.clone(), *port).await,
            Kind::Malformed(_) => {
                let expected = "expected HOST:PORT, as in localhost:80 or [::1]:80";
                Err(io::Error::new(io::ErrorKind::InvalidInput, expected))
            }
        }
    }
}

async fn look_up(host: String, port: u16) -> io::Result<Vec<SocketAddr>> {
    let look_up = move || (host, port).to_socket_addrs().map(Iterator::collect);
    let found: Vec<_> = ToThread::new(look_up).await.map_err(io::Error::other)??;
    if found.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the name has no address"));
    }
    Ok(found)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.kind {
            Kind::Literal(address) => address.fmt(f),
            Kind::Name { host, port } => write!(f, "{host}:{port}"),
            Kind::Malformed(text) => write!(f, "{text:?}"),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Address { kind: Kind::Literal(address) }
    }
}

impl From<SocketAddrV4> for Address {
    fn from(address: SocketAddrV4) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<SocketAddrV6> for Address {
    fn from(address: SocketAddrV6) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<(IpAddr, u16)> for Address {
    fn from(address: (IpAddr, u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<(Ipv4Addr, u16)> for Address {
    fn from(address: (Ipv4Addr, u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<(Ipv6Addr, u16)> for Address {
    fn from(address: (Ipv6Addr, u16)) -> Self {
        SocketAddr::from(address).into()
    }
}

impl From<(&str, u16)> for Address {
    fn from((host, port): (&str, u16)) -> Self {
        // The brackets are for the sake of a scope, as in fe80::1%2, which only
        // the parser of whole socket addresses understands.
        let scoped = || format!("[{host}]:{port}").parse().map(SocketAddr::V6);
        let literal = host.parse().map(|ip: IpAddr| SocketAddr::from((ip, port)));
        let kind = match literal.or_else(|_| scoped()) {
            Ok(address) => Kind::Literal(address),
            Err(_) => Kind::Name { host: host.to_owned(), port },
        };
        Address { kind }
    }
}

impl From<(String, u16)> for Address {
    fn from((host, port): (String, u16)) -> Self {
        (host.as_str(), port).into()
    }
}

impl From<&str> for Address {
    fn from(text: &str) -> Self {
        if let Ok(address) = text.parse::<SocketAddr>() {
            return address.into();
        }
        let parts = text.rsplit_once(':').map(|(host, port)| (host, port.parse()));
        let kind = match parts {
            // A colon in the host is an IPv6 address without its brackets: where
            // it ends and the port begins is anybody's guess.
            Some((host, Ok(port))) if !host.is_empty() && !host.contains(':') => {
                Kind::Name { host: host.to_owned(), port }
            }
            _ => Kind::Malformed(text.to_owned()),
        };
        Address { kind }
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        text.as_str().into()
    }
}

impl From<&String> for Address {
    fn from(text: &String) -> Self {
        text.as_str().into()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn literals_are_understood_at_once() {
        let literals = [
            (Address::from("127.0.0.1:80"), "127.0.0.1:80"),
            (Address::from("[::1]:80"), "[::1]:80"),
            (Address::from("[fe80::1%2]:80"), "[fe80::1%2]:80"),
            (Address::from(("::1", 80)), "[::1]:80"),
            (Address::from(("fe80::1%2", 80)), "[fe80::1%2]:80"),
            (Address::from((String::from("127.0.0.1"), 80)), "127.0.0.1:80"),
            (Address::from((Ipv6Addr::LOCALHOST, 80)), "[::1]:80"),
            (Address::from((IpAddr::from([127, 0, 0, 1]), 80)), "127.0.0.1:80"),
        ];
        for (address, text) in literals {
            assert!(matches!(address.kind, Kind::Literal(_)), "{text}");
            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn names_are_left_to_be_looked_up() {
        for address in [Address::from("café.example:80"), Address::from(("café.example", 80))] {
            assert!(matches!(address.kind, Kind::Name { .. }));
            assert_eq!(address.to_string(), "café.example:80");
        }
    }
}
