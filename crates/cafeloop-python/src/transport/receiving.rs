//! From the kernel to the protocol, a datagram at a time.

use cafeloop::io::{READ_SIZE, Room};
use cafeloop::net::wire::{self, Peer};
use pyo3::exceptions::{PyBlockingIOError, PyInterruptedError};
use pyo3::intern;
use pyo3::prelude::*;

use super::Datagram;
use super::datagram::{Look, Speech};
use super::watching::Watching;
use super::writing::is_only_full;
use crate::errors::os_error;
use crate::event_loop::EventLoop;
use crate::ffi;
use crate::host::Job;

const RECEIVE_FAILED: &str = "Fatal read error on datagram transport";

/// Data and its sender's address.
type Received<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// So many are received in a turn at most: timers and other descriptors then wait no
/// longer than between two polls of a loop that is busy.
const AT_ONCE: u32 = 8;

/// Receives one, and hands it on.  The next one only if the first has made nothing ready:
/// between two the loop runs that, as in asyncio.
pub(super) fn receive(datagram: &Bound<'_, Datagram>, mut room: Room) -> PyResult<()> {
    let (py, this) = (datagram.py(), datagram.get());
    for _ in 1..AT_ONCE {
        this.looks(py).set(Look::None);
        let told = receive_one(datagram, room);
        if told.is_err() || this.looks(py).get() != Look::Wanted || !this.endpoint(py).is_alone(py)
        {
            return look_again(datagram).and(told);
        }
        let Some(next) = this.machine(py).borrow().room() else { return Ok(()) };
        room = next;
    }
    let told = receive_one(datagram, room);
    look_again(datagram).and(told)
}

fn receive_one(datagram: &Bound<'_, Datagram>, room: Room) -> PyResult<()> {
    let (py, this) = (datagram.py(), datagram.get());
    let received = match this.speech(py) {
        Speech::Native(_) => natively(datagram, room),
        Speech::Python => by_python(datagram),
    };
    match received {
        Ok(Some(received)) => {
            let Some(protocol) = this.endpoint(py).protocol(py) else { return Ok(()) };
            protocol.call_method1(intern!(py, "datagram_received"), received).map(drop)
        }
        Ok(None) => Ok(()),
        Err(error) => this.refused(py, error, RECEIVE_FAILED),
    }
}

#[inline]
fn natively<'py>(datagram: &Bound<'py, Datagram>, room: Room) -> PyResult<Option<Received<'py>>> {
    let (py, this) = (datagram.py(), datagram.get());
    let Some(engine) = this.endpoint(py).try_engine(py) else { return Ok(None) };
    let fd = this.endpoint(py).fd(py);
    let mut sender = Peer::Unknown;
    let received = match room {
        Room::Shared => engine
            .host()
            .read_buffer
            .receive(py, |buffer| wire::receive_from(fd, buffer, &mut sender)),
        Room::Own => {
            ffi::fill_bytes(py, READ_SIZE, |buffer| wire::receive_from(fd, buffer, &mut sender))
        }
    };
    match received {
        Ok(data) => {
            let looks = this.machine(py).borrow_mut().received(data.as_bytes().len());
            this.looks(py).set(if looks { Look::Wanted } else { Look::None });
            Ok(Some((data.into_any(), this.peers(py).show(py, &sender)?)))
        }
        Err(error) if is_only_full(&error) => {
            this.machine(py).borrow_mut().received_nothing();
            Ok(None)
        }
        Err(error) => Err(os_error(py, &error)),
    }
}

/// Has the loop look for the next one in its next turn, if that is wanted, behind all that
/// the last has made ready, as it would stand if it were reported.
fn look_again(datagram: &Bound<'_, Datagram>) -> PyResult<()> {
    let (py, this) = (datagram.py(), datagram.get());
    if this.looks(py).get() != Look::Wanted {
        return Ok(());
    }
    let owner = this.endpoint(py).owner().bind(py);
    let is_reading = this.machine(py).borrow().is_reading();
    if !is_reading || !owner.get().queues_natively(py) || owner.get().try_engine(py).is_none() {
        this.looks(py).set(Look::None);
        return Ok(());
    }
    this.looks(py).set(Look::Queued);
    EventLoop::queue(owner, Job::Receive(datagram.clone().unbind()))
}

fn by_python<'py>(datagram: &Bound<'py, Datagram>) -> PyResult<Option<Received<'py>>> {
    let py = datagram.py();
    let sock = datagram.get().endpoint(py).socket().object(py)?.into_pyobject(py)?;
    match sock.call_method1(intern!(py, "recvfrom"), (READ_SIZE,)) {
        Ok(received) => Ok(Some(received.extract()?)),
        Err(error) if is_not_now(py, &error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a Python socket says that there is nothing, or no room, yet.
pub(super) fn is_not_now(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PyBlockingIOError>(py) || error.is_instance_of::<PyInterruptedError>(py)
}
