//! The command line, for the package's `__main__`.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;

use cafeloop_cli::{
    Clock, Command, Comparison, Drawing, Exploration, Pictures, Program, Screen, Target, Versions,
    compare, draw, how_they_part, parse,
};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use pyo3::types::PyInt;

/// Reads a command line, without the program's name in front.
///
/// Returns an exit code if all is said, and else what is to be done.
#[pyfunction]
pub(crate) fn parse_command(py: Python<'_>, args: Vec<OsString>) -> PyResult<Bound<'_, PyAny>> {
    // "3.15.0b1 (main, ...": the first word, as `platform.python_version()` has it.
    let python = Python::version_str().split_whitespace().next().unwrap_or_default();
    let versions =
        Versions { package: env!("CARGO_PKG_VERSION"), rust: env!("CAFELOOP_RUSTC"), python };
    // The process's own streams: what Python's would keep of a text that couldn't
    // be written, it would try to write again, and complain of, at its end.
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let task = match parse(args, versions, &mut out, &mut err) {
        Command::Done(code) => return Ok(PyInt::new(py, code).into_any()),
        Command::Run(program) => Errand { command: "run", ..Errand::of(program) },
        Command::Flow(flow) => {
            Errand { command: "flow", pictures: flow.pictures, ..Errand::of(flow.program) }
        }
        Command::Explore(Exploration { program, seeds, timeout }) => Errand {
            command: "explore",
            seeds: Some((*seeds.start(), *seeds.end())),
            timeout: timeout.as_secs_f64(),
            ..Errand::of(program)
        },
        Command::Draw(Drawing { recordings, pictures }) => {
            let recordings = recordings.into_iter().map(PathBuf::into_os_string).collect();
            Errand { command: "draw", recordings, pictures, ..Errand::default() }
        }
        Command::Diff(Comparison { before, after }) => {
            let recordings = vec![before.into_os_string(), after.into_os_string()];
            Errand { command: "diff", recordings, ..Errand::default() }
        }
        Command::Cafe(arguments) => Errand { command: "cafe", arguments, ..Errand::default() },
    };
    Ok(Bound::new(py, task)?.into_any())
}

/// Draws a recording as it looks in a terminal; raises `OSError` if it can't be read.
#[pyfunction]
pub(crate) fn draw_flow(
    py: Python<'_>,
    recording: PathBuf,
    columns: usize,
    has_unicode: bool,
) -> PyResult<String> {
    let drawing = Drawing { recordings: vec![recording], pictures: Pictures::default() };
    let screen = Screen { columns, has_colours: false, has_unicode };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    match py.detach(|| draw(&drawing, screen, &mut out, &mut err)) {
        0 => Ok(String::from_utf8_lossy(&out).into_owned()),
        _ => Err(PyOSError::new_err(String::from_utf8_lossy(&err).trim_end().to_owned())),
    }
}

/// Where the runs of two recordings part; raises `OSError` if one can't be read.
#[pyfunction]
pub(crate) fn part(py: Python<'_>, before: PathBuf, after: PathBuf) -> PyResult<String> {
    let comparison = Comparison { before, after };
    py.detach(|| how_they_part(&comparison)).map_err(PyOSError::new_err)
}

/// What a command line asks for, if not only for an answer.
#[pyclass(frozen, module = "cafeloop")]
#[derive(Default)]
pub(crate) struct Errand {
    /// "run", "flow", "explore", "draw", "diff" or "cafe".
    #[pyo3(get)]
    command: &'static str,
    /// "script" or "module".
    #[pyo3(get)]
    kind: &'static str,
    #[pyo3(get)]
    name: OsString,
    #[pyo3(get)]
    arguments: Vec<OsString>,
    #[pyo3(get)]
    is_verbose: bool,
    #[pyo3(get)]
    is_recorded: bool,
    /// The recording's file, if it was named.
    #[pyo3(get)]
    recording: Option<OsString>,
    #[pyo3(get)]
    shows_arguments: bool,
    /// What the program's event loops go by, if it was said.
    #[pyo3(get)]
    clock: Option<&'static str>,
    #[pyo3(get)]
    seed: Option<u64>,
    /// The first and the last seed to run it with, if it is to be explored.
    #[pyo3(get)]
    seeds: Option<(u64, u64)>,
    /// How many seconds a run of it may take then.
    #[pyo3(get)]
    timeout: f64,
    /// To be drawn or compared.
    #[pyo3(get)]
    recordings: Vec<OsString>,
    pictures: Pictures,
}

impl Errand {
    fn of(program: Program) -> Self {
        let (kind, name) = match program.target {
            Target::Script(path) => ("script", path),
            Target::Module(name) => ("module", name),
        };
        let recorded = program.recorded;
        Errand {
            kind,
            name,
            arguments: program.args,
            is_verbose: program.is_verbose,
            is_recorded: recorded.is_some(),
            shows_arguments: recorded.as_ref().is_some_and(|it| it.shows_arguments),
            recording: recorded.and_then(|it| it.file).map(PathBuf::into_os_string),
            clock: program.schedule.clock.map(Clock::as_str),
            seed: program.schedule.seed,
            ..Errand::default()
        }
    }
}

#[pymethods]
impl Errand {
    /// The files that pictures are to be written to.
    fn picture_files(&self) -> Vec<OsString> {
        let files = self.pictures.files().map(|file| file.as_os_str());
        files.filter(|file| *file != "-").map(OsString::from).collect()
    }

    /// Draws recordings as one picture; returns the exit code.
    fn draw(
        &self,
        py: Python<'_>,
        recordings: Vec<OsString>,
        columns: usize,
        has_colours: bool,
        has_unicode: bool,
    ) -> u8 {
        let recordings = recordings.into_iter().map(PathBuf::from).collect();
        let drawing = Drawing { recordings, pictures: self.pictures.clone() };
        let screen = Screen { columns, has_colours, has_unicode };
        py.detach(|| draw(&drawing, screen, &mut io::stdout().lock(), &mut io::stderr().lock()))
    }

    /// Opens the café, which runs no Python; returns the exit code.
    fn serve(&self, py: Python<'_>) -> u8 {
        let name = OsString::from("cafeloop cafe");
        let words = std::iter::once(name).chain(self.arguments.iter().cloned());
        let words = words.collect::<Vec<OsString>>();
        py.detach(|| cafe::run(words, io::stdout(), &mut io::stderr()))
    }

    /// Compares two recordings; returns the exit code.
    #[staticmethod]
    fn compare(
        py: Python<'_>,
        recordings: (OsString, OsString),
        columns: usize,
        has_colours: bool,
        has_unicode: bool,
    ) -> u8 {
        let (before, after) = recordings;
        let comparison = Comparison { before: before.into(), after: after.into() };
        let screen = Screen { columns, has_colours, has_unicode };
        py.detach(|| {
            compare(&comparison, screen, &mut io::stdout().lock(), &mut io::stderr().lock())
        })
    }
}
