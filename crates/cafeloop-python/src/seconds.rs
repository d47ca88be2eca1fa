//! Times: seconds as Python has them, nanoseconds as the engine has.

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt};

use crate::ffi::small_integer;

const NS_PER_SECOND: f64 = 1e9;

/// As `time.monotonic()` makes seconds of the same clock.
#[allow(clippy::cast_precision_loss, reason = "a float has 52 bits: 0.2 µs after 50 years")]
pub(crate) fn to_seconds(nanoseconds: u64) -> f64 {
    nanoseconds as f64 / NS_PER_SECOND
}

/// The first nanosecond that isn't before `seconds`, so that times and deadlines
/// compare as they do in Python.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it saturates: the past is now, and infinity never comes"
)]
pub(crate) fn to_nanoseconds(seconds: f64) -> PyResult<u64> {
    if seconds.is_nan() {
        return Err(PyValueError::new_err("a time must be a number of seconds, not NaN"));
    }
    let mut nanoseconds = (seconds * NS_PER_SECOND) as u64;
    while to_seconds(nanoseconds) < seconds && nanoseconds < u64::MAX {
        nanoseconds += 1;
    }
    Ok(nanoseconds)
}

/// A float's value, or that of an integer which is small enough: what most times
/// are given as.
#[inline]
pub(crate) fn plain_seconds(delay: &Bound<'_, PyAny>) -> Option<f64> {
    if delay.is_exact_instance_of::<PyFloat>() {
        return delay.extract().ok();
    }
    small_integer(delay.cast_exact::<PyInt>().ok()?).map(f64::from)
}
