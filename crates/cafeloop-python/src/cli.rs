//! The command line, for the package's `__main__`.

use std::ffi::OsString;
use std::io::{self, Write};

use cafeloop_cli::{Command, Target, Versions, parse};
use pyo3::call::PyCallArgs;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString};

/// Reads a command line, without the program's name in front.
///
/// Returns an exit code if all is said, and else what is to be run: its kind
/// ("script" or "module"), its name and its arguments.
#[pyfunction]
pub(crate) fn parse_command(py: Python<'_>, args: Vec<OsString>) -> PyResult<Bound<'_, PyAny>> {
    let version = py.version_info();
    let python = format!("{}.{}.{}", version.major, version.minor, version.patch);
    let versions = Versions {
        package: env!("CARGO_PKG_VERSION"),
        rust: env!("CAFELOOP_RUSTC"),
        python: &python,
    };
    let mut out = Stream::of(py, "stdout")?;
    let mut err = Stream::of(py, "stderr")?;
    match parse(args, versions, &mut out, &mut err) {
        Command::Done(code) => Ok(PyInt::new(py, code).into_any()),
        Command::Run(program) => {
            let (kind, name) = match program.target {
                Target::Script(path) => ("script", path),
                Target::Module(name) => ("module", name),
            };
            let parts = (kind, name, program.args).into_pyobject(py)?;
            Ok(parts.into_any())
        }
    }
}

/// One of the interpreter's streams, so that who has replaced it is obeyed.
struct Stream<'py>(Bound<'py, PyAny>);

impl<'py> Stream<'py> {
    fn of(py: Python<'py>, name: &str) -> PyResult<Self> {
        py.import(intern!(py, "sys"))?.getattr(name).map(Stream)
    }
}

impl Write for Stream<'_> {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.call(intern!(self.0.py(), "write"), (String::from_utf8_lossy(text),))?;
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.call(intern!(self.0.py(), "flush"), ())
    }
}

impl<'py> Stream<'py> {
    fn call(&self, method: &Bound<'py, PyString>, args: impl PyCallArgs<'py>) -> io::Result<()> {
        // It is None in a process that was started without one.
        if self.0.is_none() {
            return Ok(());
        }
        self.0.call_method1(method, args).map(drop).map_err(|error| {
            // The number says more than the exception's class and is said better.
            let number = error.value(self.0.py()).getattr(intern!(self.0.py(), "errno"));
            match number.and_then(|number| number.extract()) {
                Ok(number) => io::Error::from_raw_os_error(number),
                Err(_) => error.into(),
            }
        })
    }
}
