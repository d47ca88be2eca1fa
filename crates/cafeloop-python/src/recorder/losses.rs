//! What nobody awaited, and when the garbage collector made everybody wait: told by
//! hooks that Python has for both.
//!
//! They are native, so that no frame of theirs shows in a warning's line.

use std::cell::Cell;

use cafeloop::flow::{CodeId, Event};
use pyo3::intern;
use pyo3::prelude::*;

use super::current;
use crate::gil::Gil;

/// Pauses of the collector that are shorter aren't told: a young collection takes some
/// microseconds, and there are thousands.
const LEAST_PAUSE_NS: u64 = 100_000;

/// Stands in the place of `warnings._warn_unawaited_coroutine`, which the interpreter
/// calls for a coroutine that was never awaited.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct Unawaited {
    before: Py<PyAny>,
}

#[pymethods]
impl Unawaited {
    #[new]
    fn new(before: Py<PyAny>) -> Self {
        Unawaited { before }
    }

    /// What stood there before.
    #[getter]
    fn before(&self, py: Python<'_>) -> Py<PyAny> {
        self.before.clone_ref(py)
    }

    fn __call__<'py>(&self, coroutine: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let py = coroutine.py();
        if let Some(recording) = current(py)
            && let Ok(lane) = recording.lane_here(py)
        {
            let code = coroutine.getattr_opt(intern!(py, "cr_code"))?;
            let code = code.map_or(CodeId::NONE, |code| {
                recording.codes.of_code(&recording.recorder, &code).id
            });
            recording.record(recording.now_ns(), lane, Event::NeverAwaited { code });
        }
        self.before.bind(py).call1((coroutine,))
    }
}

/// One of `gc.callbacks`.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct Collections {
    began_ns: Gil<Cell<u64>>,
}

#[pymethods]
impl Collections {
    #[new]
    fn new() -> Self {
        Collections { began_ns: Gil::new(Cell::new(0)) }
    }

    fn __call__(&self, phase: &Bound<'_, PyAny>, info: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = phase.py();
        let Some(recording) = current(py) else { return Ok(()) };
        let now_ns = recording.now_ns();
        let began_ns = self.began_ns.get(py);
        if phase.eq(intern!(py, "start"))? {
            began_ns.set(now_ns);
            return Ok(());
        }
        let took_ns = now_ns.saturating_sub(began_ns.get());
        // Before anything is seen to run, it is the imports' pause, and nobody waits.
        if began_ns.take() > 0 && took_ns >= LEAST_PAUSE_NS && recording.has_begun() {
            let generation = info.get_item(intern!(py, "generation"))?.extract()?;
            let event = Event::GcPaused { took_ns, generation };
            recording.record(now_ns, recording.lane_here(py)?, event);
        }
        Ok(())
    }
}
