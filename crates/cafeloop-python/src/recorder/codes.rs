//! Code objects as a recording's numbers.

use std::cell::RefCell;
use std::collections::HashMap;

use cafeloop::flow::{CodeId, Recorder};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyContext, PyString, PyTuple};

use crate::names;

/// Code objects that are remembered, which keeps them alive.  A program has some
/// thousands; one that makes them on and on is to go on too.
const MOST_REMEMBERED: usize = 1 << 16;

/// What is known of a code object.
#[derive(Clone, Copy)]
pub(super) struct Known {
    pub(super) id: CodeId,
    pub(super) whose: Whose,
}

/// To whom a piece of code belongs.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Whose {
    /// To the program.
    Programs,
    /// To Python or an installed package.
    Library,
    /// To what imports modules.
    Import,
    /// To this package.
    Ours,
    /// To what begins a process of multiprocessing's: what called it belongs to the process
    /// that was forked.
    Beginning,
    /// To what calls the jobs of a pool's thread: what it calls is the program's choice,
    /// whoever wrote it.
    Pool,
}

/// The code objects that have been met, by their addresses.
#[derive(Default)]
pub(super) struct Codes {
    known: RefCell<HashMap<usize, (Known, Py<PyAny>)>>,
    /// Where Python's own modules are.
    standard: String,
    /// Where this package is.
    ours: String,
}

impl Codes {
    pub(super) fn new(py: Python<'_>) -> PyResult<Self> {
        let package = py.import(intern!(py, "cafeloop"))?.getattr(intern!(py, "__path__"))?;
        let package: String = package.get_item(0)?.extract()?;
        // That of a module which every program has loaded.
        let standard = py.import(intern!(py, "os"))?.getattr(intern!(py, "__file__"))?;
        let standard: String = standard.extract()?;
        let folder = standard.rsplit_once('/').map_or("", |(folder, _)| folder);
        let (standard, ours) = (format!("{folder}/"), format!("{package}/"));
        Ok(Codes { known: RefCell::default(), standard, ours })
    }

    /// The number of a code object.
    pub(super) fn of_code(&self, recorder: &RefCell<Recorder>, code: &Bound<'_, PyAny>) -> Known {
        let address = code.as_ptr() as usize;
        if let Some((known, _)) = self.known.borrow().get(&address) {
            return *known;
        }
        let unknown = Known { id: CodeId::NONE, whose: Whose::Library };
        let known = self.describe(recorder, code).unwrap_or(unknown);
        let mut all = self.known.borrow_mut();
        if all.len() < MOST_REMEMBERED {
            all.insert(address, (known, code.clone().unbind()));
        }
        known
    }

    fn describe(&self, recorder: &RefCell<Recorder>, code: &Bound<'_, PyAny>) -> PyResult<Known> {
        let py = code.py();
        let name: String = code.getattr(intern!(py, "co_qualname"))?.extract()?;
        let file: String =
            code.getattr(intern!(py, "co_filename"))?.cast::<PyString>()?.to_string_lossy().into();
        let line: u32 = code.getattr(intern!(py, "co_firstlineno"))?.extract().unwrap_or(0);
        let id = recorder.borrow_mut().code(own_name(&name), &file, line);
        Ok(Known { id, whose: self.whose(&name, &file) })
    }

    fn whose(&self, name: &str, file: &str) -> Whose {
        if file.starts_with("<frozen importlib") {
            Whose::Import
        } else if name == "BaseProcess._bootstrap" && file.ends_with("multiprocessing/process.py") {
            Whose::Beginning
        } else if matches!(name, "_WorkItem.run" | "WorkerContext.run")
            && file.ends_with("concurrent/futures/thread.py")
        {
            Whose::Pool
        } else if file.starts_with(&self.ours) {
            Whose::Ours
        } else if file.starts_with("<frozen ")
            || file.starts_with(&self.standard)
            || file.contains("/site-packages/")
            || file.contains("/dist-packages/")
        {
            Whose::Library
        } else {
            Whose::Programs
        }
    }

    /// The number of what a callable runs.
    pub(super) fn of_callable(
        &self,
        recorder: &RefCell<Recorder>,
        callable: &Bound<'_, PyAny>,
    ) -> CodeId {
        self.find_callable(recorder, callable).unwrap_or(CodeId::NONE)
    }

    fn find_callable(
        &self,
        recorder: &RefCell<Recorder>,
        callable: &Bound<'_, PyAny>,
    ) -> PyResult<CodeId> {
        let py = callable.py();
        if let Some(code) = plain_attribute(callable, intern!(py, "__code__"))? {
            return Ok(self.of_code(recorder, &code).id);
        }
        if let Some(inner) = handed_on(callable)? {
            return self.find_callable(recorder, &inner);
        }
        // Of a method and of functools.partial.
        for name in [intern!(py, "__func__"), intern!(py, "func")] {
            if let Some(inner) = plain_attribute(callable, name)?
                && let Some(code) = plain_attribute(&inner, intern!(py, "__code__"))?
            {
                return Ok(self.of_code(recorder, &code).id);
            }
        }
        let name = plain_attribute(callable, intern!(py, "__qualname__"))?;
        let name = name.and_then(|name| name.extract::<String>().ok());
        let name = match name {
            Some(name) => name,
            None => callable.get_type().qualname()?.extract()?,
        };
        Ok(recorder.borrow_mut().code(own_name(&name), "", 0))
    }
}

/// A name without the functions in which it was defined: `main.<locals>.serve` is
/// what its author calls `serve`.
pub(super) fn own_name(name: &str) -> &str {
    name.rsplit_once("<locals>.").map_or(name, |(_, own)| own)
}

/// What `asyncio.to_thread` is to call: it makes a partial of `Context.run`.
fn handed_on<'py>(callable: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
    let py = callable.py();
    if !callable.get_type().is(names::partial_class(py)?) {
        return Ok(None);
    }
    let runner = callable.getattr(intern!(py, "func"))?;
    let runs = plain_attribute(&runner, intern!(py, "__self__"))?
        .is_some_and(|context| context.cast::<PyContext>().is_ok());
    let arguments = callable.getattr(intern!(py, "args"))?.cast_into::<PyTuple>()?;
    if runs && !arguments.is_empty() { arguments.get_item(0).map(Some) } else { Ok(None) }
}

/// An attribute of an object whose class has no `__getattr__`: to look must not run
/// anybody's code.
fn plain_attribute<'py>(
    object: &Bound<'py, PyAny>,
    name: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    let class = object.get_type();
    if class.getattr_opt(intern!(object.py(), "__getattr__"))?.is_some() {
        return Ok(None);
    }
    object.getattr_opt(name)
}
