//! A sleep as the future that its task would wait for: what `Task._fut_waiter` shows.
//!
//! Libraries look there whether a task is at rest, and may be cancelled (anyio).

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::reference::Strong;
use super::sleep::Sleep;
use crate::event_loop::EventLoop;
use crate::names;

/// Says of a sleep what a future would.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct SleepFuture(pub(super) Strong<Sleep>);

#[pymethods]
impl SleepFuture {
    #[getter]
    fn __class__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        names::future_class(slf.py()).cloned()
    }

    fn done(&self, py: Python<'_>) -> bool {
        !Sleep::is_pending(self.0.bind(py))
    }

    fn cancelled(&self, py: Python<'_>) -> bool {
        Sleep::is_cancelled(self.0.bind(py))
    }

    fn get_loop<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, EventLoop>> {
        let owner = Sleep::owner(self.0.bind(py))?;
        owner.ok_or_else(|| PyRuntimeError::new_err("nobody waits for this sleep any more"))
    }

    #[pyo3(signature = (msg=None))]
    fn cancel(&self, py: Python<'_>, msg: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        Sleep::cancel(self.0.bind(py), msg)
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let state = if slf.get().done(slf.py()) { "finished" } else { "pending" };
        format!("<Future {state} of a sleep>")
    }
}
