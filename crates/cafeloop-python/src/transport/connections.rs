//! The connections of a server, where asyncio has a `WeakSet`.

use std::cell::RefCell;
use std::collections::HashMap;

use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyWeakrefMethods, PyWeakrefReference};

use crate::gil::Gil;

/// Refers to transports without keeping them: as much of a `WeakSet` as an
/// `asyncio.Server` uses.
///
/// A transport takes itself out when it ends, also when it is collected, so that none is
/// found that is gone; a `WeakSet` must be told by each, in Python, which costs more than
/// all else that a server knows of a connection.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct Connections {
    /// By their addresses.
    transports: Gil<RefCell<HashMap<usize, Py<PyWeakrefReference>>>>,
}

fn address(transport: &Bound<'_, PyAny>) -> usize {
    transport.as_ptr() as usize
}

#[pymethods]
impl Connections {
    #[new]
    fn new() -> Self {
        Connections { transports: Gil::new(RefCell::default()) }
    }

    fn add(&self, transport: &Bound<'_, PyAny>) -> PyResult<()> {
        let reference = PyWeakrefReference::new(transport)?.unbind();
        let transports = self.transports.get(transport.py());
        let before = transports.borrow_mut().insert(address(transport), reference);
        drop(before);
        Ok(())
    }

    fn discard(&self, transport: &Bound<'_, PyAny>) {
        let transports = self.transports.get(transport.py());
        let reference = transports.borrow_mut().remove(&address(transport));
        drop(reference);
    }

    /// All of them, in a list, which may be walked while they end.
    fn copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let transports = self.transports.get(py).borrow();
        let found: Vec<_> = transports.values().filter_map(|own| own.bind(py).upgrade()).collect();
        drop(transports);
        PyList::new(py, found)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.copy(py)?.try_iter()
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        self.transports.get(py).borrow().len()
    }
}
