//! Where the café's words go.

use std::cell::RefCell;
use std::fmt;
use std::io::{BufWriter, Write};

use crate::error::{Error, Result};

/// 64 KiB: what a pipe holds on Linux (pipe(7)), so that a reader who is as fast
/// as the writer costs one system call for a thousand lines.
const BUFFER_BYTES: usize = 64 * 1024;

/// All that is said in the café.  `writeln!` takes it for a stream; all tasks
/// share it, hence the cell.
pub struct Transcript {
    out: RefCell<BufWriter<Box<dyn Write>>>,
    pace: Pace,
    is_quiet: bool,
}

/// When a reader sees what was said.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Step by step, as it happens.
    Live,
    /// In large pieces: nobody waits, so nobody watches.
    Buffered,
}

impl Transcript {
    /// A transcript on `out`; a quiet one keeps everything but the
    /// [`last_line`](Transcript::last_line) to itself.
    pub fn new(out: impl Write + 'static, pace: Pace, is_quiet: bool) -> Self {
        let out = BufWriter::with_capacity(BUFFER_BYTES, Box::new(out) as Box<dyn Write>);
        Transcript { out: RefCell::new(out), pace, is_quiet }
    }

    /// Writes what one step says; `writeln!` calls it.
    pub fn write_fmt(&self, words: fmt::Arguments<'_>) -> Result<()> {
        if self.is_quiet {
            return Ok(());
        }
        let mut out = self.out.borrow_mut();
        out.write_fmt(words).map_err(Error::transcript)?;
        match self.pace {
            Pace::Live => out.flush().map_err(Error::transcript),
            Pace::Buffered => Ok(()),
        }
    }

    /// Writes the line that even a quiet café prints, and all that is still
    /// unwritten.
    pub fn last_line(&self, words: fmt::Arguments<'_>) -> Result<()> {
        let mut out = self.out.borrow_mut();
        writeln!(out, "{words}").and_then(|()| out.flush()).map_err(Error::transcript)
    }
}
