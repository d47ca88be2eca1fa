//! Why a file can't be read as a recording.

use std::fmt;
use std::io;

use crate::format::{MOST_BLOCK_BYTES, VERSION};

/// Why a file can't be read as a recording.
///
/// A recording that is cut off or damaged further on isn't an error: it gives what is
/// before that, and [`Reader::ending`](crate::Reader::ending) says so.
#[derive(Debug)]
pub struct Error(Kind);

#[derive(Debug)]
pub(crate) enum Kind {
    NoRecording { found: Vec<u8> },
    Version(u16),
    HeadCut,
    HeadTooLong(u64),
    Io(io::Error),
}

impl Error {
    /// The file was read, and is no recording that this version can read.
    pub fn is_wrong_file(&self) -> bool {
        !matches!(self.0, Kind::Io(_))
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Error(kind)
    }
}

impl From<io::Error> for Error {
    fn from(cause: io::Error) -> Self {
        Error(Kind::Io(cause))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::NoRecording { found } if found.is_empty() => {
                f.write_str("not a recording: the file is empty")
            }
            Kind::NoRecording { found } => {
                write!(f, "not a recording: it begins with \"{}\"", found.escape_ascii())
            }
            Kind::Version(version) => write!(
                f,
                "a recording of format {version}, but this version of cafeloop reads format \
                 {VERSION}; use the version that recorded it, or record again"
            ),
            Kind::HeadCut => f.write_str("the recording is cut off before its first event"),
            Kind::HeadTooLong(bytes) => write!(
                f,
                "the recording is damaged: its head claims {bytes} bytes, and may have \
                 {MOST_BLOCK_BYTES}"
            ),
            Kind::Io(cause) => write!(f, "reading the recording failed: {cause}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::Io(cause) => Some(cause),
            _ => None,
        }
    }
}
