//! What a recording is drawn as, and to where.

use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::Args;

/// The files that a flow is drawn to, each in a form of its own; `-` is stdout.  With
/// none, it is drawn on the terminal.
#[derive(Args, Clone, Debug, Default, PartialEq, Eq)]
pub struct Pictures {
    /// Write a page to look at in a browser, in one file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,

    /// Write a picture for documents
    #[arg(long, value_name = "FILE")]
    pub svg: Option<PathBuf>,

    /// Write a trace for ui.perfetto.dev, and for Chrome's own viewer
    #[arg(long, value_name = "FILE")]
    pub perfetto: Option<PathBuf>,

    /// Write everything for other programs
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
}

impl Pictures {
    /// The files that were asked for.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.html, &self.svg, &self.perfetto, &self.json].into_iter().flatten()
    }
}

/// Whether a name on the command line is a recording's: it ends in `.flow`.
pub(crate) fn is_recording(name: &OsStr) -> bool {
    PathBuf::from(OsString::from(name)).extension().is_some_and(|extension| extension == "flow")
}
