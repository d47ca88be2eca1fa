//! A stream connection: what it holds, and its methods.

use std::cell::{Cell, RefCell};
use std::mem;
use std::os::fd::RawFd;
use std::rc::Rc;

use cafeloop::engine::{Engine, Interest};
use cafeloop::flow::FlowChange;
use cafeloop::io::{Close, End, Stream as Machine};
use pyo3::call::PyCallArgs;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyContext, PyString};
use pyo3::{PyTraverseError, PyVisit};

use super::watching::Watched;
use super::{reading, writing};
use crate::event_loop::{EventLoop, debug};
use crate::ffi::{self, Socket, in_context};
use crate::gil::Gil;
use crate::host::Python3;
use crate::{errors, names, recorder};

/// How a protocol is given what was received.
#[derive(Clone, Copy)]
pub(super) enum Receives {
    /// `data_received(bytes)`.
    Data,
    /// `get_buffer()`, then `buffer_updated(count)`.
    IntoBuffer,
}

/// Whom a connection tells.
pub(super) struct Protocol {
    pub(super) object: Py<PyAny>,
    pub(super) receives: Receives,
}

impl Protocol {
    fn new(object: &Bound<'_, PyAny>) -> PyResult<Self> {
        let into_buffer = object.is_instance(names::buffered_protocol(object.py())?)?;
        let receives = if into_buffer { Receives::IntoBuffer } else { Receives::Data };
        Ok(Protocol { object: object.clone().unbind(), receives })
    }

    fn clone_ref(&self, py: Python<'_>) -> Self {
        Protocol { object: self.object.clone_ref(py), receives: self.receives }
    }
}

/// The native half of a stream transport.
///
/// The loop holds it while it watches the socket, and it holds the transport: so a
/// connection lives that nobody else refers to.  When it is lost it lets go.
#[pyclass(frozen, weakref, module = "cafeloop")]
pub(crate) struct Stream {
    state: Gil<State>,
}

struct State {
    owner: Py<EventLoop>,
    socket: Socket,
    machine: RefCell<Machine<Py<PyBytes>>>,
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
    protocol: Protocol,
}

impl Stream {
    pub(super) fn machine<'py>(&'py self, py: Python<'py>) -> &'py RefCell<Machine<Py<PyBytes>>> {
        &self.state.get(py).machine
    }

    pub(super) fn watched<'py>(&'py self, py: Python<'py>) -> &'py Watched {
        &self.state.get(py).watched
    }

    pub(super) fn try_engine(&self, py: Python<'_>) -> Option<Rc<Engine<Python3>>> {
        self.state.get(py).owner.get().try_engine(py)
    }

    pub(crate) fn recorded_as<'py>(&'py self, py: Python<'py>) -> &'py Cell<u32> {
        &self.state.get(py).recorded_as
    }

    /// Its loop.
    pub(crate) fn owner<'py>(slf: &Bound<'py, Self>) -> Bound<'py, EventLoop> {
        slf.get().state.get(slf.py()).owner.bind(slf.py()).clone()
    }

    /// The socket's descriptor now: -1 if its owner has closed it.
    #[inline]
    pub(crate) fn fd(&self, py: Python<'_>) -> RawFd {
        self.state.get(py).socket.fd(py)
    }

    pub(super) fn socket<'py>(&'py self, py: Python<'py>) -> &'py Bound<'py, PyAny> {
        self.state.get(py).socket.object().bind(py)
    }

    #[inline]
    pub(super) fn turn(&self, py: Python<'_>) -> Option<u64> {
        self.try_engine(py).and_then(|engine| engine.host().turns_end.turn())
    }

    #[inline]
    pub(super) fn received(&self, py: Python<'_>, bytes: usize) {
        self.machine(py).borrow_mut().received(bytes);
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

    /// The transport, until the connection is lost.
    pub(crate) fn transport(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        self.state.get(py).ends.borrow().as_ref().map(|ends| ends.transport.clone_ref(py))
    }

    pub(super) fn input_ended(&self, py: Python<'_>) -> PyResult<()> {
        self.call(py, intern!(py, "_input_ended"), ())
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

    /// The context to call in from now on: the one that was chosen, or a copy of
    /// the running code's, as a reader of asyncio's has it.
    fn enter_from_now(
        &self,
        py: Python<'_>,
        place: &RefCell<Option<Py<PyContext>>>,
    ) -> PyResult<()> {
        let context = match &self.state.get(py).context {
            Some(chosen) => chosen.clone_ref(py),
            None => ffi::copy_context(py)?.unbind(),
        };
        let before = place.replace(Some(context));
        drop(before);
        Ok(())
    }

    pub(super) fn remember_sending_context(&self, py: Python<'_>) -> PyResult<()> {
        self.enter_from_now(py, &self.state.get(py).sending_in)
    }

    /// What the loop runs when there is something to read.
    pub(crate) fn read(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        // It may have been paused or closed since it was told.
        let Some(room) = state.machine.borrow().room() else { return Ok(()) };
        let Some(protocol) = state.ends.borrow().as_ref().map(|ends| ends.protocol.clone_ref(py))
        else {
            return Ok(());
        };
        Stream::run(slf, &state.reading_in, || reading::read(slf, room, &protocol))
    }

    /// What the loop runs when there is room for what waits.
    pub(crate) fn send(slf: &Bound<'_, Self>) -> PyResult<()> {
        let state = slf.get().state.get(slf.py());
        if !state.watched.is_watching(Interest::Write) {
            return Ok(());
        }
        Stream::run(slf, &state.sending_in, || writing::send(slf))
    }

    fn run(
        slf: &Bound<'_, Self>,
        place: &RefCell<Option<Py<PyContext>>>,
        job: impl FnOnce() -> PyResult<()>,
    ) -> PyResult<()> {
        let py = slf.py();
        let Some(context) = place.borrow().as_ref().map(|context| context.clone_ref(py)) else {
            return Ok(());
        };
        let owner = slf.get().state.get(py).owner.bind(py);
        if owner.get().is_debug(py) {
            let Some(transport) = slf.get().transport(py) else { return Ok(()) };
            let what = || Ok(transport.bind(py).repr()?.into_any());
            debug::time(owner, what, || in_context(context.bind(py), job))
        } else {
            in_context(context.bind(py), job)
        }
    }

    /// Sends what waits for the end of the turn, now.
    pub(crate) fn send_what_waits(slf: &Bound<'_, Self>) -> PyResult<()> {
        let waits = slf.get().machine(slf.py()).borrow().waits_for_turns_end();
        if waits { writing::send(slf) } else { Ok(()) }
    }

    fn stop_watching(slf: &Bound<'_, Self>) {
        let watched = slf.get().watched(slf.py());
        watched.end(slf, Interest::Read);
        watched.end(slf, Interest::Write);
    }

    fn watch_input(slf: &Bound<'_, Self>) -> PyResult<()> {
        let py = slf.py();
        let state = slf.get().state.get(py);
        if !state.machine.borrow().wants_input() {
            return Ok(());
        }
        slf.get().enter_from_now(py, &state.reading_in)?;
        state.watched.begin(slf, Interest::Read)
    }

    /// Whether its socket is this one and in use.
    pub(crate) fn uses(&self, py: Python<'_>, fd: RawFd) -> bool {
        let machine = self.machine(py).borrow();
        !machine.is_closing() && !machine.is_lent() && self.fd(py) == fd
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
        let socket = Socket::new(sock)?;
        let ends = Ends { transport, protocol: Protocol::new(protocol)? };
        Ok(Stream {
            state: Gil::new(State {
                owner,
                socket,
                machine: RefCell::default(),
                watched: Watched::default(),
                attached_to: Cell::default(),
                recorded_as: Cell::default(),
                ends: RefCell::new(Some(ends)),
                context,
                reading_in: RefCell::default(),
                sending_in: RefCell::default(),
            }),
        })
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
            if recorder::is_on() {
                recorder::flow_changed(slf, FlowChange::ReadingPaused);
            }
            slf.get().watched(slf.py()).end(slf, Interest::Read);
        }
        pauses
    }

    /// Returns whether it was paused.
    fn resume_reading(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let resumes = slf.get().machine(slf.py()).borrow_mut().resume_reading();
        if resumes {
            if recorder::is_on() {
                recorder::flow_changed(slf, FlowChange::ReadingResumed);
            }
            Stream::watch_input(slf)?;
        }
        Ok(resumes)
    }

    /// What the kernel hasn't taken, in bytes; what it can take, it takes now.
    fn get_write_buffer_size(slf: &Bound<'_, Self>) -> PyResult<usize> {
        Stream::send_what_waits(slf)?;
        Ok(slf.get().machine(slf.py()).borrow().queue().bytes())
    }

    fn get_protocol(&self, py: Python<'_>) -> Option<Py<PyAny>> {
        let ends = self.state.get(py).ends.borrow();
        ends.as_ref().map(|ends| ends.protocol.object.clone_ref(py))
    }

    // --- what a transport uses itself

    fn set_protocol(&self, protocol: &Bound<'_, PyAny>) -> PyResult<()> {
        let after = Protocol::new(protocol)?;
        let ends = &self.state.get(protocol.py()).ends;
        let replace = |ends: &mut Ends| mem::replace(&mut ends.protocol, after);
        let before = ends.borrow_mut().as_mut().map(replace);
        drop(before);
        Ok(())
    }

    /// Takes the socket's descriptor for itself: `add_reader` refuses it from now on.
    fn attach(slf: &Bound<'_, Self>) -> PyResult<()> {
        let state = slf.get().state.get(slf.py());
        state.owner.get().transports(slf.py()).add(slf)?;
        state.attached_to.set(Some(slf.get().fd(slf.py())));
        Ok(())
    }

    /// Begins to read, unless it was paused before.
    fn start(slf: &Bound<'_, Self>) -> PyResult<()> {
        Stream::watch_input(slf)
    }

    /// The other side has ended its writing, and ours goes on.
    fn keep_open(slf: &Bound<'_, Self>) {
        slf.get().machine(slf.py()).borrow_mut().input_ended();
        slf.get().watched(slf.py()).end(slf, Interest::Read);
    }

    fn write_eof(slf: &Bound<'_, Self>) -> PyResult<()> {
        Stream::send_what_waits(slf)?;
        let end = slf.get().machine(slf.py()).borrow_mut().end_writing();
        if end == End::Now { writing::end_writing(slf) } else { Ok(()) }
    }

    /// Returns whether the connection is lost now: then nothing waited to be sent.
    fn close(slf: &Bound<'_, Self>) -> PyResult<bool> {
        Stream::send_what_waits(slf)?;
        let close = slf.get().machine(slf.py()).borrow_mut().close();
        match close {
            Close::Already => {}
            Close::Lose => Stream::stop_watching(slf),
            Close::Later => slf.get().watched(slf.py()).end(slf, Interest::Read),
        }
        Ok(close == Close::Lose)
    }

    /// Returns whether the connection is lost now, and wasn't before.
    fn abort(slf: &Bound<'_, Self>) -> bool {
        let unsent = slf.get().machine(slf.py()).borrow_mut().abort();
        Stream::stop_watching(slf);
        unsent.is_some()
    }

    /// Whether the socket is watched for reading, and for writing.
    fn is_watched(&self, py: Python<'_>) -> (bool, bool) {
        let watched = self.watched(py);
        (watched.is_watching(Interest::Read), watched.is_watching(Interest::Write))
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

    /// Lets go of transport and protocol: the connection is lost and they were told.
    fn release(slf: &Bound<'_, Self>) {
        let state = slf.get().state.get(slf.py());
        Stream::stop_watching(slf);
        if recorder::is_on() {
            recorder::transport_closed(slf);
        }
        if let Some(fd) = state.attached_to.take() {
            state.owner.get().transports(slf.py()).remove(slf, fd);
        }
        let held = (state.ends.take(), state.reading_in.take(), state.sending_in.take());
        drop(held);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let state = self.state.visited(&visit);
        visit.call(&state.owner)?;
        visit.call(state.socket.object())?;
        visit.call(&state.context)?;
        for context in [&state.reading_in, &state.sending_in] {
            if let Ok(context) = context.try_borrow() {
                visit.call(&*context)?;
            }
        }
        if let Ok(ends) = state.ends.try_borrow()
            && let Some(ends) = &*ends
        {
            visit.call(&ends.transport)?;
            visit.call(&ends.protocol.object)?;
        }
        Ok(())
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        let state = slf.get().state.get(slf.py());
        let held = (state.ends.take(), state.reading_in.take(), state.sending_in.take());
        drop(held);
    }
}
