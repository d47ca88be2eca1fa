//! From the protocol to the kernel.

use std::io::{self, ErrorKind};

use cafeloop::engine::Interest;
use cafeloop::io::{Keep, Refused, Settled, Write};
use cafeloop::net::wire;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};

use super::Stream;
use super::watching::Watching;
use crate::errors::os_error;
use crate::ffi::ReadableBuffer;
use crate::names;

const WRITE_FAILED: &str = "Fatal write error on socket transport";

/// Writes to a connection that was lost are logged from the fifth on: asyncio counts
/// to five (`LOG_THRESHOLD_FOR_CONNLOST_WRITES`), and the loss itself is one.
const LOGGED_FROM: u32 = 4;

pub(super) fn write(stream: &Bound<'_, Stream>, data: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(bytes) = data.cast_exact::<PyBytes>() {
        // The kernel has taken all of it, as a rule, and then nobody keeps it.
        return write_bytes(stream, bytes.as_bytes(), || bytes.clone().unbind());
    }
    check_type(data, wanted(stream.py()))?;
    let buffer = ReadableBuffer::of(data)?;
    // It may be changed once this returns, so that it is copied if it has to wait.
    let copy = || PyBytes::new(stream.py(), buffer.as_bytes()).unbind();
    write_bytes(stream, buffer.as_bytes(), copy)
}

#[inline]
fn write_bytes(
    stream: &Bound<'_, Stream>,
    bytes: &[u8],
    body: impl FnOnce() -> Py<PyBytes>,
) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    let turn = this.turn(py);
    let answer = this.machine(py).borrow_mut().write(bytes.len(), turn);
    match answer.map_err(|refused| refusal(refused, "write"))? {
        Write::Nothing => Ok(()),
        Write::Now => {
            let taken = match took(wire::send(this.fd(py), bytes)) {
                Ok(taken) if taken == bytes.len() => return Ok(()),
                Ok(taken) => taken,
                Err(error) => {
                    return Stream::fail(stream, os_error(py, &error), WRITE_FAILED);
                }
            };
            this.machine(py).borrow_mut().sent_at_once(bytes.len(), taken, body);
            settle(stream)?;
            pause_if_full(stream)
        }
        Write::Later => {
            let kept = this.machine(py).borrow_mut().keep(body(), bytes.len());
            see_to(stream, kept)
        }
        Write::Lost(before) => note_loss(py, before),
    }
}

pub(super) fn writelines(stream: &Bound<'_, Stream>, lines: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    let bodies = lines.try_iter()?.map(|line| body_of(&line?)).collect::<PyResult<Vec<_>>>()?;
    let length = bodies.iter().map(|body| body.as_bytes(py).len()).sum();
    let turn = this.turn(py);
    let answer = this.machine(py).borrow_mut().write(length, turn);
    let how = answer.map_err(|refused| refusal(refused, "writelines"))?;
    match how {
        Write::Nothing => return Ok(()),
        Write::Lost(before) => return note_loss(py, before),
        Write::Now | Write::Later => {}
    }
    let mut kept = Keep::Wait;
    for body in bodies {
        let length = body.as_bytes(py).len();
        let next = this.machine(py).borrow_mut().keep(body, length);
        kept = if next == Keep::Wait { kept } else { next };
    }
    see_to(stream, if how == Write::Now { Keep::SendNow } else { kept })
}

/// Bytes that nobody can change.
fn body_of(line: &Bound<'_, PyAny>) -> PyResult<Py<PyBytes>> {
    match line.cast_exact::<PyBytes>() {
        Ok(bytes) => Ok(bytes.clone().unbind()),
        Err(_) => Ok(PyBytes::new(line.py(), ReadableBuffer::of(line)?.as_bytes()).unbind()),
    }
}

fn see_to(stream: &Bound<'_, Stream>, kept: Keep) -> PyResult<()> {
    match kept {
        Keep::Wait => {}
        Keep::SendAtTurnsEnd => match stream.get().endpoint(stream.py()).try_engine(stream.py()) {
            Some(engine) => engine.host().turns_end.wait(stream),
            None => send(stream)?,
        },
        Keep::SendNow => send(stream)?,
    }
    pause_if_full(stream)
}

pub(super) fn pause_if_full(stream: &Bound<'_, Stream>) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    let pauses = this.machine(py).borrow_mut().pauses();
    if pauses { this.endpoint(py).tell(py, intern!(py, "pause_writing")) } else { Ok(()) }
}

/// Sends what waits, as far as the kernel takes it.
pub(super) fn send(stream: &Bound<'_, Stream>) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    loop {
        let sent = {
            let machine = this.machine(py).borrow();
            if machine.queue().is_empty() {
                break;
            }
            let pieces = machine.queue().iter().map(|(body, left)| &body.as_bytes(py)[left]);
            wire::send_pieces(this.fd(py), pieces)
        };
        let (sent, offered) = match sent {
            Ok(sent) => sent,
            Err(error) if is_only_full(&error) => (0, 1),
            Err(error) => return Stream::fail(stream, os_error(py, &error), WRITE_FAILED),
        };
        this.machine(py).borrow_mut().sent(sent);
        if sent < offered {
            break;
        }
    }
    let resumes = this.machine(py).borrow_mut().resumes();
    if resumes {
        this.endpoint(py).tell(py, intern!(py, "resume_writing"))?;
    }
    settle(stream)
}

/// Does what is to be done next about the output.
fn settle(stream: &Bound<'_, Stream>) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    if this.machine(py).borrow().waits_for_turns_end() {
        return Ok(());
    }
    let next = this.machine(py).borrow_mut().settle();
    if next == Settled::Waits {
        return wait_for_room(stream);
    }
    this.endpoint(py).watched().end(stream, Interest::Write);
    match next {
        Settled::Waits | Settled::Idle => Ok(()),
        Settled::Drained => this.endpoint(py).call(py, intern!(py, "_drained"), ()),
        Settled::EndWriting => end_writing(stream),
        Settled::Lose => this.endpoint(py).lose(py, None),
    }
}

fn wait_for_room(stream: &Bound<'_, Stream>) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    if this.endpoint(py).watched().is_watching(Interest::Write) {
        return Ok(());
    }
    match this.endpoint(py).watched().begin(stream, Interest::Write) {
        Ok(()) => this.endpoint(py).enter_from_now(py, Interest::Write),
        Err(error) => Stream::fail(stream, error, WRITE_FAILED),
    }
}

/// Tells the kernel that nothing more will be written.
pub(super) fn end_writing(stream: &Bound<'_, Stream>) -> PyResult<()> {
    let py = stream.py();
    wire::end_writing(stream.get().fd(py)).map_err(|error| os_error(py, &error))
}

/// How many bytes the kernel took; none if it is full, or a signal came.
fn took(sent: io::Result<usize>) -> io::Result<usize> {
    sent.or_else(|error| if is_only_full(&error) { Ok(0) } else { Err(error) })
}

pub(super) fn is_only_full(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

/// What asyncio says that it wants.
fn wanted(py: Python<'_>) -> &'static str {
    if py.version_info() >= (3, 14) {
        "a bytes, bytearray, or memoryview object"
    } else {
        "a bytes-like object"
    }
}

pub(super) fn check_type(data: &Bound<'_, PyAny>, wanted: &str) -> PyResult<()> {
    if data.is_instance_of::<PyBytes>()
        || data.is_instance_of::<PyByteArray>()
        || data.is_instance_of::<PyMemoryView>()
    {
        return Ok(());
    }
    let found = data.get_type().name()?.repr()?.to_string();
    Err(PyTypeError::new_err(format!("data argument must be {wanted}, not {found}")))
}

fn refusal(refused: Refused, method: &str) -> PyErr {
    PyRuntimeError::new_err(match refused {
        Refused::Ended => format!("Cannot call {method}() after write_eof()"),
        Refused::Lent => format!("unable to {method}; sendfile is in progress"),
    })
}

pub(super) fn note_loss(py: Python<'_>, before: u32) -> PyResult<()> {
    if before >= LOGGED_FROM {
        let text = "socket.send() raised exception.";
        names::logger(py)?.call_method1(intern!(py, "warning"), (text,))?;
    }
    Ok(())
}
