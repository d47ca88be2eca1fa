//! Addresses as the kernel knows them and as Python has them.

use std::ffi::{OsStr, OsString};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use cafeloop::net::wire::Peer;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyInt, PyString, PyTuple};

/// The most bytes of a Unix socket's name (`sun_path` in `unix(7)`), with a zero byte
/// at its end or, for a name of the kernel's, at its beginning.
const NAME_SIZE: usize = 108;

/// The most that Python takes for the flow of an IPv6 address.
const MOST_FLOW: u32 = 0xf_ffff;

/// The families whose addresses are understood here.
#[derive(Clone, Copy)]
pub(super) enum Family {
    Inet,
    Inet6,
    Unix,
}

impl Family {
    /// A socket's; `None` for any other.
    pub(super) fn of(sock: &Bound<'_, PyAny>) -> PyResult<Option<Self>> {
        // The numbers of Linux's `socket(2)`.
        Ok(match sock.getattr(intern!(sock.py(), "family"))?.extract::<i32>()? {
            1 => Some(Family::Unix),
            2 => Some(Family::Inet),
            10 => Some(Family::Inet6),
            _ => None,
        })
    }

    /// An address that needs no look-up.  `None` for any other, and for what is no
    /// address at all: Python's own sockets know what to do, or to say.
    pub(super) fn parse(self, address: &Bound<'_, PyAny>) -> Option<Peer> {
        match self {
            Family::Unix => unix(address),
            Family::Inet | Family::Inet6 => self.ip(address.cast_exact::<PyTuple>().ok()?),
        }
    }

    fn ip(self, address: &Bound<'_, PyTuple>) -> Option<Peer> {
        let host = address.get_item(0).ok()?.cast_into_exact::<PyString>().ok()?;
        let host = host.to_str().ok()?;
        let port = number(address, 1)?.extract::<u16>().ok()?;
        let ip = match (self, address.len()) {
            (Family::Inet, 2) => (host.parse::<Ipv4Addr>().ok()?, port).into(),
            (Family::Inet6, 2..=4) => {
                let flow = number_or_zero(address, 2).filter(|flow| *flow <= MOST_FLOW)?;
                let scope = number_or_zero(address, 3)?;
                SocketAddrV6::new(host.parse().ok()?, port, flow, scope).into()
            }
            _ => return None,
        };
        Some(Peer::Ip(ip))
    }
}

fn number<'py>(address: &Bound<'py, PyTuple>, place: usize) -> Option<Bound<'py, PyInt>> {
    address.get_item(place).ok()?.cast_into_exact().ok()
}

fn number_or_zero(address: &Bound<'_, PyTuple>, place: usize) -> Option<u32> {
    if place < address.len() { number(address, place)?.extract().ok() } else { Some(0) }
}

fn unix(address: &Bound<'_, PyAny>) -> Option<Peer> {
    let name = if let Ok(bytes) = address.cast_exact::<PyBytes>() {
        bytes.as_bytes().to_vec()
    } else {
        address.cast_exact::<PyString>().ok()?.extract::<OsString>().ok()?.into_vec()
    };
    match name.split_first()? {
        (0, rest) if name.len() <= NAME_SIZE => Some(Peer::Abstract(rest.into())),
        (_, _) if name.len() < NAME_SIZE && !name.contains(&0) => Some(Peer::Path(name.into())),
        _ => None,
    }
}

/// As `socket.recvfrom` gives it.
pub(super) fn shown<'py>(py: Python<'py>, peer: &Peer) -> PyResult<Bound<'py, PyAny>> {
    Ok(match peer {
        Peer::Ip(SocketAddr::V4(address)) => {
            (host(IpAddr::V4(*address.ip())), address.port()).into_pyobject(py)?.into_any()
        }
        Peer::Ip(SocketAddr::V6(address)) => {
            let host = host(IpAddr::V6(*address.ip()));
            let rest = (address.port(), address.flowinfo(), address.scope_id());
            (host, rest.0, rest.1, rest.2).into_pyobject(py)?.into_any()
        }
        Peer::Path(path) => OsStr::from_bytes(path).into_pyobject(py)?.into_any(),
        Peer::Abstract(name) => PyBytes::new_with(py, name.len() + 1, |bytes| {
            bytes[1..].copy_from_slice(name);
            Ok(())
        })?
        .into_any(),
        Peer::Unknown => py.None().into_bound(py),
    })
}

/// As `inet_ntop(3)` writes it.
fn host(ip: IpAddr) -> String {
    if let IpAddr::V6(ip) = ip
        && let [0, 0, 0, 0, 0, 0, high, low] = ip.segments()
        && high != 0
    {
        // It takes this for an IPv4 address (RFC 4291, 2.5.5.1).
        let [(a, b), (c, d)] =
            [high, low].map(|half| (half.to_be_bytes()[0], half.to_be_bytes()[1]));
        return format!("::{}", Ipv4Addr::new(a, b, c, d));
    }
    ip.to_string()
}
