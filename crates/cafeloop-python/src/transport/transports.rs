//! Which of a loop's descriptors are its transports': `add_reader` refuses those.

use std::cell::RefCell;
use std::collections::HashMap;
use std::os::fd::RawFd;

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::Stream;

/// Finds the transport that uses a descriptor which a user names by its number.
///
/// It keeps no transport alive, and what it finds it asks: the number may have been
/// closed and opened again since.
#[derive(Default)]
pub(crate) struct Transports {
    by_number: RefCell<HashMap<RawFd, Py<PyWeakrefReference>>>,
}

impl Transports {
    /// Fails if another uses the descriptor of this one.
    pub(super) fn add(&self, stream: &Bound<'_, Stream>) -> PyResult<()> {
        let fd = stream.get().fd(stream.py());
        self.refuse_used(fd, stream.get().socket(stream.py()))?;
        let reference = PyWeakrefReference::new(stream)?.unbind();
        let before = self.by_number.borrow_mut().insert(fd, reference);
        drop(before);
        Ok(())
    }

    pub(super) fn remove(&self, stream: &Bound<'_, Stream>, fd: RawFd) {
        let is_its = self.find(stream.py(), fd).is_some_and(|found| found.is(stream));
        let reference = is_its.then(|| self.by_number.borrow_mut().remove(&fd));
        drop(reference);
    }

    /// Fails if a transport uses a descriptor, which the user names by `object`.
    pub(crate) fn refuse_used(&self, fd: RawFd, object: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = object.py();
        let user = self.find(py, fd).filter(|stream| stream.get().uses(py, fd));
        let Some(transport) = user.and_then(|stream| stream.get().transport(py)) else {
            return Ok(());
        };
        let (object, transport) = (object.repr()?, transport.bind(py).repr()?);
        let text = format!("File descriptor {object} is used by transport {transport}");
        Err(PyRuntimeError::new_err(text))
    }

    fn find<'py>(&self, py: Python<'py>, fd: RawFd) -> Option<Bound<'py, Stream>> {
        let reference = self.by_number.borrow().get(&fd)?.clone_ref(py);
        reference.bind(py).upgrade_as::<Stream>().ok().flatten()
    }
}
