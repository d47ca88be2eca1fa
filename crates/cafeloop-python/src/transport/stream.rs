//! A stream connection: what it holds, and its methods.

use std::cell::{Cell, RefCell};
use std::os::fd::RawFd;

use cafeloop::engine::Interest;
use cafeloop::flow::FlowChange;
use cafeloop::io::{Close, End, Stream as Machine, Turn};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyContext};
use pyo3::{PyTraverseError, PyVisit};

use super::endpoint::Endpoint;
use super::medium::Medium;
use super::watching::Watching;
use super::{Tls, reading, writing};
use crate::event_loop::EventLoop;
use crate::gil::Gil;
use crate::host::Watcher;
use crate::{errors, names, recorder};

/// So many large reads are made in a turn at most, if nobody else has anything to do.
const READS_AT_ONCE: u32 = 3;

/// How a protocol is given what was received.
#[derive(Clone, Copy)]
pub(super) enum Receives {
    /// `data_received(bytes)`.
    Data,
    /// `get_buffer()`, then `buffer_updated(count)`.
    IntoBuffer,
    /// It is a [`Tls`], which takes bytes without a call of Python's.
    Encrypted,
}

impl Receives {
    pub(super) fn of(protocol: &Bound<'_, PyAny>, medium: Medium) -> PyResult<Self> {
        if protocol.is_instance_of::<Tls>() {
            return Ok(Receives::Encrypted);
        }
        // asyncio's pipes know no other way than bytes.
        let into_buffer = medium == Medium::Socket
            && protocol.is_instance(names::buffered_protocol(protocol.py())?)?;
        Ok(if into_buffer { Receives::IntoBuffer } else { Receives::Data })
    }
}

/// The native half of a stream transport, or of a pipe's.
#[pyclass(frozen, weakref, module = "cafeloop")]
pub(crate) struct Stream {
    state: Gil<State>,
}

struct State {
    endpoint: Endpoint,
    medium: Medium,
    machine: RefCell<Machine<Py<PyBytes>>>,
    receives: Cell<Receives>,
}

impl Watching for Stream {
    #[inline]
    fn endpoint<'py>(&'py self, py: Python<'py>) -> &'py Endpoint {
        &self.state.get(py).endpoint
    }

    fn watcher(own: Py<Self>, interest: Interest) -> Watcher {
        match interest {
            Interest::Read => Watcher::Reader(own),
            Interest::Write => Watcher::Sender(own),
        }
    }
}

impl Stream {
    pub(super) fn machine<'py>(&'py self, py: Python<'py>) -> &'py RefCell<Machine<Py<PyBytes>>> {
        &self.state.get(py).machine
    }

    #[inline]
    pub(super) fn fd(&self, py: Python<'_>) -> RawFd {
        self.endpoint(py).fd(py)
    }

    /// The transport, until the connection is lost.
    pub(super) fn transport(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.endpoint(py).transport(py)
    }

    #[inline]
    pub(super) fn medium(&self, py: Python<'_>) -> Medium {
        self.state.get(py).medium
    }

    /// The turn in which it writes now, at whose end that may be sent, if it may be put off.
    #[inline]
    pub(super) fn turn(&self, py: Python<'_>) -> Option<Turn> {
        if !self.medium(py).puts_writes_off() {
            return None;
        }
        self.endpoint(py).try_engine(py).and_then(|engine| engine.host().turns_end.write())
    }

    #[inline]
    pub(super) fn received(&self, py: Python<'_>, bytes: usize) -> bool {
        self.machine(py).borrow_mut().received(bytes)
    }

    pub(super) fn input_ended(&self, py: Python<'_>) -> PyResult<()> {
        self.endpoint(py).call(py, intern!(py, "_input_ended"), ())
    }

    /// The protocol didn't take what came.  That ends a socket's connection; with a
    /// pipe's it is reported like any callback's error, and the next bytes are its own.
    pub(super) fn not_taken(&self, py: Python<'_>, error: PyErr, message: &str) -> PyResult<()> {
        if self.medium(py) == Medium::Socket || errors::leaves_the_loop(error.value(py)) {
            return self.endpoint(py).fail(py, error, message);
        }
        self.endpoint(py).call(py, intern!(py, "_callback_failed"), ("data_received", error))
    }

    fn reader_has_gone(&self, py: Python<'_>) -> PyResult<()> {
        if self.machine(py).borrow().is_lost() {
            return Ok(());
        }
        self.endpoint(py).call(py, intern!(py, "_reader_has_gone"), ())
    }

    /// What the loop runs when there is something to read.
    pub(crate) fn read(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        if state.medium == Medium::PipeToWrite {
            return state.endpoint.run(py, Interest::Read, || slf.get().reader_has_gone(py));
        }
        for _ in 0..READS_AT_ONCE {
            // It may have been paused or closed since it was told, or read before.
            let Some(room) = state.machine.borrow().room() else { break };
            let Some(protocol) = state.endpoint.protocol(py) else { break };
            let (receives, mut more) = (state.receives.get(), false);
            state.endpoint.run(py, Interest::Read, || {
                more = reading::read(slf, room, &protocol, receives)?;
                Ok(())
            })?;
            if !more || !state.endpoint.is_alone(py) {
                break;
            }
        }
        Ok(())
    }

    /// What the loop runs when there is room for what waits.
    pub(crate) fn send(slf: &Bound<'_, Self>) -> PyResult<()> {
        let endpoint = slf.get().endpoint(slf.py());
        if !endpoint.watched().is_watching(Interest::Write) {
            return Ok(());
        }
        endpoint.run(slf.py(), Interest::Write, || writing::send(slf))
    }

    /// Sends what waits for the end of the turn, now.
    pub(crate) fn send_what_waits(slf: &Bound<'_, Self>) -> PyResult<()> {
        let waits = slf.get().machine(slf.py()).borrow().waits_for_turns_end();
        if !waits {
            return Ok(());
        }
        writing::send(slf)?;
        writing::pause_if_full(slf)
    }

    fn watch_input(slf: &Bound<'_, Self>) -> PyResult<()> {
        let state = slf.get().state.get(slf.py());
        let is_of_use = match state.medium {
            Medium::Socket | Medium::PipeToRead => state.machine.borrow().wants_input(),
            Medium::PipeToWrite => !state.machine.borrow().is_lost(),
        };
        if is_of_use { Endpoint::begin_reading(slf) } else { Ok(()) }
    }

    fn stop_reading(slf: &Bound<'_, Self>) {
        slf.get().endpoint(slf.py()).watched().end(slf, Interest::Read);
    }

    fn make(
        medium: Medium,
        owner: Py<EventLoop>,
        transport: Py<PyAny>,
        object: &Bound<'_, PyAny>,
        protocol: &Bound<'_, PyAny>,
        context: Option<Py<PyContext>>,
    ) -> PyResult<Self> {
        Ok(Stream {
            state: Gil::new(State {
                endpoint: Endpoint::new(owner, transport, object, protocol, context)?,
                medium,
                machine: RefCell::default(),
                receives: Cell::new(Receives::of(protocol, medium)?),
            }),
        })
    }

    /// Whether its socket is this one and in use.
    pub(super) fn uses(&self, py: Python<'_>, fd: RawFd) -> bool {
        let machine = self.machine(py).borrow();
        !machine.is_closing() && !machine.is_lent() && self.fd(py) == fd
    }
}

/// Tells a recording that the flow changes.
pub(super) fn recorded(slf: &Bound<'_, Stream>, change: FlowChange) {
    if recorder::is_on() {
        recorder::flow_changed(slf.py(), slf.get().endpoint(slf.py()), change);
    }
}

#[pymethods]
impl Stream {
    #[new]
    #[pyo3(signature = (owner, transport, sock, protocol, context=None))]
    fn new(
        owner: Py<EventLoop>,
        transport: Py<PyAny>,
        sock: &Bound<'_, PyAny>,
        protocol: &Bound<'_, PyAny>,
        context: Option<Py<PyContext>>,
    ) -> PyResult<Self> {
        Stream::make(Medium::Socket, owner, transport, sock, protocol, context)
    }

    #[staticmethod]
    fn of_pipe_to_read(
        owner: Py<EventLoop>,
        transport: Py<PyAny>,
        pipe: &Bound<'_, PyAny>,
        protocol: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        Stream::make(Medium::PipeToRead, owner, transport, pipe, protocol, None)
    }

    #[staticmethod]
    fn of_pipe_to_write(
        owner: Py<EventLoop>,
        transport: Py<PyAny>,
        pipe: &Bound<'_, PyAny>,
        protocol: &Bound<'_, PyAny>,
    ) -> PyResult<Self> {
        Stream::make(Medium::PipeToWrite, owner, transport, pipe, protocol, None)
    }

    // --- what a transport hands on to its user

    fn write(slf: &Bound<'_, Self>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        writing::write(slf, data)
    }

    fn writelines(slf: &Bound<'_, Self>, list_of_data: &Bound<'_, PyAny>) -> PyResult<()> {
        writing::writelines(slf, list_of_data)
    }

    fn is_closing(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_closing()
    }

    fn is_reading(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_reading()
    }

    /// Returns whether anything was read until now.
    fn pause_reading(slf: &Bound<'_, Self>) -> bool {
        let pauses = slf.get().machine(slf.py()).borrow_mut().pause_reading();
        if pauses {
            recorded(slf, FlowChange::ReadingPaused);
            Stream::stop_reading(slf);
        }
        pauses
    }

    /// Returns whether it was paused.
    fn resume_reading(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let resumes = slf.get().machine(slf.py()).borrow_mut().resume_reading();
        if resumes {
            recorded(slf, FlowChange::ReadingResumed);
            Stream::watch_input(slf)?;
        }
        Ok(resumes)
    }

    /// What the kernel hasn't taken, in bytes; what it can take, it takes now.
    fn get_write_buffer_size(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Stream::send_what_waits(slf)?;
        Ok(slf.get().machine(slf.py()).borrow().queue().bytes())
    }

    fn get_protocol<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        self.endpoint(py).protocol(py)
    }

    // --- what a transport uses itself

    fn set_protocol(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let receives = Receives::of(protocol, self.medium(protocol.py()))?;
        self.state.get(protocol.py()).receives.set(receives);
        self.endpoint(protocol.py()).set_protocol(protocol);
        Ok(())
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

    /// The socket's own and the other side's address, of a connection that the loop has
    /// accepted.
    fn addresses<'py>(
        &self,
        py: Python<'py>,
    ) -> PyResult<Option<(Bound<'py, PyAny>, Bound<'py, PyAny>)>> {
        let known = self.endpoint(py).addresses();
        known.map(|known| Ok((known.local(py)?, known.peer(py)?))).transpose()
    }

    /// Has the protocol told in the next turn, then begins to read; false if that is for
    /// the transport to do.
    fn begin_soon(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Stream::queue_beginning(slf)
    }

    /// Has the protocol told of the loss in the next turn, and lets go; likewise.
    fn end_soon(slf: &Bound<'_, Self>, error: Option<Bound<'_, PyAny>>) -> PyResult<bool> {
        Stream::queue_end(slf, error)
    }

    /// Begins to read, unless it was paused before; or to watch whether the reader of a
    /// pipe goes.
    fn start(slf: &Bound<'_, Self>) -> PyResult<()> {
        Stream::watch_input(slf)
    }

    /// The other side has ended its writing, and ours goes on.
    fn keep_open(slf: &Bound<'_, Self>) {
        slf.get().machine(slf.py()).borrow_mut().input_ended();
        Stream::stop_reading(slf);
    }

    fn write_eof(slf: &Bound<'_, Self>) -> PyResult<()> {
        Stream::send_what_waits(slf)?;
        let end = slf.get().machine(slf.py()).borrow_mut().end_writing();
        if end == End::Now { writing::end_writing(slf) } else { Ok(()) }
    }

    /// Returns whether the connection is lost now: then nothing waited to be sent.
    fn close(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Stream::send_what_waits(slf)?;
        let is_pipe_to_write = slf.get().medium(slf.py()) == Medium::PipeToWrite;
        if is_pipe_to_write {
            // Its end is its close, and nothing is written any more while that lasts.
            slf.get().machine(slf.py()).borrow_mut().end_writing();
        }
        let close = slf.get().machine(slf.py()).borrow_mut().close();
        match close {
            Close::Already => {}
            Close::Lose => Endpoint::stop_watching(slf),
            // Whoever reads the rest may go before it is sent.
            Close::Later if is_pipe_to_write => {}
            Close::Later => Stream::stop_reading(slf),
        }
        Ok(close == Close::Lose)
    }

    #[pyo3(name = "send_what_waits")]
    fn send_at_once(slf: &Bound<'_, Self>) -> PyResult<()> {
        Stream::send_what_waits(slf)
    }

    /// Returns whether the connection is lost now, and wasn't before.  What waits for the
    /// end of the turn is offered to the kernel, which has it by now with asyncio.
    fn abort(slf: &Bound<'_, Self>) -> bool {
        let waits = slf.get().machine(slf.py()).borrow().waits_for_turns_end();
        if waits {
            // Whatever it refuses, the connection is lost already.
            let _ = writing::offer(slf);
        }
        let unsent = slf.get().machine(slf.py()).borrow_mut().abort();
        Endpoint::stop_watching(slf);
        unsent.is_some()
    }

    /// Whether the socket is watched for reading, and for writing.
    fn is_watched(&self, py: Python<'_>) -> (bool, bool) {
        self.endpoint(py).is_watched()
    }

    /// Bytes between which a writer is left alone.
    fn set_marks(slf: &Bound<'_, Self>, high: usize, low: usize) -> PyResult<()> {
        slf.get().machine(slf.py()).borrow_mut().set_marks(high, low);
        writing::pause_if_full(slf)
    }

    /// Whether the protocol was asked to pause writing.
    fn is_paused(&self, py: Python<'_>) -> bool {
        self.machine(py).borrow().is_paused()
    }

    /// Lends the socket to somebody who writes to it; false if it is lent.  The
    /// transport's `_drained` is called when nothing waits any more, which is now if
    /// the second answer is true.
    fn lend(slf: &Bound<'_, Self>) -> PyResult<(bool, bool)> {
        Stream::send_what_waits(slf)?;
        let mut machine = slf.get().machine(slf.py()).borrow_mut();
        Ok((machine.lend(), machine.queue().is_empty()))
    }

    fn give_back(slf: &Bound<'_, Self>) -> PyResult<()> {
        let ends = slf.get().machine(slf.py()).borrow_mut().give_back();
        if ends { writing::end_writing(slf) } else { Ok(()) }
    }

    /// Closes the socket and lets go of transport and protocol: the connection is lost and
    /// they were told.
    fn release(slf: &Bound<'_, Self>) -> PyResult<()> {
        Endpoint::release(slf)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.state.visited(&visit).endpoint.traverse(&visit)
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        slf.get().endpoint(slf.py()).clear();
    }
}
