//! Which of a loop's descriptors are its transports': `add_reader` refuses those.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::RawFd;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::endpoint::Endpoint;
use super::{Datagram, Stream};

/// Finds the transport that uses a descriptor which a user names by its number.
///
/// It keeps no transport alive, and what it finds it asks: the number may have been
/// closed and opened again since.
#[derive(Default)]
pub(crate) struct Transports {
    by_number: RefCell<HashMap<RawFd, Py<PyWeakrefReference>>>,
}

impl Transports {
    /// Fails if another uses the descriptor of `own`, a native half with this end.
    pub(super) fn add(&self, own: &Bound<'_, PyAny>, endpoint: &Endpoint) -> PyResult<()> {
        let fd = endpoint.fd(own.py());
        if let Some(user) = self.user_of(own.py(), fd) {
            let object = endpoint.socket().object(own.py())?;
            return Err(used(&object.into_pyobject(own.py())?, &user)?);
        }
        let reference = PyWeakrefReference::new(own)?.unbind();
        let before = self.by_number.borrow_mut().insert(fd, reference);
        drop(before);
        Ok(())
    }

    pub(super) fn remove(&self, own: &Bound<'_, PyAny>, fd: RawFd) {
        let is_its = self.find(own.py(), fd).is_some_and(|found| found.is(own));
        let reference = is_its.then(|| self.by_number.borrow_mut().remove(&fd));
        drop(reference);
    }

    /// Fails if a transport uses a descriptor, which the user names by `object`.
    pub(crate) fn refuse_used(&self, fd: RawFd, object: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.user_of(object.py(), fd) {
            Some(transport) => Err(used(object, &transport)?),
            None => Ok(()),
        }
    }

    /// The transport that uses a descriptor.
    fn user_of(&self, py: Python<'_>, fd: RawFd) -> Option<Py<PyAny>> {
        self.find(py, fd).and_then(|found| user_of(&found, fd))
    }

    fn find<'py>(&self, py: Python<'py>, fd: RawFd) -> Option<Bound<'py, PyAny>> {
        let reference = self.by_number.borrow().get(&fd)?.clone_ref(py);
        reference.bind(py).upgrade()
    }
}

fn used(object: &Bound<'_, PyAny>, transport: &Py<PyAny>) -> PyResult<PyErr> {
    let (object, transport) = (object.repr()?, transport.bind(object.py()).repr()?);
    let text = format!("File descriptor {object} is used by transport {transport}");
    Ok(PyRuntimeError::new_err(text))
}

/// The transport behind a native half, if it uses this descriptor.
fn user_of(found: &Bound<'_, PyAny>, fd: RawFd) -> Option<Py<PyAny>> {
    let py = found.py();
    if let Ok(stream) = found.cast_exact::<Stream>() {
        let stream = stream.get();
        return stream.uses(py, fd).then(|| stream.transport(py)).flatten();
    }
    let datagram = found.cast_exact::<Datagram>().ok()?.get();
    datagram.uses(py, fd).then(|| datagram.transport(py)).flatten()
}
