//! A time of a loop's own, and what holds it up.

use std::cell::Cell;
use std::time::Duration;

use cafeloop::engine::{Clock, Expected, Foreign, Working};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::gil::Gil;
use crate::seconds::to_seconds;

/// What a clock may be put to, in nanoseconds: 15 billion seconds, 475 years.  It can
/// count 109 years more, for the deadlines from there on.
const LATEST_NS: u64 = 15_000_000_000 * 1_000_000_000;

/// The native half of `cafeloop.VirtualClock`.
#[pyclass(frozen, subclass, module = "cafeloop")]
pub(crate) struct VirtualClock {
    clock: Gil<Clock>,
}

impl VirtualClock {
    pub(crate) fn clock(&self, py: Python<'_>) -> Clock {
        self.clock.get(py).clone()
    }
}

#[pymethods]
impl VirtualClock {
    #[new]
    #[pyo3(signature = (start=0.0, *, strict=false))]
    fn new(start: f64, strict: bool) -> PyResult<Self> {
        let foreign = if strict { Foreign::IsAnError } else { Foreign::TakesRealTime };
        let start = duration(start, "start", 0)?;
        Ok(VirtualClock { clock: Gil::new(Clock::virtual_from(start, foreign)) })
    }

    /// What time it is, in seconds.
    fn time(&self, py: Python<'_>) -> f64 {
        to_seconds(self.clock.get(py).now_ns())
    }

    /// Moves the clock on, now; what is due by then is due in the loop's next turn.
    fn advance(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        let clock = self.clock.get(py);
        clock.advance(duration(seconds, "seconds", clock.now_ns())?);
        Ok(())
    }

    /// Has it go as real time does, until `resume()`; false if it does already.
    fn pause(&self, py: Python<'_>) -> bool {
        self.clock.get(py).pause()
    }

    /// Has it jump again; false if it does already.
    fn resume(&self, py: Python<'_>) -> bool {
        self.clock.get(py).resume()
    }

    /// Whether it jumps: it hasn't been paused.
    #[getter]
    fn jumps(&self, py: Python<'_>) -> bool {
        self.clock.get(py).jumps()
    }
}

/// A time that the clock can be put to if it is `now_ns` already.
fn duration(seconds: f64, name: &str, now_ns: u64) -> PyResult<Duration> {
    if !seconds.is_finite() || seconds < 0.0 {
        return Err(PyValueError::new_err(format!(
            "{name} must be a number of seconds, 0 or more, got {seconds:?}"
        )));
    }
    let most = Duration::from_nanos(LATEST_NS.saturating_sub(now_ns));
    let duration = Duration::try_from_secs_f64(seconds).ok();
    duration.filter(|&duration| duration <= most).ok_or_else(|| {
        PyValueError::new_err(format!(
            "{name} must not put the clock beyond {:e} seconds, which are 475 years, got {seconds:?}",
            to_seconds(LATEST_NS)
        ))
    })
}

/// What holds a virtual clock up.
pub(crate) enum Hold {
    /// Work in a thread: time stands still.
    Work(#[allow(dead_code, reason = "it holds as long as it lives")] Working),
    /// Something from outside: time passes as it really does.
    Outside(#[allow(dead_code, reason = "it holds as long as it lives")] Expected),
}

/// What a virtual clock waits for until it has ended.
#[pyclass(frozen, module = "cafeloop")]
pub(crate) struct Holding {
    hold: Gil<Cell<Option<Hold>>>,
}

impl Holding {
    pub(crate) fn new(hold: Hold) -> Self {
        Holding { hold: Gil::new(Cell::new(Some(hold))) }
    }
}

#[pymethods]
impl Holding {
    /// Lets the clock go on.
    fn end(&self, py: Python<'_>) {
        drop(self.hold.get(py).take());
    }
}
