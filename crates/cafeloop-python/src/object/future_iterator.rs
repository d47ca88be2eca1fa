//! What `Future.__await__` gives to those who call it by name.
//!
//! `await` itself goes through the future, which is its own iterator.

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::prelude::*;
use pyo3::types::PyType;
use pyo3::{PyTraverseError, PyVisit, intern};

use super::class::own;
use super::future::{self, Future};
use super::reference::Strong;
use crate::gil::Gil;
use std::cell::RefCell;

/// An iterator over a future: yields it while it is pending, then ends with its
/// result.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct FutureIterator {
    /// Gone once the iterator has ended; since Python 3.14 only if it was ended.
    future: Gil<RefCell<Option<Strong<Future>>>>,
}

impl FutureIterator {
    pub(super) fn over(future: &Bound<'_, Future>) -> Self {
        FutureIterator { future: Gil::new(RefCell::new(Some(future::keep(future)))) }
    }

    fn end(&self, py: Python<'_>) {
        let future = self.future.get(py).borrow_mut().take();
        drop(future);
    }
}

/// Goes on with an `await`: the future itself while it is pending, and then its
/// result as an error of StopIteration.
pub(super) fn resume<'py>(future: &Bound<'py, Future>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let state = own(future);
    if state.is_pending() {
        if state.owner.is_empty() {
            future::owner(future)?;
        }
        if state.blocking.replace(true) {
            return Err(PyRuntimeError::new_err("await wasn't used with future"));
        }
        return Ok(Some(future.as_any().clone()));
    }
    Ok(None)
}

#[pymethods]
impl FutureIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let held = slf.get().future.get(py).borrow().as_ref().map(|held| held.bind(py).clone());
        let Some(future) = held else { return Err(PyStopIteration::new_err(())) };
        if let Some(awaited) = resume(&future)? {
            return Ok(awaited);
        }
        if !cfg!(Py_3_14) {
            slf.get().end(py);
        }
        let result = future::result(&future)?;
        // Made by hand: a tuple or an exception is one argument of it too.
        let class = py.get_type::<PyStopIteration>();
        Err(PyErr::from_value(class.call1((result,))?))
    }

    fn send<'py>(
        slf: &Bound<'py, Self>,
        _value: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        FutureIterator::__next__(slf)
    }

    #[pyo3(signature = (kind, value=None, traceback=None))]
    fn throw<'py>(
        slf: &Bound<'py, Self>,
        kind: &Bound<'py, PyAny>,
        value: Option<Bound<'py, PyAny>>,
        traceback: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().end(slf.py());
        Err(thrown(kind, value, traceback)?)
    }

    fn close(&self, py: Python<'_>) {
        self.end(py);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.future.visited(&visit).try_borrow() {
            Ok(held) => held.as_ref().map_or(Ok(()), |held| visit.call(held.as_py())),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(slf: &Bound<'_, Self>) {
        slf.get().end(slf.py());
    }
}

/// What `throw` was called with, as one exception.
pub(super) fn thrown(
    kind: &Bound<'_, PyAny>,
    value: Option<Bound<'_, PyAny>>,
    traceback: Option<Bound<'_, PyAny>>,
) -> PyResult<PyErr> {
    let py = kind.py();
    let invalid = |text: &'static str| Err(pyo3::exceptions::PyTypeError::new_err(text));
    let value = value.filter(|value| !value.is_none());
    let error = if kind.is_instance_of::<PyType>() {
        match value {
            None => kind.call0()?,
            Some(value) if value.is_instance(kind)? => value,
            Some(value) => kind.call1((value,))?,
        }
    } else if value.is_some() {
        return invalid("instance exception may not have a separate value");
    } else {
        kind.clone()
    };
    if !error.is_instance_of::<pyo3::exceptions::PyBaseException>() {
        return invalid(
            "exceptions must be classes deriving BaseException or instances of such a class",
        );
    }
    if let Some(traceback) = traceback.filter(|traceback| !traceback.is_none()) {
        if !traceback.is_instance_of::<pyo3::types::PyTraceback>() {
            return invalid("throw() third argument must be a traceback object");
        }
        error.setattr(intern!(py, "__traceback__"), traceback)?;
    }
    Ok(PyErr::from_value(error))
}
