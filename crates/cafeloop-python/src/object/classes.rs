//! The classes of our futures and tasks, made when a loop first needs them.
//!
//! If anything about this interpreter's own is unknown they aren't made, and
//! loops run the interpreter's tasks; `build_info()` says which, and why.

use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;

use super::class::Class;
use super::future::Future;
use super::gather::Gathering;
use super::pool::PooledClass;
use super::sleep::Sleep;
use super::task::Task;
use super::{future_face, layout, sleep_face, task_face};
use crate::names;

/// The classes of what our loops make.
pub(crate) struct Classes {
    pub(super) future: Class<Future>,
    pub(super) task: Class<Task>,
    pub(super) gathering: Class<Gathering>,
    pub(super) sleep: PooledClass<Sleep>,
}

/// The classes, or why there are none.
static MADE: PyOnceLock<Result<Classes, String>> = PyOnceLock::new();

/// The classes, if they have been made.
#[inline]
pub(crate) fn made(py: Python<'_>) -> Option<&'static Classes> {
    MADE.get(py)?.as_ref().ok()
}

/// Makes the classes, unless they are made or it is known that they can't be.
pub(crate) fn make(py: Python<'_>) -> Option<&'static Classes> {
    MADE.get_or_init(py, || Classes::make(py).map_err(|error| error.to_string())).as_ref().ok()
}

/// Whose tasks the loops run, for `build_info()`: "native", or the interpreter's
/// and why.
#[pyfunction]
pub(crate) fn _whose_tasks(py: Python<'_>) -> String {
    make(py);
    match MADE.get(py) {
        Some(Err(why)) => format!("interpreter ({why})"),
        _ => "native".into(),
    }
}

/// Has the loops to come run the interpreter's tasks: for tests of that path.
#[pyfunction]
pub(crate) fn _refuse_native_tasks(py: Python<'_>, why: String) -> bool {
    MADE.set(py, Err(why)).is_ok()
}

impl Classes {
    fn make(py: Python<'_>) -> PyResult<Self> {
        let asyncio = py.import(intern!(py, "_asyncio"))?;
        let future = asyncio.getattr(intern!(py, "Future"))?.cast_into::<PyType>()?;
        let task = asyncio.getattr(intern!(py, "Task"))?.cast_into::<PyType>()?;
        layout::learn(&future, &task)?;
        names::keep_for_the_end(py)?;
        let mut future_methods = future_face::methods();
        future_methods.extend(future_face::own_methods());
        let classes = Classes {
            future: Class::make(
                &future,
                future_methods,
                future_face::attributes(),
                future_face::own_slots(),
            )?,
            task: Class::make(
                &task,
                task_face::methods(),
                task_face::attributes(),
                task_face::slots(),
            )?,
            gathering: Class::make(
                &future,
                task_face::gathering_methods(),
                future_face::attributes(),
                future_face::own_slots(),
            )?,
            sleep: sleep_face::make(py)?,
        };
        if py.version_info() < (3, 14) {
            names::show_native_tasks(py)?.call0()?;
        }
        Ok(classes)
    }

    /// `object` as a future of ours, but not of a class derived from ours, which may
    /// have methods of its own.
    #[inline]
    pub(super) fn cast_future_exact<'a, 'py>(
        &self,
        object: &'a Bound<'py, PyAny>,
    ) -> Option<&'a Bound<'py, Future>> {
        if let Some(future) = self.future.cast_exact(object) {
            return Some(future);
        }
        if let Some(task) = self.task.cast_exact(object) {
            return Some(super::task::as_future(task));
        }
        self.gathering.cast_exact(object).map(super::gather::as_future)
    }
}
