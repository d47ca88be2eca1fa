//! From the carrier of a TLS connection to its protocol.

use cafeloop::io::tls::{Flow, RECORD};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyMemoryView};

use super::reading::get_buffer;
use super::session::Answer;
use super::stream::Receives;
use super::tls::Protocol;
use super::{Tls, tls_writing, view};

/// The carrier has something.
#[inline]
pub(super) fn received(tls: &Bound<'_, Tls>, data: &Bound<'_, PyBytes>) -> PyResult<()> {
    tls.get().session(tls.py()).feed(data)?;
    // Decrypted it isn't more than that, so that the room for it need not be larger.
    Tls::go_on(tls, data.as_bytes().len())
}

/// Decrypts all that has come, and hands it on.  The first piece is expected to have
/// `at_most` so many bytes.
pub(super) fn read(tls: &Bound<'_, Tls>, at_most: usize) -> PyResult<()> {
    if !tls.get().machine(tls.py()).borrow().may_read() {
        return Ok(());
    }
    let outcome = read_and_answer(tls, at_most);
    Tls::fail_unless_ok(tls, outcome)
}

#[inline]
fn read_and_answer(tls: &Bound<'_, Tls>, at_most: usize) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let is_reading = this.machine(py).borrow().is_reading();
    let mut left = Left::Unknown;
    if is_reading && let Some(protocol) = this.protocol(py) {
        this.expect_answers(py);
        left = match protocol.receives {
            Receives::Data | Receives::Encrypted => read_data(tls, at_most, &protocol)?,
            Receives::IntoBuffer => read_into_buffer(tls, &protocol)?,
        };
        tls_writing::answer(tls)?;
    }
    match left {
        Left::Nothing => control_carrier_of(tls, 0),
        Left::Unknown => control_carrier(tls),
    }
}

/// What of the incoming bytes was left by a read.
#[derive(Clone, Copy)]
enum Left {
    Nothing,
    Unknown,
}

fn read_data(tls: &Bound<'_, Tls>, at_most: usize, protocol: &Protocol) -> PyResult<Left> {
    let py = tls.py();
    let session = tls.get().session(py);
    let mut room = at_most.clamp(1, RECORD);
    let mut first = None;
    let mut others = Vec::new();
    let outcome = loop {
        let chunk = match session.read(py, room) {
            Ok(Answer::Done(chunk)) => chunk,
            Ok(Answer::NeedsInput) => break Ok(Stopped::NeedsInput),
            // What came before is handed on first.
            Err(error) => break Err(error),
        };
        let length = chunk.as_bytes().len();
        if length == 0 {
            break Ok(Stopped::AtEnd);
        }
        match first {
            None => first = Some(chunk),
            Some(_) => others.push(chunk),
        }
        match session.is_drained(py, length == room) {
            Ok(false) => room = RECORD,
            Ok(true) => break Ok(Stopped::Drained),
            Err(error) => break Err(error),
        }
    };
    if let Some(first) = first {
        let data = if others.is_empty() { first } else { joined(&first, &others)? };
        hand_on(protocol, data)?;
    }
    outcome?.see_to(tls)
}

/// Why a read took no more.
#[derive(Clone, Copy)]
enum Stopped {
    /// There is no more.
    Drained,
    NeedsInput,
    /// The protocol's buffer is full.
    Full,
    /// The other side has said its last word.
    AtEnd,
}

impl Stopped {
    #[inline]
    fn see_to(self, tls: &Bound<'_, Tls>) -> PyResult<Left> {
        match self {
            Stopped::Drained => return Ok(Left::Nothing),
            Stopped::NeedsInput => {}
            // There may be more: it gets a turn, and another buffer.
            Stopped::Full => Tls::call(tls, intern!(tls.py(), "_read_again"), ())?,
            Stopped::AtEnd => Tls::call(tls, intern!(tls.py(), "_input_closed"), ())?,
        }
        Ok(Left::Unknown)
    }
}

fn joined<'py>(
    first: &Bound<'py, PyBytes>,
    others: &[Bound<'py, PyBytes>],
) -> PyResult<Bound<'py, PyBytes>> {
    let pieces = || [first].into_iter().chain(others).map(PyBytesMethods::as_bytes);
    let length = pieces().map(<[u8]>::len).sum();
    PyBytes::new_with(first.py(), length, |mut room| {
        for piece in pieces() {
            let (place, rest) = room.split_at_mut(piece.len());
            place.copy_from_slice(piece);
            room = rest;
        }
        Ok(())
    })
}

#[inline]
fn hand_on(protocol: &Protocol, data: Bound<'_, PyBytes>) -> PyResult<()> {
    let py = data.py();
    let object = protocol.object.bind(py);
    match (protocol.receives, object.cast::<Tls>()) {
        (Receives::Encrypted, Ok(inner)) => received(inner, &data),
        _ => object.call_method1(intern!(py, "data_received"), (data,)).map(drop),
    }
}

fn read_into_buffer(tls: &Bound<'_, Tls>, protocol: &Protocol) -> PyResult<Left> {
    let py = tls.py();
    let session = tls.get().session(py);
    let object = protocol.object.bind(py);
    let waiting = isize::try_from(session.incoming(py)?).unwrap_or(isize::MAX);
    let buffer = PyMemoryView::from(&get_buffer(object, waiting)?)?;
    let room = buffer.len()?;
    let mut filled = 0;
    let outcome = loop {
        let left = room - filled;
        let count = match session.read_into(&rest(&buffer, filled)?, left) {
            Ok(Answer::Done(count)) => count,
            Ok(Answer::NeedsInput) => break Ok(Stopped::NeedsInput),
            Err(error) => break Err(error),
        };
        if count == 0 {
            break Ok(Stopped::AtEnd);
        }
        filled += count;
        if filled == room {
            break Ok(Stopped::Full);
        }
        match session.is_drained(py, false) {
            Ok(false) => {}
            Ok(true) => break Ok(Stopped::Drained),
            Err(error) => break Err(error),
        }
    };
    // The protocol may do with its buffer what it likes once it is told.
    drop(buffer);
    if filled > 0 {
        object.call_method1(intern!(py, "buffer_updated"), (filled,))?;
    }
    outcome?.see_to(tls)
}

/// A buffer from a place on.
fn rest<'py>(
    buffer: &Bound<'py, PyMemoryView>,
    filled: usize,
) -> PyResult<Bound<'py, PyMemoryView>> {
    if filled == 0 {
        return Ok(buffer.clone());
    }
    view::rest(buffer, filled)
}

/// Has the carrier pause or resume reading, if too much or little enough waits to be
/// decrypted.
pub(super) fn control_carrier(tls: &Bound<'_, Tls>) -> PyResult<()> {
    let waiting = tls.get().session(tls.py()).incoming(tls.py())?;
    control_carrier_of(tls, waiting)
}

#[inline]
fn control_carrier_of(tls: &Bound<'_, Tls>, waiting: usize) -> PyResult<()> {
    let (py, this) = (tls.py(), tls.get());
    let flow = this.machine(py).borrow_mut().incoming(waiting);
    match flow {
        Flow::Leave => Ok(()),
        Flow::Pause => Tls::call(tls, intern!(py, "_pause_carrier"), ()),
        Flow::Resume => Tls::call(tls, intern!(py, "_resume_carrier"), ()),
    }
}
