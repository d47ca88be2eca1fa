//! From the protocol to the kernel, a datagram at a time.

use cafeloop::engine::Interest;
use cafeloop::io::{Send, Sent};
use cafeloop::net::wire::{self, Peer};
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::Datagram;
use super::datagram::{Speech, Waiting};
use super::medium::Medium;
use super::receiving::is_not_now;
use super::watching::Watching;
use super::writing::{check_type, is_only_full, note_loss};
use crate::errors::os_error;
use crate::ffi::{ReadableBuffer, View};
use crate::recorder;

const SEND_FAILED: &str = "Fatal write error on datagram transport";

/// In all versions, where streams have another text since 3.14.
const WANTED: &str = "a bytes-like object";

pub(super) fn send(
    datagram: &Bound<'_, Datagram>,
    data: &Bound<'_, PyAny>,
    to: Option<&Bound<'_, PyAny>>,
) -> PyResult<()> {
    let (py, this) = (datagram.py(), datagram.get());
    check_type(data, WANTED)?;
    if !this.sends_empty(py) && data.len()? == 0 {
        return Ok(());
    }
    let to = match this.remote(py) {
        Some(remote) => Some(only(remote, to)?),
        None => to,
    };
    let answer = this.machine(py).borrow_mut().send();
    match answer {
        Send::Lost(before) => return note_loss(py, Medium::Socket, before),
        Send::Now => match is_sent(datagram, data, to) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) => return this.refused(py, error, SEND_FAILED),
        },
        Send::Later => {}
    }
    // It may be changed once this returns.
    let data = match data.cast_exact::<PyBytes>() {
        Ok(bytes) => bytes.clone(),
        Err(_) => PyBytes::new(py, ReadableBuffer::of(&mut View::new(), data)?.as_bytes()),
    };
    let bytes = data.as_bytes().len();
    let waiting = Waiting { data: data.unbind(), to: to.map(|to| to.clone().unbind()) };
    let is_kept = this.machine(py).borrow_mut().keep(waiting, bytes);
    if is_kept { wait_for_room(datagram).and_then(|()| pause_if_full(datagram)) } else { Ok(()) }
}

/// The only address that may be named.
fn only<'a, 'py>(
    remote: &'a Bound<'py, PyAny>,
    named: Option<&Bound<'py, PyAny>>,
) -> PyResult<&'a Bound<'py, PyAny>> {
    if let Some(named) = named
        && !named.is(remote)
        && !named.eq(remote)?
    {
        let text = format!("Invalid address: must be None or {}", remote.str()?);
        return Err(PyValueError::new_err(text));
    }
    Ok(remote)
}

/// Sends one now; false if the kernel is full.
#[inline]
fn is_sent(
    datagram: &Bound<'_, Datagram>,
    data: &Bound<'_, PyAny>,
    to: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let (py, this) = (datagram.py(), datagram.get());
    let peer = match (this.speech(py), to) {
        (Speech::Native(_), _) if this.is_connected(py) => Some(Peer::Unknown),
        (Speech::Native(family), Some(to)) => {
            this.peers(py).answered(to).or_else(|| family.parse(to))
        }
        _ => None,
    };
    let Some(peer) = peer else { return is_sent_by_python(datagram, data, to) };
    let fd = this.endpoint(py).fd(py);
    let sent = match data.cast_exact::<PyBytes>() {
        Ok(bytes) => wire::send_to(fd, bytes.as_bytes(), &peer),
        Err(_) => wire::send_to(fd, ReadableBuffer::of(&mut View::new(), data)?.as_bytes(), &peer),
    };
    match sent {
        Ok(()) => {
            if recorder::is_on() {
                recorder::bytes_out(py, this.endpoint(py), data.len()?);
            }
            Ok(true)
        }
        Err(error) if is_only_full(&error) => Ok(false),
        Err(error) => Err(os_error(py, &error)),
    }
}

fn is_sent_by_python(
    datagram: &Bound<'_, Datagram>,
    data: &Bound<'_, PyAny>,
    to: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let (py, this) = (datagram.py(), datagram.get());
    let sock = this.endpoint(py).socket().object(py)?.into_pyobject(py)?;
    let sent = if this.is_connected(py) {
        sock.call_method1(intern!(py, "send"), (data,))
    } else {
        sock.call_method1(intern!(py, "sendto"), (data, to))
    };
    match sent {
        Ok(_) => Ok(true),
        Err(error) if is_not_now(py, &error) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Sends those that wait, as far as the kernel takes them.
pub(super) fn send_waiting(datagram: &Bound<'_, Datagram>) -> PyResult<()> {
    let (py, this) = (datagram.py(), datagram.get());
    loop {
        let Some(next) = this.machine(py).borrow_mut().take_next() else { break };
        let to = next.0.to.as_ref().map(|to| to.bind(py));
        match is_sent(datagram, next.0.data.bind(py), to) {
            Ok(true) => {}
            Ok(false) => {
                this.machine(py).borrow_mut().put_back(next);
                break;
            }
            // The others have their turn when the loop finds room again.
            Err(error) => return this.refused(py, error, SEND_FAILED),
        }
    }
    let resumes = this.machine(py).borrow_mut().resumes();
    if resumes {
        this.endpoint(py).tell(py, intern!(py, "resume_writing"))?;
    }
    let next = this.machine(py).borrow_mut().settle();
    if next == Sent::Waits {
        return Ok(());
    }
    this.endpoint(py).watched().end(datagram, Interest::Write);
    if next == Sent::Lose { this.endpoint(py).lose(py, None) } else { Ok(()) }
}

fn wait_for_room(datagram: &Bound<'_, Datagram>) -> PyResult<()> {
    let (py, endpoint) = (datagram.py(), datagram.get().endpoint(datagram.py()));
    if endpoint.watched().is_watching(Interest::Write) {
        return Ok(());
    }
    endpoint.watched().begin(datagram, Interest::Write)?;
    endpoint.enter_from_now(py, Interest::Write)
}

pub(super) fn pause_if_full(datagram: &Bound<'_, Datagram>) -> PyResult<()> {
    let (py, this) = (datagram.py(), datagram.get());
    let pauses = this.machine(py).borrow_mut().pauses();
    if pauses { this.endpoint(py).tell(py, intern!(py, "pause_writing")) } else { Ok(()) }
}
