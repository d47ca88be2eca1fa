//! What the command line is answered with when there is nothing to run: help,
//! versions, or what is wrong with it.

use std::io::{self, Write};
use std::path::Path;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::Versions;

/// The exit code of a command line that asked for nothing, or for what isn't
/// there; clap's and Python's number for it too.
const USAGE_ERROR: u8 = 2;

/// Writes the answer that clap's `error` stands for, and returns the exit code.
///
/// To clap, help and versions are errors: ends of the parsing.
pub(crate) fn write(
    mut error: clap::Error,
    versions: Versions<'_>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    if error.use_stderr() {
        advise(&mut error);
        // With the stream for complaints gone, nobody can be told of it.
        let _ = write_text(err, &error.render().to_string());
        return USAGE_ERROR;
    }
    let text = match error.kind() {
        ErrorKind::DisplayVersion => describe(versions),
        _ => error.render().to_string(),
    };
    match write_text(out, &text) {
        Ok(()) => 0,
        Err(cause) => {
            let _ = write_text(err, &format!("cafeloop: can't write to stdout: {cause}\n"));
            USAGE_ERROR
        }
    }
}

/// Adds what to do, where the mistake is a likely one: `cafeloop server.py`.
fn advise(error: &mut clap::Error) {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return;
    };
    if Path::new(word).extension().is_some_and(|extension| extension == "py") {
        let advice = format!("to run a program, use 'cafeloop run {word}'");
        error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![advice.into()]));
        // `cafe.py` resembles `cafe`.
        error.remove(ContextKind::SuggestedSubcommand);
    }
}

fn describe(versions: Versions<'_>) -> String {
    let Versions { package, rust, python } = versions;
    format!("cafeloop {package} (Rust {rust}, Python {python})\n")
}

/// Writes all of it, or as much as the reader wants: `cafeloop --help | head -1`
/// is served well when `head` has gone.
fn write_text(stream: &mut dyn Write, text: &str) -> io::Result<()> {
    match stream.write_all(text.as_bytes()).and_then(|()| stream.flush()) {
        Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}
