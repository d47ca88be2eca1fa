//! What can go wrong with one request: it is counted by name, and the run goes on.

use std::io;

/// Why one request has no right answer.
#[derive(Clone, Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// What was found, for whoever looks into the first of them.
    pub(crate) detail: String,
}

/// The name under which failures are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum FailureKind {
    /// Nobody listens where the server was: nothing can be measured any more.
    Refused,
    /// This machine can't open one more connection: neither can the next request.
    NoConnection,
    Closed,
    Reset,
    TimedOut,
    WrongBytes,
    Http,
    Tls,
    Other,
}

impl FailureKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            FailureKind::Refused => "refused",
            FailureKind::NoConnection => "no connection",
            FailureKind::Closed => "closed by the server",
            FailureKind::Reset => "connection reset",
            FailureKind::TimedOut => "timed out",
            FailureKind::WrongBytes => "wrong bytes",
            FailureKind::Http => "wrong HTTP answer",
            FailureKind::Tls => "TLS failure",
            FailureKind::Other => "other",
        }
    }

    /// Whether it would only happen again with the next connection.
    pub(crate) fn ends_the_run(self) -> bool {
        matches!(self, FailureKind::Refused | FailureKind::NoConnection)
    }
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, detail: impl Into<String>) -> Self {
        Failure { kind, detail: detail.into() }
    }

    pub(crate) fn closed() -> Self {
        Failure::new(FailureKind::Closed, "the connection ended before the answer did")
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        use io::ErrorKind as Io;
        let kind = match error.kind() {
            // A Unix socket's path is gone when its server is.
            Io::ConnectionRefused | Io::NotFound => FailureKind::Refused,
            Io::AddrNotAvailable | Io::WouldBlock => FailureKind::NoConnection,
            Io::ConnectionReset | Io::BrokenPipe | Io::ConnectionAborted => FailureKind::Reset,
            Io::UnexpectedEof => FailureKind::Closed,
            Io::TimedOut => FailureKind::TimedOut,
            // What rustls says of bytes that are no TLS.
            Io::InvalidData => FailureKind::Tls,
            // EMFILE and ENFILE have no kind of their own.
            _ if matches!(error.raw_os_error(), Some(23 | 24)) => FailureKind::NoConnection,
            _ => FailureKind::Other,
        };
        let detail = match (kind, error.raw_os_error()) {
            (FailureKind::NoConnection, _) if error.kind() == Io::AddrNotAvailable => {
                format!(
                    "no local port is free for the next connection ({error}); make fewer of them"
                )
            }
            (FailureKind::NoConnection, _) if error.kind() == Io::WouldBlock => {
                "the server's queue of connections is full; use fewer --connections".to_owned()
            }
            _ => error.to_string(),
        };
        Failure { kind, detail }
    }
}
