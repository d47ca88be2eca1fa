//! Why the café couldn't serve: its texts are for whoever started it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// What the café's functions return.
pub type Result<T> = std::result::Result<T, Error>;

/// Why the café couldn't serve.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
enum Kind {
    UnreadMenu { file: PathBuf, cause: io::Error },
    WrongMenu { place: String, what: String },
    WrongOrder { wish: String, expected: String },
    NothingToRecord,
    Recording { file: PathBuf, cause: io::Error },
    Transcript(io::Error),
    Loop(cafeloop::Error),
}

impl Error {
    /// The café was asked for what it can't do: nothing was served.
    pub fn is_misuse(&self) -> bool {
        match self.0 {
            Kind::UnreadMenu { .. }
            | Kind::WrongMenu { .. }
            | Kind::WrongOrder { .. }
            | Kind::NothingToRecord
            | Kind::Recording { .. } => true,
            Kind::Transcript(_) | Kind::Loop(_) => false,
        }
    }

    /// Nobody reads the transcript any more.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(&self.0, Kind::Transcript(cause) if cause.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(crate) fn unread_menu(file: &Path, cause: io::Error) -> Self {
        Error(Kind::UnreadMenu { file: file.to_owned(), cause })
    }

    /// `place` is a file and a line, `what` says what was expected there.
    pub(crate) fn wrong_menu(place: String, what: String) -> Self {
        Error(Kind::WrongMenu { place, what })
    }

    pub(crate) fn wrong_order(wish: &str, expected: String) -> Self {
        Error(Kind::WrongOrder { wish: wish.to_owned(), expected })
    }

    pub(crate) fn nothing_to_record() -> Self {
        Error(Kind::NothingToRecord)
    }

    pub(crate) fn recording(file: &Path, cause: io::Error) -> Self {
        Error(Kind::Recording { file: file.to_owned(), cause })
    }

    pub(crate) fn transcript(cause: io::Error) -> Self {
        Error(Kind::Transcript(cause))
    }
}

/// So that `?` and [`try_gather`](cafeloop::try_gather) hand on what the loop says.
impl From<cafeloop::Error> for Error {
    fn from(error: cafeloop::Error) -> Self {
        Error(Kind::Loop(error))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::UnreadMenu { file, cause } => {
                write!(f, "can't read the menu {}: {cause}", file.display())
            }
            Kind::WrongMenu { place, what } => {
                write!(f, "can't serve from the menu at {place}: {what}")
            }
            Kind::WrongOrder { wish, expected } => {
                write!(f, "can't take the order {wish:?}: {expected}")
            }
            Kind::NothingToRecord => {
                f.write_str("can't record the synchronous café: it has no tasks")
            }
            Kind::Recording { file, cause } => {
                write!(f, "can't record into {}: {cause}", file.display())
            }
            Kind::Transcript(cause) => write!(f, "can't print the transcript: {cause}"),
            Kind::Loop(error) => write!(f, "can't serve: {error}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::UnreadMenu { cause, .. }
            | Kind::Recording { cause, .. }
            | Kind::Transcript(cause) => Some(cause),
            Kind::Loop(error) => Some(error),
            Kind::WrongMenu { .. } | Kind::WrongOrder { .. } | Kind::NothingToRecord => None,
        }
    }
}
