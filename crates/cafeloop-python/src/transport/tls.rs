//! A TLS connection: what it holds, and its methods.

use std::cell::{Cell, RefCell};
use std::mem;

use cafeloop::io::tls::{Close, InputEnd, Next, RECORD, Tls as Machine};
use pyo3::call::PyCallArgs;
use pyo3::exceptions::{PyException, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use pyo3::{PyTraverseError, PyVisit};

use super::medium::Medium;
use super::session::Session;
use super::stream::Receives;
use super::{Stream, tls_reading, tls_writing, writing};
use crate::event_loop::EventLoop;
use crate::gil::Gil;

const FAILED: &str = "Fatal error on SSL protocol";

/// The native half of a TLS connection, which is the protocol of its carrier.
///
/// The other half is the Python class that derives from it, whose methods it calls
/// where something happens once per connection.  It holds the carrier and the user's
/// protocol until the carrier is lost.
#[pyclass(frozen, subclass, weakref, module = "cafeloop")]
pub(crate) struct Tls {
    state: Gil<State>,
}

struct State {
    owner: Py<EventLoop>,
    machine: RefCell<Machine<Py<PyBytes>>>,
    session: Session,
    /// Whether the library may have something to say that nobody has written, since
    /// all was given to the carrier the last time.
    may_answer: Cell<bool>,
    carrier: RefCell<Option<Carrier>>,
    /// The user's, until the connection is lost.
    protocol: RefCell<Option<Protocol>>,
}

/// Whom a connection tells.
pub(super) struct Protocol {
    pub(super) object: Py<PyAny>,
    pub(super) receives: Receives,
}

impl Protocol {
    fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Protocol {
            object: object.clone().unbind(),
            receives: Receives::of(object, Medium::Socket)?,
        })
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        Protocol { object: self.object.clone_ref(py), receives: self.receives }
    }
}

/// What encrypted bytes are written to.
enum Carrier {
    Stream(Py<Stream>),
    Tls(Py<Tls>),
}

impl Carrier {
    fn clone_ref(&self, py: Python<'_>) -> Self {
        match self {
            Carrier::Stream(stream) => Carrier::Stream(stream.clone_ref(py)),
            Carrier::Tls(tls) => Carrier::Tls(tls.clone_ref(py)),
        }
    }
}

impl Tls {
    pub(super) fn machine<'py>(&'py self, py: Python<'py>) -> &'py RefCell<Machine<Py<PyBytes>>> {
        &self.state.get(py).machine
    }

    pub(super) fn session<'py>(&'py self, py: Python<'py>) -> &'py Session {
        &self.state.get(py).session
    }

    /// The library is going to be asked to read.
    #[inline]
    pub(super) fn expect_answers(&self, py: Python<'_>) {
        self.state.get(py).may_answer.set(true);
    }

    #[inline]
    pub(super) fn may_answer(&self, py: Python<'_>) -> bool {
        self.state.get(py).may_answer.get()
    }

    pub(super) fn owner<'py>(&'py self, py: Python<'py>) -> &'py EventLoop {
        self.state.get(py).owner.get()
    }

    pub(super) fn protocol(&self, py: Python<'_>) -> Option<Protocol> {
        self.state.get(py).protocol.borrow().as_ref().map(|protocol| protocol.clone_ref(py))
    }

    /// Takes all that is encrypted.
    #[inline]
    pub(super) fn take_all<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        self.state.get(py).may_answer.set(false);
        self.session(py).take(py)
    }

    /// Writes encrypted bytes to the carrier.
    pub(super) fn hand_to_carrier(&self, data: &Bound<'_, PyBytes>) -> PyResult<()> {
        let py = data.py();
        let carrier = self.state.get(py).carrier.borrow().as_ref().map(|own| own.clone_ref(py));
        match carrier {
            None => Ok(()),
            Some(Carrier::Stream(stream)) => writing::write_at_once(stream.bind(py), data),
            Some(Carrier::Tls(tls)) => tls_writing::write_at_once(tls.bind(py), data),
        }
    }

    /// Calls a method of the class that derives from this one.
    pub(super) fn call<'py>(
        slf: &Bound<'py, Self>,
        method: &Bound<'py, PyString>,
        args: impl PyCallArgs<'py>,
    ) -> PyResult<()> {
        slf.call_method1(method, args).map(drop)
    }

    /// Ends the connection because of an exception; what is none by asyncio's
    /// reckoning is the caller's.
    pub(super) fn fail_unless_ok(slf: &Bound<'_, Self>, outcome: PyResult<()>) -> PyResult<()> {
        match outcome {
            Err(error) if error.is_instance_of::<PyException>(slf.py()) => {
                Tls::call(slf, intern!(slf.py(), "_fatal_error"), (error, FAILED))
            }
            other => other,
        }
    }

    /// Encrypts and sends what waits for the end of the turn, now.
    pub(crate) fn send_what_waits(slf: &Bound<'_, Self>) -> PyResult<()> {
        let waits = slf.get().machine(slf.py()).borrow().waits_for_turns_end();
        if waits { tls_writing::send(slf) } else { Ok(()) }
    }

    /// Does what the state asks for, with something new to read.
    #[inline]
    pub(super) fn go_on(slf: &Bound<'_, Self>, at_most: usize) -> PyResult<()> {
        let py = slf.py();
        let next = slf.get().machine(py).borrow().next();
        match next {
            Next::Nothing => Ok(()),
            Next::Read => tls_reading::read(slf, at_most),
            Next::ShakeHands => Tls::call(slf, intern!(py, "_shake_hands"), ()),
            Next::Flush => Tls::call(slf, intern!(py, "_flush"), ()),
            Next::ShutDown => Tls::call(slf, intern!(py, "_shut_down"), ()),
        }
    }
}

#[pymethods]
impl Tls {
    #[new]
    #[pyo3(signature = (owner, protocol, session, incoming, outgoing, *, is_plain, is_upgrade, **_options))]
    #[expect(clippy::too_many_arguments, reason = "the parts that it is put together from")]
    fn new(
        owner: Py<EventLoop>,
        protocol: &Bound<'_, PyAny>,
        session: &Bound<'_, PyAny>,
        incoming: &Bound<'_, PyAny>,
        outgoing: &Bound<'_, PyAny>,
        is_plain: bool,
        is_upgrade: bool,
        _options: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let machine = if is_upgrade { Machine::upgrading() } else { Machine::default() };
        Ok(Tls {
            state: Gil::new(State {
                owner,
                machine: RefCell::new(machine),
                session: Session::new(session, incoming, outgoing, is_plain)?,
                may_answer: Cell::new(true),
                carrier: RefCell::default(),
                protocol: RefCell::new(Some(Protocol::new(protocol)?)),
            }),
        })
    }

    // --- what its transport hands on to the user

    fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        tls_writing::write(slf, data)
    }

    fn writelines(slf: &Bound<'_, Self>, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        tls_writing::writelines(slf, list_of_data)
    }

    /// What the carrier hasn't been given, in bytes.
    fn get_write_buffer_size(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Tls::send_what_waits(slf)?;
        let waiting = slf.get().machine(slf.py()).borrow().queue().bytes();
        Ok(waiting + slf.get().session(slf.py()).outgoing(slf.py())?)
    }

    fn is_reading(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_reading()
    }

    fn get_app_protocol(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.protocol(py).map(|protocol| protocol.object)
    }

    fn set_app_protocol(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let after = Protocol::new(protocol)?;
        let place = &self.state.get(protocol.py()).protocol;
        let before = place.borrow_mut().as_mut().map(|before| mem::replace(before, after));
        drop(before);
        Ok(())
    }

    fn pause_reading(&self, py: Python<'_>) {
        self.machine(py).borrow_mut().pause_reading();
    }

    /// Returns whether it was paused.
    fn resume_reading(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow_mut().resume_reading()
    }

    /// Deals with what has come while reading was paused.
    fn catch_up(slf: &Bound<'_, Self>) -> PyResult<()> {
        let is_too_early = slf.get().machine(slf.py()).borrow().is_shaking_hands();
        if is_too_early { Ok(()) } else { Tls::go_on(slf, RECORD) }
    }

    fn set_incoming_marks(slf: &Bound<'_, Self>, high: usize, low: usize) -> PyResult<()> {
        slf.get().machine(slf.py()).borrow_mut().set_incoming_marks(high, low);
        tls_reading::control_carrier(slf)
    }

    fn set_outgoing_marks(slf: &Bound<'_, Self>, high: usize, low: usize) -> PyResult<()> {
        slf.get().machine(slf.py()).borrow_mut().set_outgoing_marks(high, low);
        tls_writing::control_protocol(slf)
    }

    /// Whether the protocol was asked to pause writing.
    fn is_paused(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_paused()
    }

    // --- what the class that derives from it uses itself

    /// The carrier is there; false if the connection was closed before.
    fn begin(&self, carrier: &Bound<'_, PyAny>) -> PyResult<bool> {
        let py = carrier.py();
        let own = if let Ok(stream) = carrier.cast::<Stream>() {
            Carrier::Stream(stream.clone().unbind())
        } else if let Ok(tls) = carrier.cast::<Tls>() {
            Carrier::Tls(tls.clone().unbind())
        } else {
            return Err(PyTypeError::new_err("the carrier of TLS must be a Stream or a Tls"));
        };
        self.state.get(py).carrier.replace(Some(own));
        Ok(self.machine(py).borrow_mut().begin())
    }

    /// The handshake is done; false if the connection has ended meanwhile.
    fn open(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow_mut().open()
    }

    fn is_shaking_hands(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_shaking_hands()
    }

    fn tells_made(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow_mut().tells_made()
    }

    fn tells_input_ended(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow_mut().tells_input_ended()
    }

    fn has_input_ended(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().has_input_ended()
    }

    /// Decrypts what has come, if anything has, and hands it on.
    fn read(slf: &Bound<'_, Self>) -> PyResult<()> {
        let is_drained = slf.get().session(slf.py()).is_drained(slf.py(), true)?;
        if is_drained { Ok(()) } else { tls_reading::read(slf, RECORD) }
    }

    /// Encrypts what waits, and gives all that is encrypted to the carrier.
    fn send(slf: &Bound<'_, Self>) -> PyResult<()> {
        tls_writing::send(slf)
    }

    fn pause_writing(&self, py: Python<'_>) {
        self.machine(py).borrow_mut().carrier_is_full();
    }

    fn resume_writing(slf: &Bound<'_, Self>) -> PyResult<()> {
        slf.get().machine(slf.py()).borrow_mut().carrier_has_room();
        tls_writing::drain(slf)
    }

    /// The carrier's input has ended; true if the carrier is to be kept open.
    fn input_ended(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let end = slf.get().machine(py).borrow_mut().input_ended();
        match end {
            InputEnd::Ignore => {}
            InputEnd::KeepOpen => return Ok(true),
            InputEnd::FailHandshake => Tls::call(slf, intern!(py, "_carrier_ended"), ())?,
            InputEnd::Flush => Tls::call(slf, intern!(py, "_flush"), ())?,
            InputEnd::FlushOutput => {
                tls_writing::send(slf)?;
                Tls::call(slf, intern!(py, "_flushed"), ())?;
            }
            InputEnd::ShutDown => Tls::call(slf, intern!(py, "_shut_down"), ())?,
        }
        Ok(false)
    }

    /// Begins the shutdown; the answer is false if there is none, as no handshake
    /// was made, and None if the connection was closed before.
    fn close(slf: &Bound<'_, Self>) -> PyResult<Option<bool>> {
        Tls::send_what_waits(slf)?;
        let close = slf.get().machine(slf.py()).borrow_mut().close();
        Ok(match close {
            Close::Already => None,
            Close::Abort => Some(false),
            Close::Flush => Some(true),
        })
    }

    /// What was left is read and encrypted; false if it is too late to shut down.
    fn flushed(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow_mut().flushed()
    }

    fn is_closing(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_closing()
    }

    fn end(&self, py: Python<'_>) {
        self.machine(py).borrow_mut().end();
    }

    /// Lets go of carrier and protocol; whether the latter is to be told.
    fn lost(&self, py: Python<'_>) -> bool {
        let (tells, unsent) = self.machine(py).borrow_mut().lost();
        let state = self.state.get(py);
        let held = (unsent, state.carrier.take(), state.protocol.take());
        drop(held);
        tells
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let state = self.state.visited(&visit);
        visit.call(&state.owner)?;
        state.session.traverse(&visit)?;
        if let Ok(carrier) = state.carrier.try_borrow() {
            match &*carrier {
                Some(Carrier::Stream(stream)) => visit.call(stream)?,
                Some(Carrier::Tls(tls)) => visit.call(tls)?,
                None => {}
            }
        }
        match state.protocol.try_borrow() {
            Ok(protocol) => visit.call(protocol.as_ref().map(|protocol| &protocol.object)),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self, py: Python<'_>) {
        let state = self.state.get(py);
        let held = (state.carrier.take(), state.protocol.take());
        drop(held);
    }
}
