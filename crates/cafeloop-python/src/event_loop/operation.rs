//! What the `sock_*` methods do per packet: receiving from a user's own socket, and
//! sending to it.
//!
//! The socket stays the user's, who may close it at any time: it is asked for its
//! descriptor each time, and the kernel whose the number is.  Whatever isn't a plain
//! socket is left to `python/cafeloop/_sock.py`, by answering None.

use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::rc::Rc;

use cafeloop::engine::{Engine, Interest};
use cafeloop::io::READ_SIZE;
use cafeloop::net::wire;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyByteArray, PyBytes, PyInt, PyMemoryView, PyType};
use pyo3::{PyTraverseError, PyVisit};

use super::EventLoop;
use crate::errors::os_error;
use crate::ffi::{PlainSocket, ReadableBuffer, View, WritableBuffer};
use crate::host::{Job, Python3, Watcher};
use crate::object::{self, Future, Strong, Task};
use crate::{names, recorder};

/// A receiving that waits until its socket has something.
pub(crate) struct Operation {
    /// What the user awaits.
    future: Strong<Future>,
    socket: PlainSocket,
    way: Way,
}

/// Where the bytes go.
enum Way {
    /// So many at most, into bytes.
    Bytes(usize),
    /// Into memory of the user's: a bytearray or a memoryview, neither of which asks
    /// Python code for it.
    Into(Py<PyAny>),
}

impl Operation {
    /// Tries again; the task that is to go on at once, if that is all that it waited for.
    pub(crate) fn go_on(self: Box<Self>, py: Python<'_>) -> PyResult<Option<Bound<'_, Task>>> {
        let future = self.future.bind(py);
        if !object::is_pending(future) {
            // Cancelled, and whoever waited hasn't run yet.
            return Ok(None);
        }
        let owner = object::owner_of_future(future)?;
        let Some(engine) = owner.get().try_engine(py) else { return Ok(None) };
        let received = self.attempt(py, &engine);
        let outcome = match received {
            Err(error) if is_for_later(&error) => {
                let future = future.clone();
                match self.wait(&owner, &engine) {
                    Ok(()) => return Ok(None),
                    Err(error) => return finish(&future, Err(error)),
                }
            }
            Err(error) => Err(os_error(py, &error)),
            Ok(received) => received,
        };
        finish(future, outcome)
    }

    /// What the kernel gives; within, what becomes of it in Python.
    fn attempt<'py>(
        &self,
        py: Python<'py>,
        engine: &Engine<Python3>,
    ) -> io::Result<PyResult<Bound<'py, PyAny>>> {
        let fd = self.socket.fd(py);
        match &self.way {
            Way::Bytes(most) => {
                let received = engine
                    .host()
                    .read_buffer
                    .receive(py, |buffer| wire::receive(fd, &mut buffer[..*most]))?;
                Ok(Ok(received.into_any()))
            }
            Way::Into(memory) => {
                let mut view = View::new();
                let mut buffer = match WritableBuffer::of(&mut view, memory.bind(py)) {
                    Ok(buffer) => buffer,
                    Err(error) => return Ok(Err(error)),
                };
                // Python's sockets don't ask the kernel for nothing, which may wait for some.
                let bytes = buffer.fill(|room| match room {
                    [] => Ok(0),
                    room => wire::receive(fd, room).map(|room| room.len()),
                })?;
                Ok(Ok(PyInt::new(py, bytes).into_any()))
            }
        }
    }

    /// Has itself told when there is something to read.
    fn wait(
        self: Box<Self>,
        owner: &Bound<'_, EventLoop>,
        engine: &Engine<Python3>,
    ) -> PyResult<()> {
        let py = owner.py();
        let fd = self.socket.fd(py);
        owner.get().transports(py).refuse_used(fd, PyInt::new(py, fd).as_any())?;
        let before = engine.watch_once(fd, Interest::Read, Watcher::Operation(self));
        let before = before.map_err(|error| os_error(py, &error))?;
        before.map_or(Ok(()), |before| before.replaced(py))
    }

    /// -1 if the socket is closed.
    pub(crate) fn fd(&self, py: Python<'_>) -> RawFd {
        self.socket.fd(py)
    }

    pub(crate) fn is_of(&self, future: &Bound<'_, PyAny>) -> bool {
        self.future.as_ptr().cast() == future.as_ptr()
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(self.future.as_py())?;
        visit.call(self.socket.object())?;
        match &self.way {
            Way::Bytes(_) => Ok(()),
            Way::Into(memory) => visit.call(memory),
        }
    }
}

/// The kernel has nothing yet, or a signal came.
fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// Ends what the user awaits.
fn finish<'py>(
    future: &Bound<'py, Future>,
    outcome: PyResult<Bound<'py, PyAny>>,
) -> PyResult<Option<Bound<'py, Task>>> {
    let Some(task) = object::finish_future(future, outcome)? else { return Ok(None) };
    if !recorder::is_on() {
        return Ok(Some(task));
    }
    // A recording tells of the wake-up and of the step, one after the other.
    let owner = object::owner_of(&task)?;
    EventLoop::queue(&owner, Job::Wake(Strong::new(task))).map(|()| None)
}

/// The future of at most `n` bytes; `None` if that isn't for us to do.
pub(super) fn receive<'py>(
    slf: &Bound<'py, EventLoop>,
    sock: &Bound<'py, PyAny>,
    n: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, Future>>> {
    let Ok(n) = n.cast_exact::<PyInt>() else { return Ok(None) };
    match n.extract::<usize>() {
        Ok(most @ 1..=READ_SIZE) => begin(slf, sock, || Way::Bytes(most)),
        _ => Ok(None),
    }
}

/// The same of how many bytes were received into `memory`.
pub(super) fn receive_into<'py>(
    slf: &Bound<'py, EventLoop>,
    sock: &Bound<'py, PyAny>,
    memory: &Bound<'py, PyAny>,
) -> PyResult<Option<Bound<'py, Future>>> {
    let is_plain = memory.is_exact_instance_of::<PyByteArray>()
        || memory.is_exact_instance_of::<PyMemoryView>();
    if is_plain { begin(slf, sock, || Way::Into(memory.clone().unbind())) } else { Ok(None) }
}

fn begin<'py>(
    slf: &Bound<'py, EventLoop>,
    sock: &Bound<'py, PyAny>,
    way: impl FnOnce() -> Way,
) -> PyResult<Option<Bound<'py, Future>>> {
    let py = slf.py();
    let Some((engine, socket)) = plain(slf, sock)? else { return Ok(None) };
    let Some(classes) = object::make_classes(py) else { return Ok(None) };
    let future = object::create_future(classes, slf)?;
    let held = Strong::new(future.clone());
    let operation = Box::new(Operation { future: held, socket, way: way() });
    match operation.attempt(py, &engine) {
        Err(error) if is_for_later(&error) => operation.wait(slf, &engine)?,
        Err(error) => return Err(os_error(py, &error)),
        Ok(outcome) => object::set_future_result(&future, outcome?)?,
    }
    Ok(Some(future))
}

/// Nobody waits for `future` any more.
pub(super) fn stop_receiving(slf: &EventLoop, sock: &Bound<'_, PyAny>, future: &Bound<'_, PyAny>) {
    let py = sock.py();
    let Some(engine) = slf.try_engine(py) else { return };
    let is_meant =
        |watcher: &Watcher| matches!(watcher, Watcher::Operation(own) if own.is_of(future));
    // Closed by now, it is known by itself.
    let number = PlainSocket::of(sock).map(|socket| socket.fd(py)).filter(|number| *number >= 0);
    let Some(number) = number.or_else(|| engine.find(is_meant)) else { return };
    let watcher = engine.unwatch_if(number, Interest::Read, is_meant);
    drop(watcher);
}

/// Sends once, and says how many bytes the kernel took; `None` if that isn't for us to do.
pub(super) fn send<'py>(
    slf: &Bound<'py, EventLoop>,
    sock: &Bound<'py, PyAny>,
    data: &Bound<'py, PyAny>,
) -> PyResult<Option<usize>> {
    let py = slf.py();
    let is_plain = data.is_exact_instance_of::<PyBytes>()
        || data.is_exact_instance_of::<PyByteArray>()
        || data.is_exact_instance_of::<PyMemoryView>();
    if !is_plain {
        return Ok(None);
    }
    let Some((_, socket)) = plain(slf, sock)? else { return Ok(None) };
    let mut view = View::new();
    let Ok(buffer) = ReadableBuffer::of(&mut view, data) else { return Ok(None) };
    match wire::send(socket.fd(py), buffer.as_bytes()) {
        Ok(sent) => Ok(Some(sent)),
        Err(error) if is_for_later(&error) => Ok(Some(0)),
        Err(error) => Err(os_error(py, &error)),
    }
}

/// A socket that can be asked without Python's methods, because nobody has put others in
/// their place, and that doesn't block; and the engine that is to watch it, if its jobs
/// may be native.
fn plain<'py>(
    slf: &Bound<'py, EventLoop>,
    sock: &Bound<'py, PyAny>,
) -> PyResult<Option<(Rc<Engine<Python3>>, PlainSocket)>> {
    let py = slf.py();
    if !slf.get().queues_natively(py) {
        return Ok(None);
    }
    let Some(engine) = slf.get().try_engine(py) else { return Ok(None) };
    let class = sock.get_type();
    if !class.is(names::socket_constructor(py)?) || !has_own_methods(&class)? {
        return Ok(None);
    }
    let Some(socket) = PlainSocket::of(sock) else { return Ok(None) };
    // Closed, it says so in its own words.
    if socket.fd(py) < 0 {
        return Ok(None);
    }
    let timeout = sock.call_method0(intern!(py, "gettimeout"))?;
    let is_patient = timeout.extract::<f64>().is_ok_and(|seconds| seconds == 0.0);
    Ok(is_patient.then_some((engine, socket)))
}

/// Whether sockets of this class have the methods that `_socket.socket` has.
fn has_own_methods(class: &Bound<'_, PyType>) -> PyResult<bool> {
    static OWN: PyOnceLock<[Py<PyAny>; 3]> = PyOnceLock::new();
    let py = class.py();
    let methods = |class: &Bound<'_, PyAny>| -> PyResult<[Py<PyAny>; 3]> {
        Ok([
            class.getattr(intern!(py, "recv"))?.unbind(),
            class.getattr(intern!(py, "recv_into"))?.unbind(),
            class.getattr(intern!(py, "send"))?.unbind(),
        ])
    };
    let own = OWN.get_or_try_init(py, || methods(names::socket_class(py)?))?;
    let found = methods(class.as_any())?;
    Ok(own.iter().zip(&found).all(|(own, found)| own.is(found)))
}
