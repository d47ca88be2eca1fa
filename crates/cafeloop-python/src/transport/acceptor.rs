//! Accepting connections, natively until a protocol is made for one.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};

use cafeloop::net::wire::{self, Peer};
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use super::peer;
use crate::errors::os_error;
use crate::ffi::PythonSocket;
use crate::gil::Gil;

/// No descriptor or memory is left for another connection: worth another try later.
/// `ENOMEM`, `ENFILE`, `EMFILE` and `ENOBUFS` of Linux.
const EXHAUSTED: [i32; 4] = [12, 23, 24, 105];

/// A listening socket, from which connections are accepted whenever it is ready.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct Acceptor {
    state: Gil<Listening>,
}

struct Listening {
    socket: PythonSocket,
    /// Accepted at once, so that the others of the loop get their turn.
    at_once: u32,
    /// Whether what is written goes out at once.
    sets_nodelay: bool,
    /// The address of all its connections; `None` if each may have come to another.
    local: Option<Peer>,
    /// Called with each connection that was accepted.
    accepted: Py<PyAny>,
    /// Called with the error when nothing is left for another one.
    exhausted: Py<PyAny>,
}

#[pymethods]
impl Acceptor {
    #[new]
    fn new(
        sock: &Bound<'_, PyAny>,
        at_once: u32,
        sets_nodelay: bool,
        accepted: Py<PyAny>,
        exhausted: Py<PyAny>,
    ) -> PyResult<Self> {
        let socket = PythonSocket::new(sock)?;
        let local = wire::local_address(socket.fd(sock.py())).ok().filter(is_one);
        let state = Listening { socket, at_once, sets_nodelay, local, accepted, exhausted };
        Ok(Acceptor { state: Gil::new(state) })
    }

    /// Accepts those that wait: what the loop calls when there are some.
    fn accept(&self, py: Python<'_>) -> PyResult<()> {
        let state = self.state.get(py);
        for _ in 0..state.at_once {
            let fd = state.socket.fd(py);
            if fd < 0 {
                // Whoever was accepted last has ended the server.
                return Ok(());
            }
            match wire::accept(fd) {
                Ok((socket, peer)) => {
                    let connection = Accepted::new(socket, peer, state);
                    state.accepted.call1(py, (connection,))?;
                }
                // Whoever hangs up before being accepted is as good as not come.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(error) if is_none_left(&error) => return Ok(()),
                Err(error) if is_exhausted(&error) => {
                    let error = os_error(py, &error).into_value(py);
                    return state.exhausted.call1(py, (error,)).map(drop);
                }
                Err(error) => return Err(os_error(py, &error)),
            }
        }
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let state = self.state.visited(&visit);
        visit.call(state.socket.object())?;
        visit.call(&state.accepted)?;
        visit.call(&state.exhausted)
    }
}

/// Whether it is an address of one interface, or a Unix socket's, and not the one that
/// stands for all.
fn is_one(address: &Peer) -> bool {
    match address {
        Peer::Ip(address) => !address.ip().is_unspecified() && address.port() != 0,
        Peer::Path(_) | Peer::Abstract(_) => true,
        Peer::Unknown => false,
    }
}

fn is_none_left(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn is_exhausted(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| EXHAUSTED.contains(&number))
}

/// Both addresses of a connection.
#[derive(Clone)]
pub(super) struct Addresses {
    peer: Peer,
    local: Peer,
}

impl Addresses {
    pub(super) fn peer<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        named(py, &self.peer)
    }

    pub(super) fn local<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        named(py, &self.local)
    }
}

/// As `getsockname` and `getpeername` give it, to which a Unix socket without a name is "".
fn named<'py>(py: Python<'py>, address: &Peer) -> PyResult<Bound<'py, PyAny>> {
    match address {
        Peer::Unknown => Ok("".into_pyobject(py)?.into_any()),
        known => peer::shown(py, known),
    }
}

/// A connection that was accepted and has no transport yet; closed if it gets none.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct Accepted {
    state: Gil<Connection>,
}

struct Connection {
    socket: RefCell<Option<OwnedFd>>,
    addresses: Addresses,
}

impl Accepted {
    fn new(socket: OwnedFd, peer: Peer, listening: &Listening) -> Self {
        if listening.sets_nodelay {
            // Who is gone already is noticed by whoever reads.
            let _ = wire::set_nodelay(&socket);
        }
        let ask = || wire::local_address(socket.as_raw_fd()).unwrap_or(Peer::Unknown);
        let local = listening.local.clone().unwrap_or_else(ask);
        let addresses = Addresses { peer, local };
        Accepted { state: Gil::new(Connection { socket: RefCell::new(Some(socket)), addresses }) }
    }

    /// Hands the socket over to a transport.
    pub(super) fn take(&self, py: Python<'_>) -> Option<(OwnedFd, Addresses)> {
        let state = self.state.get(py);
        let socket = state.socket.take()?;
        Some((socket, state.addresses.clone()))
    }
}

#[pymethods]
impl Accepted {
    /// -1 if it is closed, or a transport's.
    fn fileno(&self, py: Python<'_>) -> RawFd {
        self.state.get(py).socket.borrow().as_ref().map_or(-1, AsRawFd::as_raw_fd)
    }

    fn getpeername<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.state.get(py).addresses.peer(py)
    }

    /// Closes it, unless it is a transport's.
    fn close(&self, py: Python<'_>) {
        drop(self.state.get(py).socket.take());
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let peer = self.getpeername(py)?.repr()?.to_string();
        Ok(format!("<accepted connection fd={}, raddr={peer}>", self.fileno(py)))
    }
}
