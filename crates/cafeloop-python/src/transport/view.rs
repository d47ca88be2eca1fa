//! Parts of Python's memory, as Python has them.

use pyo3::prelude::*;
use pyo3::types::{PyMemoryView, PySlice};

/// What a view shows from so many bytes on.
///
/// The slice is made in Python's way: PyO3's own (0.30) leaks a reference to each of its
/// numbers.
pub(super) fn rest<'py>(
    view: &Bound<'py, PyMemoryView>,
    start: usize,
) -> PyResult<Bound<'py, PyMemoryView>> {
    let py = view.py();
    let slice = py.get_type::<PySlice>().call1((start, py.None()))?;
    Ok(view.get_item(slice)?.cast_into()?)
}
