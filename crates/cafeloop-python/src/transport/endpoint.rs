//! What each transport of a socket holds beside its machine: who is told, in which
//! context, and what the loop watches for it.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;
use std::rc::Rc;

use cafeloop::engine::{Engine, Interest};
use pyo3::call::PyCallArgs;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyContext, PyString};
use pyo3::{PyTraverseError, PyVisit};

use super::acceptor::{Accepted, Addresses};
use super::socket::Socket;
use super::watching::{Watched, Watching};
use crate::errors;
use crate::event_loop::{EventLoop, debug};
use crate::ffi::{self, in_context};
use crate::host::Python3;
use crate::recorder;

/// One end of a connection, or of none: the loop's side of a socket.
///
/// The loop holds the native half while it watches the socket, and this holds the
/// transport: so a connection lives that nobody else refers to.  When it is lost it
/// lets go.
pub(crate) struct Endpoint {
    owner: Py<EventLoop>,
    socket: Socket,
    /// Those of a connection that the loop has accepted.
    addresses: Option<Addresses>,
    watched: Watched,
    /// The number by which the loop's transports know it.
    attached_to: Cell<Option<RawFd>>,
    /// The number by which a recording knows it.
    recorded_as: Cell<u32>,
    /// All gone when the connection was lost and its protocol told.
    ends: RefCell<Option<Ends>>,
    /// In which everything is called, if that was chosen when it was made.
    context: Option<Py<PyContext>>,
    /// In which the protocol is told what came: where reading began.
    reading_in: RefCell<Option<Py<PyContext>>>,
    /// In which it is told to go on: where the kernel was found full.
    sending_in: RefCell<Option<Py<PyContext>>>,
}

struct Ends {
    transport: Py<PyAny>,
    protocol: Py<PyAny>,
}

impl Endpoint {
    pub(super) fn new(
        owner: Py<EventLoop>,
        transport: Py<PyAny>,
        sock: &Bound<'_, PyAny>,
        protocol: &Bound<'_, PyAny>,
        context: Option<Py<PyContext>>,
    ) -> PyResult<Self> {
        let (socket, addresses) = match sock.cast_exact::<Accepted>() {
            Ok(accepted) => {
                let (socket, addresses) = accepted.get().take(sock.py()).ok_or_else(|| {
                    PyValueError::new_err("the connection is closed or has a transport")
                })?;
                (Socket::own(socket), Some(addresses))
            }
            Err(_) => (Socket::of_python(sock)?, None),
        };
        Ok(Endpoint {
            owner,
            socket,
            addresses,
            watched: Watched::default(),
            attached_to: Cell::default(),
            recorded_as: Cell::default(),
            ends: RefCell::new(Some(Ends { transport, protocol: protocol.clone().unbind() })),
            context,
            reading_in: RefCell::default(),
            sending_in: RefCell::default(),
        })
    }

    pub(crate) fn recorded_as(&self) -> &Cell<u32> {
        &self.recorded_as
    }

    pub(crate) fn owner(&self) -> &Py<EventLoop> {
        &self.owner
    }

    pub(super) fn try_engine(&self, py: Python<'_>) -> Option<Rc<Engine<Python3>>> {
        self.owner.get().try_engine(py)
    }

    pub(super) fn watched(&self) -> &Watched {
        &self.watched
    }

    /// The socket's descriptor now: -1 if its owner has closed it.
    #[inline]
    pub(crate) fn fd(&self, py: Python<'_>) -> RawFd {
        self.socket.fd(py)
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    pub(super) fn addresses(&self) -> Option<&Addresses> {
        self.addresses.as_ref()
    }

    /// Whether it has taken the descriptor for itself, and not let go of it.
    pub(super) fn is_attached(&self) -> bool {
        self.attached_to.get().is_some()
    }

    // --- whom it tells

    /// The transport, until the connection is lost.
    pub(crate) fn transport(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.ends.borrow().as_ref().map(|ends| ends.transport.clone_ref(py))
    }

    /// The protocol, until then.
    #[inline]
    pub(super) fn protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.ends.borrow().as_ref().map(|ends| ends.protocol.bind(py).clone())
    }

    pub(super) fn set_protocol(&self, protocol: &Bound<'_, PyAny>) {
        let after = protocol.clone().unbind();
        let replace = |ends: &mut Ends| std::mem::replace(&mut ends.protocol, after);
        let before = self.ends.borrow_mut().as_mut().map(replace);
        drop(before);
    }

    /// Calls a method of the transport.
    pub(super) fn call<'py>(
        &self,
        py: Python<'py>,
        method: &Bound<'py, PyString>,
        args: impl PyCallArgs<'py>,
    ) -> PyResult<()> {
        let Some(transport) = self.transport(py) else { return Ok(()) };
        transport.call_method1(py, method, args).map(drop)
    }

    /// Has the protocol pause or resume writing.
    pub(super) fn tell(&self, py: Python<'_>, method: &Bound<'_, PyString>) -> PyResult<()> {
        self.call(py, intern!(py, "_tell"), (method,))
    }

    pub(super) fn lose(&self, py: Python<'_>, error: Option<PyErr>) -> PyResult<()> {
        self.call(py, intern!(py, "_lose"), (error,))
    }

    /// Ends the connection because of an error, unless that is meant to leave the
    /// loop.
    pub(super) fn fail(&self, py: Python<'_>, error: PyErr, message: &str) -> PyResult<()> {
        if errors::leaves_the_loop(error.value(py)) {
            return Err(error);
        }
        self.call(py, intern!(py, "_fatal_error"), (error, message))
    }

    // --- in which context

    /// Jobs of this interest run from now on in the context that was chosen, or in a
    /// copy of the running code's, as a reader of asyncio's has it.
    pub(super) fn enter_from_now(&self, py: Python<'_>, interest: Interest) -> PyResult<()> {
        let before = self.place(interest).replace(Some(self.new_context(py)?));
        drop(before);
        Ok(())
    }

    /// The context in which something that is asked for now is to run.
    pub(super) fn new_context(&self, py: Python<'_>) -> PyResult<Py<PyContext>> {
        match &self.context {
            Some(chosen) => Ok(chosen.clone_ref(py)),
            None => Ok(ffi::copy_context(py)?.unbind()),
        }
    }

    fn place(&self, interest: Interest) -> &RefCell<Option<Py<PyContext>>> {
        match interest {
            Interest::Read => &self.reading_in,
            Interest::Write => &self.sending_in,
        }
    }

    /// Runs a job of the loop's in its context; in debug mode it is timed.
    #[inline]
    pub(super) fn run(
        &self,
        py: Python<'_>,
        interest: Interest,
        job: impl FnOnce() -> PyResult<()>,
    ) -> PyResult<()> {
        let place = self.place(interest);
        let Some(context) = place.borrow().as_ref().map(|context| context.clone_ref(py)) else {
            return Ok(());
        };
        let owner = self.owner.bind(py);
        if owner.get().is_debug(py) {
            let Some(transport) = self.transport(py) else { return Ok(()) };
            let what = || Ok(transport.bind(py).repr()?.into_any());
            debug::time(owner, what, || in_context(context.bind(py), job))
        } else {
            in_context(context.bind(py), job)
        }
    }

    /// Whether nobody else has anything to do in the loop, nor is told what this does: then
    /// what would be done in the next turn may be done at once.
    pub(super) fn is_alone(&self, py: Python<'_>) -> bool {
        let engine = self.try_engine(py).filter(|_| !self.owner.get().is_debug(py));
        engine.is_some_and(|engine| !engine.is_busy() && !engine.is_heard())
    }

    // --- what the loop watches

    /// Takes the socket's descriptor for itself, and returns its number: `add_reader`
    /// refuses it from now on, or if nobody can know it, from when somebody does.
    pub(super) fn attach<T: Watching>(slf: &Bound<'_, T>) -> PyResult<RawFd> {
        let this = slf.get().endpoint(slf.py());
        let fd = this.fd(slf.py());
        if !this.socket.is_own() {
            this.register(slf.as_any())?;
        }
        this.attached_to.set(Some(fd));
        Ok(fd)
    }

    fn register(&self, own: &Bound<'_, PyAny>) -> PyResult<()> {
        self.owner.get().transports(own.py()).add(own, self)
    }

    /// The socket as Python's object; `None` if it was closed before anybody asked.
    pub(super) fn socket_of<'py, T: Watching>(
        slf: &Bound<'py, T>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let this = slf.get().endpoint(slf.py());
        let was_own = this.socket.is_own();
        let object = this.socket.object(slf.py())?;
        if was_own && this.is_attached() {
            this.register(slf.as_any())?;
        }
        Ok(object)
    }

    /// Has `slf` told of what comes from now on.
    pub(super) fn begin_reading<T: Watching>(slf: &Bound<'_, T>) -> PyResult<()> {
        let this = slf.get().endpoint(slf.py());
        this.enter_from_now(slf.py(), Interest::Read)?;
        this.watched.begin(slf, Interest::Read)
    }

    pub(super) fn stop_watching<T: Watching>(slf: &Bound<'_, T>) {
        let watched = &slf.get().endpoint(slf.py()).watched;
        watched.end(slf, Interest::Read);
        watched.end(slf, Interest::Write);
    }

    /// Whether the socket is watched for reading, and for writing.
    pub(super) fn is_watched(&self) -> (bool, bool) {
        (self.watched.is_watching(Interest::Read), self.watched.is_watching(Interest::Write))
    }

    // --- the end

    /// Closes the socket, if it is this one's, and lets go of transport and protocol: the
    /// connection is lost and they were told.
    pub(super) fn release<T: Watching>(slf: &Bound<'_, T>) -> PyResult<()> {
        let py = slf.py();
        let this = slf.get().endpoint(py);
        Endpoint::stop_watching(slf);
        if recorder::is_on() {
            recorder::transport_closed(py, this);
        }
        let attached_to = this.attached_to.take();
        this.clear();
        let Some(fd) = attached_to else { return Ok(()) };
        this.owner.get().transports(py).remove(slf.as_any(), fd);
        this.socket.close(py)
    }

    pub(super) fn clear(&self) {
        let held = (self.ends.take(), self.reading_in.take(), self.sending_in.take());
        drop(held);
    }

    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.owner)?;
        self.socket.traverse(visit)?;
        visit.call(&self.context)?;
        for context in [&self.reading_in, &self.sending_in] {
            if let Ok(context) = context.try_borrow() {
                visit.call(&*context)?;
            }
        }
        if let Ok(ends) = self.ends.try_borrow()
            && let Some(ends) = &*ends
        {
            visit.call(&ends.transport)?;
            visit.call(&ends.protocol)?;
        }
        Ok(())
    }
}
