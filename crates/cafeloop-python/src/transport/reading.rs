//! From the kernel to the protocol.

use std::cell::RefCell;
use std::io::{self, ErrorKind};
use std::mem::MaybeUninit;

use cafeloop::io::{READ_SIZE, Room};
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::Stream;
use super::memory::keep_freed;
use super::stream::Receives;
use super::watching::Watching;
use super::{Tls, tls_reading};
use crate::errors::os_error;
use crate::ffi::{self, View, WritableBuffer};
use crate::recorder;

const DATA_RECEIVED_FAILED: &str = "Fatal error: protocol.data_received() call failed.";
const GET_BUFFER_FAILED: &str = "Fatal error: protocol.get_buffer() call failed.";
const BUFFER_UPDATED_FAILED: &str = "Fatal error: protocol.buffer_updated() call failed.";

/// Where the small reads of all connections of a loop go first.  What is never
/// written to costs address space, not memory.
#[derive(Default)]
pub(crate) struct ReadBuffer(RefCell<Option<Box<[MaybeUninit<u8>]>>>);

impl ReadBuffer {
    pub(crate) fn receive<'py>(
        &self,
        py: Python<'py>,
        receive: impl FnOnce(&mut [MaybeUninit<u8>]) -> io::Result<&mut [u8]>,
    ) -> io::Result<Bound<'py, PyBytes>> {
        // Nothing below runs Python code, so nobody else can ask for it meanwhile.
        let mut buffer = self.0.borrow_mut();
        let buffer = buffer.get_or_insert_with(|| {
            keep_freed();
            Box::new_uninit_slice(READ_SIZE)
        });
        receive(buffer).map(|bytes| PyBytes::new(py, bytes))
    }
}

/// What came of a read.
enum Received<T> {
    Something(T),
    /// The other side has ended its writing.
    End,
    /// It was a false alarm.
    Nothing,
    /// The connection is broken, or the protocol: it was dealt with.
    Failed,
}

/// Reads once, and hands on what came.  Whether to look for more.
pub(super) fn read(
    stream: &Bound<'_, Stream>,
    room: Room,
    protocol: &Bound<'_, PyAny>,
    receives: Receives,
) -> PyResult<bool> {
    match receives {
        Receives::Data | Receives::Encrypted => read_data(stream, room, protocol, receives),
        Receives::IntoBuffer => read_into_buffer(stream, protocol),
    }
}

#[inline]
fn read_data(
    stream: &Bound<'_, Stream>,
    room: Room,
    protocol: &Bound<'_, PyAny>,
    way: Receives,
) -> PyResult<bool> {
    let py = stream.py();
    let endpoint = stream.get().endpoint(py);
    let Some(engine) = endpoint.try_engine(py) else { return Ok(false) };
    let (medium, fd) = (stream.get().medium(py), endpoint.fd(py));
    let came = match room {
        Room::Shared => engine.host().read_buffer.receive(py, |buffer| medium.receive(fd, buffer)),
        Room::Own => ffi::fill_bytes(py, READ_SIZE, |buffer| medium.receive(fd, buffer)),
    };
    let length = |data: &Bound<'_, PyBytes>| data.as_bytes().len();
    match outcome(stream, came, length)? {
        Received::Something(data) => {
            let bytes = length(&data);
            if recorder::is_on() {
                recorder::bytes_in(py, endpoint, bytes);
            }
            let looks = stream.get().received(py, bytes);
            if let (Receives::Encrypted, Ok(tls)) = (way, protocol.cast::<Tls>()) {
                // To asyncio it is a protocol with a buffer, and so are the words.
                let answer = tls_reading::received(tls, &data);
                let answer =
                    answer.or_else(|error| endpoint.fail(py, error, BUFFER_UPDATED_FAILED));
                return answer.map(|()| looks);
            }
            let name = intern!(py, "data_received");
            let answer = protocol.call_method1(name, (data,));
            answer
                .map(drop)
                .or_else(|error| stream.get().not_taken(py, error, DATA_RECEIVED_FAILED))
                .map(|()| looks)
        }
        Received::End => stream.get().input_ended(py).map(|()| false),
        Received::Nothing | Received::Failed => Ok(false),
    }
}

fn read_into_buffer(stream: &Bound<'_, Stream>, protocol: &Bound<'_, PyAny>) -> PyResult<bool> {
    let (py, this) = (stream.py(), stream.get());
    let endpoint = this.endpoint(py);
    let failed = |error, message| Stream::fail(stream, error, message).map(|()| false);
    let buffer = match get_buffer(protocol, ANY_SIZE) {
        Ok(buffer) => buffer,
        Err(error) => return failed(error, GET_BUFFER_FAILED),
    };
    let (medium, fd) = (this.medium(py), endpoint.fd(py));
    let mut view = View::new();
    let received = match WritableBuffer::of(&mut view, &buffer) {
        Ok(mut buffer) => buffer.fill(|room| medium.receive(fd, room).map(|bytes| bytes.len())),
        Err(error) => return failed(error, medium.read_failed()),
    };
    match outcome(stream, received, |bytes| *bytes)? {
        Received::Something(bytes) => {
            if recorder::is_on() {
                recorder::bytes_in(py, endpoint, bytes);
            }
            let looks = this.received(py, bytes);
            let answer = protocol.call_method1(intern!(py, "buffer_updated"), (bytes,));
            answer
                .map(drop)
                .or_else(|error| Stream::fail(stream, error, BUFFER_UPDATED_FAILED))
                .map(|()| looks)
        }
        Received::End => this.input_ended(py).map(|()| false),
        Received::Nothing | Received::Failed => Ok(false),
    }
}

/// No size is recommended for a buffer.
const ANY_SIZE: isize = -1;

/// The protocol's buffer, which must have room.
pub(super) fn get_buffer<'py>(
    protocol: &Bound<'py, PyAny>,
    recommended: isize,
) -> PyResult<Bound<'py, PyAny>> {
    let py = protocol.py();
    let buffer = protocol.call_method1(intern!(py, "get_buffer"), (recommended,))?;
    if buffer.len()? == 0 {
        return Err(PyRuntimeError::new_err("get_buffer() returned an empty buffer"));
    }
    Ok(buffer)
}

fn outcome<T>(
    stream: &Bound<'_, Stream>,
    received: io::Result<T>,
    length: impl FnOnce(&T) -> usize,
) -> PyResult<Received<T>> {
    match received {
        Ok(received) if length(&received) == 0 => Ok(Received::End),
        Ok(received) => Ok(Received::Something(received)),
        Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {
            stream.get().machine(stream.py()).borrow_mut().received_nothing();
            Ok(Received::Nothing)
        }
        Err(error) => {
            let py = stream.py();
            let message = stream.get().medium(py).read_failed();
            Stream::fail(stream, os_error(py, &error), message)?;
            Ok(Received::Failed)
        }
    }
}
