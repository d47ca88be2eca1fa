//! A datagram endpoint: what it holds, and its methods.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;

use cafeloop::engine::Interest;
use cafeloop::io::{Close, Datagram as Machine, Peers, Rules};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3::{PyTraverseError, PyVisit};

use super::endpoint::Endpoint;
use super::known_peers::KnownPeers;
use super::peer::Family;
use super::watching::Watching;
use super::{receiving, sending};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::host::Watcher;

/// Since Python 3.13 empty datagrams are sent, and one that waits counts so many bytes
/// more than its own (`_header_size` in CPython's `selector_events.py`).
const HEADER_SIZE: usize = 8;

/// A datagram that waits, and whom the user sends it to.
pub(super) struct Waiting {
    pub(super) data: Py<PyBytes>,
    pub(super) to: Option<Py<PyAny>>,
}

/// How the socket is spoken to.
#[derive(Clone, Copy)]
pub(super) enum Speech {
    /// By calls of our own, with addresses of this family.
    Native(Family),
    /// By the methods of a Python object, which knows all families.
    Python,
}

/// Looking for a datagram that the kernel hasn't reported.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Look {
    None,
    /// When the protocol has had the one that was received.
    Wanted,
    /// In the next turn: what is reported meanwhile is what it will find.
    Queued,
}

/// The native half of a datagram transport.
#[pyclass(frozen, weakref, module = "cafeloop")]
pub(crate) struct Datagram {
    state: Gil<State>,
}

struct State {
    endpoint: Endpoint,
    machine: RefCell<Machine<Waiting>>,
    looks: Cell<Look>,
    speech: Speech,
    peers: KnownPeers,
    /// To whom all is sent, by the user's choice: nobody else may be named.
    remote: Option<Py<PyAny>>,
    /// Whether the kernel knows to whom.
    is_connected: bool,
    sends_empty: bool,
}

impl Watching for Datagram {
    #[inline]
    fn endpoint<'py>(&'py self, py: Python<'py>) -> &'py Endpoint {
        &self.state.get(py).endpoint
    }

    fn watcher(own: Py<Self>, interest: Interest) -> Watcher {
        match interest {
            Interest::Read => Watcher::Receiver(own),
            Interest::Write => Watcher::DatagramSender(own),
        }
    }
}

impl Datagram {
    pub(super) fn machine<'py>(&'py self, py: Python<'py>) -> &'py RefCell<Machine<Waiting>> {
        &self.state.get(py).machine
    }

    pub(super) fn looks<'py>(&'py self, py: Python<'py>) -> &'py Cell<Look> {
        &self.state.get(py).looks
    }

    /// Whether a report is to be answered: not if what it is about is looked for anyway.
    pub(crate) fn wants_report(&self, py: Python<'_>) -> bool {
        self.looks(py).get() != Look::Queued
    }

    pub(super) fn peers<'py>(&'py self, py: Python<'py>) -> &'py KnownPeers {
        &self.state.get(py).peers
    }

    pub(super) fn speech(&self, py: Python<'_>) -> Speech {
        self.state.get(py).speech
    }

    pub(super) fn remote<'py>(&'py self, py: Python<'py>) -> Option<&'py Bound<'py, PyAny>> {
        self.state.get(py).remote.as_ref().map(|remote| remote.bind(py))
    }

    pub(super) fn is_connected(&self, py: Python<'_>) -> bool {
        self.state.get(py).is_connected
    }

    pub(super) fn sends_empty(&self, py: Python<'_>) -> bool {
        self.state.get(py).sends_empty
    }

    /// The transport, until the protocol was told of its loss.
    pub(super) fn transport(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.endpoint(py).transport(py)
    }

    /// Tells the protocol of what the network, or the socket, refuses; all else ends
    /// the endpoint.
    pub(super) fn refused(&self, py: Python<'_>, error: PyErr, message: &str) -> PyResult<()> {
        if !error.is_instance_of::<pyo3::exceptions::PyOSError>(py) {
            return self.endpoint(py).fail(py, error, message);
        }
        let Some(protocol) = self.endpoint(py).protocol(py) else { return Ok(()) };
        protocol.call_method1(intern!(py, "error_received"), (error,)).map(drop)
    }

    /// What the loop runs when there is something to receive.
    pub(crate) fn receive(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        slf.get().looks(py).set(Look::None);
        // It may have been paused or closed since it was told.
        let Some(room) = slf.get().machine(py).borrow().room() else { return Ok(()) };
        let endpoint = slf.get().endpoint(py);
        endpoint.run(py, Interest::Read, || receiving::receive(slf, room))
    }

    /// What the loop runs when there is room for what waits.
    pub(crate) fn send(slf: &Bound<'_, Self>) -> PyResult<()> {
        let endpoint = slf.get().endpoint(slf.py());
        if !endpoint.watched().is_watching(Interest::Write) {
            return Ok(());
        }
        endpoint.run(slf.py(), Interest::Write, || sending::send_waiting(slf))
    }

    fn begin_reading(slf: &Bound<'_, Self>) -> PyResult<()> {
        let is_reading = slf.get().machine(slf.py()).borrow().is_reading();
        if is_reading { Endpoint::begin_reading(slf) } else { Ok(()) }
    }

    /// Whether its socket is this one and in use.
    pub(super) fn uses(&self, py: Python<'_>, fd: RawFd) -> bool {
        !self.machine(py).borrow().is_closing() && self.endpoint(py).fd(py) == fd
    }
}

#[pymethods]
impl Datagram {
    #[new]
    #[pyo3(signature = (owner, transport, sock, protocol, remote, is_connected))]
    fn new(
        owner: Py<EventLoop>,
        transport: Py<PyAny>,
        sock: &Bound<'_, PyAny>,
        protocol: &Bound<'_, PyAny>,
        remote: Option<Py<PyAny>>,
        is_connected: bool,
    ) -> PyResult<Self> {
        let endpoint = Endpoint::new(owner, transport, sock, protocol, None)?;
        let family = Family::of(sock)?.filter(|_| endpoint.socket().is_plain());
        let counts_headers = cfg!(Py_3_13);
        let rules = Rules {
            peers: if remote.is_some() { Peers::One } else { Peers::Any },
            header: if counts_headers { HEADER_SIZE } else { 0 },
        };
        Ok(Datagram {
            state: Gil::new(State {
                endpoint,
                machine: RefCell::new(Machine::new(rules)),
                looks: Cell::new(Look::None),
                peers: KnownPeers::default(),
                speech: family.map_or(Speech::Python, Speech::Native),
                remote,
                is_connected,
                sends_empty: counts_headers,
            }),
        })
    }

    // --- what a transport hands on to its user

    #[pyo3(signature = (data, addr=None))]
    fn sendto(
        slf: &Bound<'_, Self>,
        data: &Bound<'_, PyAny>,
        addr: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        sending::send(slf, data, addr)
    }

    fn is_closing(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_closing()
    }

    fn is_reading(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_reading()
    }

    /// Returns whether anything was received until now.
    fn pause_reading(slf: &Bound<'_, Self>) -> bool {
        let pauses = slf.get().machine(slf.py()).borrow_mut().pause_reading();
        if pauses {
            slf.get().endpoint(slf.py()).watched().end(slf, Interest::Read);
        }
        pauses
    }

    /// Returns whether it was paused.
    fn resume_reading(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let resumes = slf.get().machine(slf.py()).borrow_mut().resume_reading();
        if resumes {
            Datagram::begin_reading(slf)?;
        }
        Ok(resumes)
    }

    /// What the kernel hasn't taken, in bytes.
    fn get_write_buffer_size(&self, py: Python<'_>) -> usize {
        self.machine(py).borrow().bytes()
    }

    fn get_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.endpoint(py).protocol(py)
    }

    // --- what a transport uses itself

    fn set_protocol(&self, protocol: &Bound<'_, PyAny>) {
        self.endpoint(protocol.py()).set_protocol(protocol);
    }

    /// Takes the socket's descriptor for itself, and returns it.
    fn attach(slf: &Bound<'_, Self>) -> PyResult<RawFd> {
        Endpoint::attach(slf)
    }

    /// The socket as Python's object; None if it was closed before anybody asked.
    fn socket<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Endpoint::socket_of(slf)
    }

    /// Whether the socket is this transport's.
    fn is_attached(&self, py: Python<'_>) -> bool {
        self.endpoint(py).is_attached()
    }

    /// Begins to receive, unless it was paused before.
    fn start(slf: &Bound<'_, Self>) -> PyResult<()> {
        Datagram::begin_reading(slf)
    }

    /// Returns whether the endpoint is lost now: then nothing waited to be sent.
    fn close(slf: &Bound<'_, Self>) -> bool {
        let close = slf.get().machine(slf.py()).borrow_mut().close();
        match close {
            Close::Already => {}
            Close::Lose => Endpoint::stop_watching(slf),
            Close::Later => slf.get().endpoint(slf.py()).watched().end(slf, Interest::Read),
        }
        close == Close::Lose
    }

    /// Returns whether the endpoint is lost now, and wasn't before.
    fn abort(slf: &Bound<'_, Self>) -> bool {
        let unsent = slf.get().machine(slf.py()).borrow_mut().abort();
        if unsent.is_some() {
            Endpoint::stop_watching(slf);
        }
        unsent.is_some()
    }

    /// Whether the socket is watched for reading, and for writing.
    fn is_watched(&self, py: Python<'_>) -> (bool, bool) {
        self.endpoint(py).is_watched()
    }

    /// Bytes between which a sender is left alone.
    fn set_marks(slf: &Bound<'_, Self>, high: usize, low: usize) -> PyResult<()> {
        slf.get().machine(slf.py()).borrow_mut().set_marks(high, low);
        sending::pause_if_full(slf)
    }

    /// Whether the protocol was asked to pause sending.
    fn is_paused(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_paused()
    }

    /// What the loop's watchers do, for the name in a report and for its source.
    fn read_ready(slf: &Bound<'_, Self>) -> PyResult<()> {
        Datagram::receive(slf)
    }

    fn sendto_ready(slf: &Bound<'_, Self>) -> PyResult<()> {
        Datagram::send(slf)
    }

    /// Closes the socket and lets go of transport and protocol: the endpoint is lost and
    /// they were told.
    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        let unsent = slf.get().machine(slf.py()).borrow_mut().told();
        drop(unsent);
        Endpoint::release(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let state = self.state.visited(&visit);
        visit.call(&state.remote)?;
        state.endpoint.traverse(&visit)
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        slf.get().endpoint(slf.py()).clear();
    }
}
