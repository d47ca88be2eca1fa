//! Objects in the place of `asyncio.sleep` and `asyncio.gather`, for Python 3.11,
//! whose interpreter calls Python functions in no other way than by their code.
//!
//! They show the name, the signature and the code of what they stand in for, so
//! that `inspect` takes `sleep` for the coroutine function that it replaces.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFunction, PyString, PyTuple};

use super::{gather, sleep};

// What is native where a task of ours calls it, and else asyncio's own.  No text of
// the class's own may hide the function's.
#[pyclass(frozen, dict, module = "cafeloop")]
pub(crate) struct StandIn {
    instead_of: Py<PyAny>,
    kind: Kind,
}

enum Kind {
    Sleep,
    Gather,
}

#[pymethods]
impl StandIn {
    #[staticmethod]
    fn for_sleep(asyncios: Py<PyAny>) -> Self {
        StandIn { instead_of: asyncios, kind: Kind::Sleep }
    }

    #[staticmethod]
    fn for_gather(asyncios: Py<PyAny>) -> Self {
        StandIn { instead_of: asyncios, kind: Kind::Gather }
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let native = match slf.get().kind {
            Kind::Sleep if args.len() == 1 && kwargs.is_none() => {
                sleep::native(&args.get_item(0)?)?.map(Bound::into_any)
            }
            Kind::Sleep => None,
            Kind::Gather => {
                let (values, names) = flattened(args, kwargs)?;
                let pointers: Vec<_> = values.iter().map(Bound::as_ptr).collect();
                // SAFETY: `args.len()` arguments by position, and then one for each name.
                let arguments = unsafe {
                    super::method::Arguments::new(
                        py,
                        pointers.as_ptr(),
                        ffi::PyTuple_GET_SIZE(args.as_ptr()),
                        names.as_ptr(),
                    )
                };
                gather::native(py, arguments)?.map(Bound::into_any)
            }
        };
        native.map_or_else(|| slf.get().instead_of.bind(py).call(args, kwargs), Ok)
    }

    fn __getattr__<'py>(
        slf: &Bound<'py, Self>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().instead_of.bind(slf.py()).getattr(name)
    }

    /// What `unittest.mock` takes for a function it asks for its signature.
    #[getter]
    fn __class__<'py>(slf: &Bound<'py, Self>) -> Bound<'py, PyAny> {
        slf.py().get_type::<PyFunction>().into_any()
    }

    #[getter]
    fn __doc__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.get().instead_of.bind(slf.py()).getattr("__doc__")
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        Ok(slf.get().instead_of.bind(slf.py()).repr()?.to_string())
    }
}

/// Arguments as a fast call has them: all values, and the names of the last.
fn flattened<'py>(
    args: &Bound<'py, PyTuple>,
    kwargs: Option<&Bound<'py, PyDict>>,
) -> PyResult<(Vec<Bound<'py, PyAny>>, Bound<'py, PyTuple>)> {
    let mut values: Vec<_> = args.iter().collect();
    let mut names = Vec::new();
    for (name, value) in kwargs.into_iter().flatten() {
        names.push(name);
        values.push(value);
    }
    Ok((values, PyTuple::new(args.py(), names)?))
}
