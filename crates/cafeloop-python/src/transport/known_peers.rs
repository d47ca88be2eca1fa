//! Addresses that an endpoint has seen before, so that they needn't be made, nor
//! understood, again.

use std::cell::RefCell;
use std::net::{IpAddr, SocketAddr};

use cafeloop::net::wire::Peer;
use pyo3::prelude::*;

use super::peer;

/// Places for addresses; two that share one take turns.  Servers are asked again and
/// again by few, and for others making an address costs 150 ns.
const PLACES: usize = 64;

/// An address, and the object that stands for it in Python.
struct Known {
    address: SocketAddr,
    object: Py<PyAny>,
}

/// The peers of one endpoint.  What they are made of refers to nothing that could refer
/// back, so that the garbage collector need not know.
#[derive(Default)]
pub(super) struct KnownPeers {
    by_address: RefCell<Vec<Option<Known>>>,
    /// Who sent last: the one that is answered, as a rule.
    last: RefCell<Option<Known>>,
}

impl KnownPeers {
    /// As `socket.recvfrom` gives it.
    pub(super) fn show<'py>(&self, py: Python<'py>, peer: &Peer) -> PyResult<Bound<'py, PyAny>> {
        let Peer::Ip(address) = peer else { return peer::shown(py, peer) };
        let found = self.find(py, *address);
        let object = match found {
            Some(object) => object,
            None => self.add(*address, peer::shown(py, peer)?),
        };
        let last = Known { address: *address, object: object.clone().unbind() };
        let before = self.last.replace(Some(last));
        drop(before);
        Ok(object)
    }

    fn find<'py>(&self, py: Python<'py>, address: SocketAddr) -> Option<Bound<'py, PyAny>> {
        let places = self.by_address.borrow();
        let known = places.get(place(address))?.as_ref()?;
        (known.address == address).then(|| known.object.bind(py).clone())
    }

    fn add<'py>(&self, address: SocketAddr, object: Bound<'py, PyAny>) -> Bound<'py, PyAny> {
        let mut places = self.by_address.borrow_mut();
        if places.is_empty() {
            places.resize_with(PLACES, || None);
        }
        let known = Known { address, object: object.clone().unbind() };
        let before = places[place(address)].replace(known);
        drop(places);
        drop(before);
        object
    }

    /// The address behind the object that the last sender was shown as.
    #[inline]
    pub(super) fn answered(&self, object: &Bound<'_, PyAny>) -> Option<Peer> {
        let last = self.last.borrow();
        let last = last.as_ref().filter(|last| last.object.is(object))?;
        Some(Peer::Ip(last.address))
    }
}

/// By the port and the host's last byte, which differ where anything does.
fn place(address: SocketAddr) -> usize {
    let host = match address.ip() {
        IpAddr::V4(ip) => ip.octets()[3],
        IpAddr::V6(ip) => ip.octets()[15],
    };
    (usize::from(address.port()) ^ usize::from(host)) % PLACES
}
