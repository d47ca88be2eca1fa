//! The command line, for the package's `__main__`.

use std::ffi::OsString;
use std::io;

use cafeloop_cli::{Command, Target, Versions, parse};
use pyo3::prelude::*;
use pyo3::types::PyInt;

/// Reads a command line, without the program's name in front.
///
/// Returns an exit code if all is said, and else what is to be run: its kind
/// ("script" or "module"), its name, its arguments and whether to be verbose.
#[pyfunction]
pub(crate) fn parse_command(py: Python<'_>, args: Vec<OsString>) -> PyResult<Bound<'_, PyAny>> {
    // "3.15.0b1 (main, ...": the first word, as `platform.python_version()` has it.
    let python = Python::version_str().split_whitespace().next().unwrap_or_default();
    let versions =
        Versions { package: env!("CARGO_PKG_VERSION"), rust: env!("CAFELOOP_RUSTC"), python };
    // The process's own streams: what Python's would keep of a text that couldn't
    // be written, it would try to write again, and complain of, at its end.
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    match parse(args, versions, &mut out, &mut err) {
        Command::Done(code) => Ok(PyInt::new(py, code).into_any()),
        Command::Run(program) => {
            let (kind, name) = match program.target {
                Target::Script(path) => ("script", path),
                Target::Module(name) => ("module", name),
            };
            let parts = (kind, name, program.args, program.is_verbose).into_pyobject(py)?;
            Ok(parts.into_any())
        }
    }
}
