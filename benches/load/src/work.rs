//! The kinds of work that a load may consist of, and what a reader calls them.

use std::fmt;
use std::rc::Rc;

use crate::connection::Life;
use crate::exchange::{Download, Echo, Exchange, Http, HttpJob, Upload, UploadJob};
use crate::report;
use crate::tape::Tape;

/// What is said on the connections.
pub(crate) enum Work {
    Echo { bytes: usize, writes: usize },
    Churn { bytes: usize, writes: usize },
    Http { host: String, path: String, body: Option<String> },
    Upload { bytes: usize },
    Download { bytes: usize },
}

impl Work {
    /// What makes the exchange of each connection.
    pub(crate) fn exchanges(&self) -> Box<dyn Fn() -> Box<dyn Exchange>> {
        match self {
            Work::Echo { bytes, writes } | Work::Churn { bytes, writes } => {
                let (tape, writes) = (Rc::new(Tape::new(*bytes)), *writes);
                Box::new(move || Box::new(Echo::new(Rc::clone(&tape), writes)))
            }
            Work::Http { host, path, body } => {
                let job = Rc::new(HttpJob::new(host, path, body.as_deref()));
                Box::new(move || Box::new(Http::new(Rc::clone(&job))))
            }
            Work::Upload { bytes } => {
                let job = Rc::new(UploadJob::new(*bytes));
                Box::new(move || Box::new(Upload::new(Rc::clone(&job))))
            }
            Work::Download { bytes } => {
                let bytes = *bytes;
                Box::new(move || Box::new(Download::new(bytes)))
            }
        }
    }

    /// How long a connection is used.
    pub(crate) fn life(&self) -> Life {
        match self {
            Work::Churn { .. } => Life::OneRequest,
            _ => Life::AllRequests,
        }
    }

    /// How many connections there are unless told otherwise.
    pub(crate) fn usual_connections(&self) -> usize {
        match self {
            Work::Upload { .. } | Work::Download { .. } => 1,
            Work::Echo { .. } | Work::Churn { .. } | Work::Http { .. } => 50,
        }
    }
}

/// As a report begins.
impl fmt::Display for Work {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let size = |bytes: usize| report::bytes(bytes as u64);
        let by = |writes: usize| match writes {
            1 => String::new(),
            writes => format!(" by {writes} writes"),
        };
        match self {
            Work::Echo { bytes, writes } => write!(f, "echo of {}{}", size(*bytes), by(*writes)),
            Work::Churn { bytes, writes } => {
                write!(f, "churn with {}{}", size(*bytes), by(*writes))
            }
            Work::Http { path, .. } => write!(f, "GET {path}"),
            Work::Upload { bytes } => write!(f, "upload of {}", size(*bytes)),
            Work::Download { bytes } => write!(f, "download of {}", size(*bytes)),
        }
    }
}
