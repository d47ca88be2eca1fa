//! From the protocol of a TLS connection to its carrier.

use cafeloop::io::tls::{Flow, Offer};
use cafeloop::io::{Keep, Turn, Write, WriteQueue};
use pyo3::exceptions::PyTypeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyMemoryView};

use super::Tls;
use super::session::Answer;
use super::turns_end::Waiting;
use super::view;
use super::writing::body_of;
use crate::names;

/// Writes that come too late are logged from the sixth on, of which the loss itself
/// is one (`LOG_THRESHOLD_FOR_CONNLOST_WRITES` in asyncio).
const LOGGED_FROM: u32 = 5;

/// What was encrypted goes to the carrier when it is so much: more would only need
/// more memory.
const SEND_AT: usize = 256 * 1024;

pub(super) fn write(tls: &Bound<'_, Tls>, data: &Bound<'_, PyAny>) -> PyResult<()> {
    if let Ok(bytes) = data.cast_exact::<PyBytes>() {
        return write_bytes(tls, bytes, turn(tls));
    }
    check_type(data)?;
    // It may be changed once this returns.
    write_bytes(tls, body_of(data)?.bind(tls.py()), turn(tls))
}

/// Writes what has waited for the end of the turn already.
pub(super) fn write_at_once(tls: &Bound<'_, Tls>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
    write_bytes(tls, data, None)
}

#[inline]
fn turn(tls: &Bound<'_, Tls>) -> Option<Turn> {
    let engine = tls.get().owner(tls.py()).try_engine(tls.py());
    engine.and_then(|engine| engine.host().turns_end.write())
}

#[inline]
fn write_bytes(
    tls: &Bound<'_, Tls>,
    data: &Bound<'_, PyBytes>,
    turn: Option<Turn>,
) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let length = data.as_bytes().len();
    let answer = this.machine(py).borrow_mut().write(length, turn);
    match answer {
        Write::Nothing => Ok(()),
        Write::Now => {
            let outcome = encrypt_at_once(tls, data);
            Tls::fail_unless_ok(tls, outcome)
        }
        Write::Later => {
            let kept = this.machine(py).borrow_mut().keep(data.clone().unbind(), length);
            see_to(tls, kept)
        }
        Write::Lost(before) => note_loss(py, before),
    }
}

#[inline]
fn encrypt_at_once(tls: &Bound<'_, Tls>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let length = data.as_bytes().len();
    let taken = match this.session(py).encrypt(data)? {
        Answer::Done(taken) if taken == length => return drain(tls),
        Answer::Done(taken) => taken,
        Answer::NeedsInput => 0,
    };
    let body = || data.clone().unbind();
    this.machine(py).borrow_mut().encrypted_at_once(length, taken, body);
    if taken == 0 { drain(tls) } else { encrypt_and_drain(tls) }
}

pub(super) fn writelines(tls: &Bound<'_, Tls>, lines: &Bound<'_, PyAny>) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let bodies = lines.try_iter()?.map(|line| body_of(&line?)).collect::<PyResult<Vec<_>>>()?;
    let length = bodies.iter().map(|body| body.as_bytes(py).len()).sum();
    let how = this.machine(py).borrow_mut().write(length, turn(tls));
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
    see_to(tls, if how == Write::Now { Keep::SendNow } else { kept })
}

fn see_to(tls: &Bound<'_, Tls>, kept: Keep) -> PyResult<()> {
    match kept {
        Keep::Wait => Ok(()),
        Keep::SendNow => send(tls),
        Keep::SendAtTurnsEnd => match tls.get().owner(tls.py()).try_engine(tls.py()) {
            Some(engine) if engine.host().turns_end.is_running() => {
                engine.host().turns_end.wait(Waiting::Tls(tls.clone().unbind()));
                Ok(())
            }
            _ => send(tls),
        },
    }
}

/// Encrypts what waits, and gives all that is encrypted to the carrier.
pub(super) fn send(tls: &Bound<'_, Tls>) -> PyResult<()> {
    let outcome = encrypt_and_drain(tls);
    Tls::fail_unless_ok(tls, outcome)
}

/// After something was read: what waited for it, and what the library itself answers.
#[inline]
pub(super) fn answer(tls: &Bound<'_, Tls>) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let is_stuck = this.machine(py).borrow().is_stuck();
    if is_stuck {
        encrypt_and_drain(tls)
    } else if this.may_answer(py) && this.session(py).outgoing(py)? > 0 {
        drain(tls)
    } else {
        Ok(())
    }
}

fn encrypt_and_drain(tls: &Bound<'_, Tls>) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let mut unsent = 0;
    while let Some(piece) = offered(tls)? {
        let answer = this.session(py).encrypt(&piece)?;
        let mut machine = this.machine(py).borrow_mut();
        match answer {
            Answer::Done(taken) => {
                machine.encrypted(taken);
                unsent += taken;
            }
            Answer::NeedsInput => {
                machine.stuck();
                break;
            }
        }
        let sends = unsent >= SEND_AT && machine.may_send();
        drop(machine);
        if sends {
            unsent = 0;
            drain(tls)?;
        }
    }
    drain(tls)
}

/// What is to be encrypted next.
fn offered<'py>(tls: &Bound<'py, Tls>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = tls.py();
    let (body, start) = {
        let machine = tls.get().machine(py).borrow();
        match machine.offer() {
            None => return Ok(None),
            // Bytes are no matter of the garbage collector's: making them runs no code.
            Some(Offer::Gathered(bytes)) => (gathered(py, machine.queue(), bytes)?, 0),
            Some(Offer::Chunk) => {
                let Some((body, left)) = machine.queue().iter().next() else { return Ok(None) };
                (body.bind(py).clone(), left.start)
            }
        }
    };
    if start == 0 {
        return Ok(Some(body.into_any()));
    }
    view::rest(&PyMemoryView::from(&body)?, start).map(|rest| Some(rest.into_any()))
}

/// The first so many bytes of a queue in one piece.
fn gathered<'py>(
    py: Python<'py>,
    queue: &WriteQueue<Py<PyBytes>>,
    bytes: usize,
) -> PyResult<Bound<'py, PyBytes>> {
    PyBytes::new_with(py, bytes, |mut room| {
        for (body, left) in queue.iter() {
            let piece = &body.as_bytes(py)[left];
            let (place, rest) = room.split_at_mut(piece.len().min(room.len()));
            place.copy_from_slice(&piece[..place.len()]);
            room = rest;
        }
        Ok(())
    })
}

/// Gives all that is encrypted to the carrier, if that takes it.
#[inline]
pub(super) fn drain(tls: &Bound<'_, Tls>) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let may_send = this.machine(py).borrow().may_send();
    if may_send {
        let data = this.take_all(py)?;
        if !data.as_bytes().is_empty() {
            this.hand_to_carrier(&data)?;
        }
    }
    control_protocol(tls)
}

/// Has the protocol pause or resume writing, if too much or little enough waits.
#[inline]
pub(super) fn control_protocol(tls: &Bound<'_, Tls>) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let is_sent = this.machine(py).borrow().may_send();
    let unsent = if is_sent { 0 } else { this.session(py).outgoing(py)? };
    let flow = this.machine(py).borrow_mut().outgoing(unsent);
    match flow {
        Flow::Leave => Ok(()),
        Flow::Pause => Tls::call(tls, intern!(py, "_tell"), (intern!(py, "pause_writing"),)),
        Flow::Resume => Tls::call(tls, intern!(py, "_tell"), (intern!(py, "resume_writing"),)),
    }
}

fn check_type(data: &Bound<'_, PyAny>) -> PyResult<()> {
    if data.is_instance_of::<PyBytes>()
        || data.is_instance_of::<PyByteArray>()
        || data.is_instance_of::<PyMemoryView>()
    {
        return Ok(());
    }
    let found = data.get_type().name()?;
    Err(PyTypeError::new_err(format!("data: expecting a bytes-like instance, got {found}")))
}

fn note_loss(py: Python<'_>, before: u32) -> PyResult<()> {
    if before >= LOGGED_FROM {
        let text = "SSL connection is closed";
        names::logger(py)?.call_method1(intern!(py, "warning"), (text,))?;
    }
    Ok(())
}
