//! From the protocol to the kernel.

use std::io::{self, ErrorKind};

use cafeloop::engine::Interest;
use cafeloop::flow::FlowChange;
use cafeloop::io::{Keep, Refused, Settled, Turn, Write};
use cafeloop::net::wire;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};

use super::Stream;
use super::medium::Medium;
use super::stream::recorded;
use super::turns_end::Waiting;
use super::watching::Watching;
use crate::errors::os_error;
use crate::ffi::{ReadableBuffer, View};
use crate::{names, recorder};

pub(super) fn write(stream: &Bound<'_, Stream>, data: &Bound<'_, PyAny>) -> PyResult<()> {
    let turn = stream.get().turn(stream.py());
    if let Ok(bytes) = data.cast_exact::<PyBytes>() {
        // The kernel has taken all of it, as a rule, and then nobody keeps it.
        return write_bytes(stream, bytes.as_bytes(), turn, || bytes.clone().unbind());
    }
    check_type(data, WANTED)?;
    let mut view = View::new();
    let buffer = ReadableBuffer::of(&mut view, data)?;
    // It may be changed once this returns, so that it is copied if it has to wait.
    let copy = || PyBytes::new(stream.py(), buffer.as_bytes()).unbind();
    write_bytes(stream, buffer.as_bytes(), turn, copy)
}

/// Writes what has waited for the end of the turn already, or has no reason to.
pub(super) fn write_at_once(stream: &Bound<'_, Stream>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
    write_bytes(stream, data.as_bytes(), None, || data.clone().unbind())
}

#[inline]
fn write_bytes(
    stream: &Bound<'_, Stream>,
    bytes: &[u8],
    turn: Option<Turn>,
    body: impl FnOnce() -> Py<PyBytes>,
) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    let answer = this.machine(py).borrow_mut().write(bytes.len(), turn);
    let how = match answer {
        Ok(how) => how,
        Err(refused) => return refuse(stream, refused, "write", bytes.len()),
    };
    match how {
        Write::Nothing => Ok(()),
        Write::Now => {
            let taken = match took(this.medium(py).send(this.fd(py), bytes)) {
                Ok(taken) => taken,
                Err(error) => return failed(stream, &error),
            };
            if recorder::is_on() {
                recorder::bytes_out(py, this.endpoint(py), taken);
            }
            if taken == bytes.len() {
                return Ok(());
            }
            this.machine(py).borrow_mut().sent_at_once(bytes.len(), taken, body);
            settle(stream)?;
            pause_if_full(stream)
        }
        Write::Later => {
            let kept = this.machine(py).borrow_mut().keep(body(), bytes.len());
            see_to(stream, kept)
        }
        Write::Lost(before) => note_loss(py, this.medium(py), before),
    }
}

pub(super) fn writelines(stream: &Bound<'_, Stream>, lines: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    let bodies = lines.try_iter()?.map(|line| body_of(&line?)).collect::<PyResult<Vec<_>>>()?;
    let length = bodies.iter().map(|body| body.as_bytes(py).len()).sum();
    let turn = this.turn(py);
    let answer = this.machine(py).borrow_mut().write(length, turn);
    let how = match answer {
        Ok(how) => how,
        Err(refused) => return refuse(stream, refused, "writelines", length),
    };
    match how {
        Write::Nothing => return Ok(()),
        Write::Lost(before) => return note_loss(py, this.medium(py), before),
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
pub(super) fn body_of(line: &Bound<'_, PyAny>) -> PyResult<Py<PyBytes>> {
    match line.cast_exact::<PyBytes>() {
        Ok(bytes) => Ok(bytes.clone().unbind()),
        Err(_) => {
            Ok(PyBytes::new(line.py(), ReadableBuffer::of(&mut View::new(), line)?.as_bytes())
                .unbind())
        }
    }
}

fn see_to(stream: &Bound<'_, Stream>, kept: Keep) -> PyResult<()> {
    match kept {
        Keep::Wait => {}
        Keep::SendAtTurnsEnd => match stream.get().endpoint(stream.py()).try_engine(stream.py()) {
            Some(engine) => {
                engine.host().turns_end.wait(Waiting::Stream(stream.clone().unbind()));
            }
            None => send(stream)?,
        },
        Keep::SendNow => send(stream)?,
    }
    pause_if_full(stream)
}

pub(super) fn pause_if_full(stream: &Bound<'_, Stream>) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    let pauses = this.machine(py).borrow_mut().pauses();
    if !pauses {
        return Ok(());
    }
    recorded(stream, FlowChange::WritingPaused);
    this.endpoint(py).tell(py, intern!(py, "pause_writing"))
}

/// Sends what waits, as far as the kernel takes it.
pub(super) fn send(stream: &Bound<'_, Stream>) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    if let Err(error) = offer(stream) {
        return failed(stream, &error);
    }
    let resumes = this.machine(py).borrow_mut().resumes();
    if resumes {
        recorded(stream, FlowChange::WritingResumed);
        this.endpoint(py).tell(py, intern!(py, "resume_writing"))?;
    }
    settle(stream)
}

/// The same, and nobody is told what came of it.
pub(super) fn offer(stream: &Bound<'_, Stream>) -> io::Result<()> {
    let (py, this) = (stream.py(), stream.get());
    loop {
        let sent = {
            let machine = this.machine(py).borrow();
            if machine.queue().is_empty() {
                return Ok(());
            }
            let pieces = machine.queue().iter().map(|(body, left)| &body.as_bytes(py)[left]);
            this.medium(py).send_pieces(this.fd(py), pieces)
        };
        let (sent, offered) = match sent {
            Err(error) if is_only_full(&error) => (0, 1),
            sent => sent?,
        };
        if recorder::is_on() && sent > 0 {
            recorder::bytes_out(py, this.endpoint(py), sent);
        }
        this.machine(py).borrow_mut().sent(sent);
        if sent < offered {
            return Ok(());
        }
    }
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
        Err(error) => Stream::fail(stream, error, this.medium(py).write_failed()),
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
const WANTED: &str =
    if cfg!(Py_3_14) { "a bytes, bytearray, or memoryview object" } else { "a bytes-like object" };

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

/// What comes of a write after the end.  A socket's is an error; a pipe's is lost, since
/// its end is its close.
fn refuse(
    stream: &Bound<'_, Stream>,
    refused: Refused,
    method: &str,
    bytes: usize,
) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    let medium = this.medium(py);
    if medium != Medium::Socket {
        let before = if bytes == 0 { 0 } else { this.machine(py).borrow_mut().lose_write() };
        return note_loss(py, medium, before);
    }
    Err(PyRuntimeError::new_err(match refused {
        Refused::Ended => format!("Cannot call {method}() after write_eof()"),
        Refused::Lent => format!("unable to {method}; sendfile is in progress"),
    }))
}

/// The kernel refuses what is sent, and so the connection is lost.
fn failed(stream: &Bound<'_, Stream>, error: &io::Error) -> PyResult<()> {
    let (py, this) = (stream.py(), stream.get());
    let medium = this.medium(py);
    if medium != Medium::Socket {
        // asyncio counts it among those that are lost: what is logged depends on it.
        this.machine(py).borrow_mut().lose_write();
    }
    Stream::fail(stream, os_error(py, error), medium.write_failed())
}

pub(super) fn note_loss(py: Python<'_>, medium: Medium, before: u32) -> PyResult<()> {
    let (unlogged, text) = medium.write_was_lost();
    if before >= unlogged {
        names::logger(py)?.call_method1(intern!(py, "warning"), (text,))?;
    }
    Ok(())
}
