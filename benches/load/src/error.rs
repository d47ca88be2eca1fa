//! Why there is nothing to report, or why a report isn't the whole story: its texts
//! are for whoever started the program.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::address::HostPort;
use crate::failure::Failure;
use crate::target::Target;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug)]
pub(crate) struct Error(Kind);

#[derive(Debug)]
enum Kind {
    Unresolved { address: HostPort, cause: Box<dyn std::error::Error> },
    UnreadCertificates { file: PathBuf, cause: io::Error },
    WrongCertificates { file: PathBuf, what: String },
    LongDatagram { bytes: usize, most: usize },
    FewDescriptors { connections: usize, limit: u64 },
    ServerCpu { process: u32, cause: io::Error },
    Poller(io::Error),
    Interrupted,
    NotBegun { target: String, failure: Failure },
    NotGoingOn { target: String, failure: Failure },
    Failures(String),
    Listen { address: String, cause: io::Error },
    Report(io::Error),
}

impl Error {
    /// The program was asked for what it can't do: nothing was sent.
    pub(crate) fn is_misuse(&self) -> bool {
        matches!(
            self.0,
            Kind::Unresolved { .. }
                | Kind::UnreadCertificates { .. }
                | Kind::WrongCertificates { .. }
                | Kind::LongDatagram { .. }
                | Kind::FewDescriptors { .. }
                | Kind::ServerCpu { .. }
        )
    }

    pub(crate) fn is_interrupt(&self) -> bool {
        matches!(self.0, Kind::Interrupted)
    }

    /// Nobody reads the report any more.
    pub(crate) fn is_closed_pipe(&self) -> bool {
        matches!(&self.0, Kind::Report(cause) if cause.kind() == io::ErrorKind::BrokenPipe)
    }

    pub(crate) fn unresolved(
        address: &HostPort,
        cause: impl Into<Box<dyn std::error::Error>>,
    ) -> Self {
        Error(Kind::Unresolved { address: address.clone(), cause: cause.into() })
    }

    pub(crate) fn unread_certificates(file: &Path, cause: io::Error) -> Self {
        Error(Kind::UnreadCertificates { file: file.to_owned(), cause })
    }

    pub(crate) fn wrong_certificates(file: &Path, what: String) -> Self {
        Error(Kind::WrongCertificates { file: file.to_owned(), what })
    }

    pub(crate) fn long_datagram(bytes: usize, most: usize) -> Self {
        Error(Kind::LongDatagram { bytes, most })
    }

    pub(crate) fn few_descriptors(connections: usize, limit: u64) -> Self {
        Error(Kind::FewDescriptors { connections, limit })
    }

    pub(crate) fn server_cpu(process: u32, cause: io::Error) -> Self {
        Error(Kind::ServerCpu { process, cause })
    }

    pub(crate) fn poller(cause: io::Error) -> Self {
        Error(Kind::Poller(cause))
    }

    pub(crate) fn interrupted() -> Self {
        Error(Kind::Interrupted)
    }

    pub(crate) fn not_begun(target: &Target, failure: Failure) -> Self {
        Error(Kind::NotBegun { target: target.to_string(), failure })
    }

    pub(crate) fn not_going_on(target: &Target, failure: Failure) -> Self {
        Error(Kind::NotGoingOn { target: target.to_string(), failure })
    }

    /// `what` says how many failed, and how.
    pub(crate) fn failures(what: String) -> Self {
        Error(Kind::Failures(what))
    }

    pub(crate) fn listen(address: impl fmt::Display, cause: io::Error) -> Self {
        Error(Kind::Listen { address: address.to_string(), cause })
    }

    pub(crate) fn report(cause: io::Error) -> Self {
        Error(Kind::Report(cause))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Unresolved { address, cause } => write!(f, "can't find {address}: {cause}"),
            Kind::UnreadCertificates { file, cause } => {
                write!(f, "can't read the certificates in {}: {cause}", file.display())
            }
            Kind::WrongCertificates { file, what } => {
                write!(f, "can't use the certificates in {}: {what}", file.display())
            }
            Kind::LongDatagram { bytes, most } => {
                write!(f, "can't send {bytes} bytes in a datagram: it holds at most {most}")
            }
            Kind::FewDescriptors { connections, limit } => write!(
                f,
                "can't open {connections} connections: this process may have {limit} files open; \
                 raise `ulimit -n`"
            ),
            Kind::ServerCpu { process, cause } => {
                write!(f, "can't read the CPU time of process {process}: {cause}")
            }
            Kind::Poller(cause) => write!(f, "can't wait for events: {cause}"),
            Kind::Interrupted => write!(f, "interrupted before anything was measured"),
            Kind::NotBegun { target, failure } => {
                let (name, detail) = (failure.kind.name(), &failure.detail);
                write!(f, "can't begin with {target}: {name}: {detail}")
            }
            Kind::NotGoingOn { target, failure } => {
                let (name, detail) = (failure.kind.name(), &failure.detail);
                write!(f, "can't go on with {target}: {name}: {detail}")
            }
            Kind::Failures(what) => write!(f, "{what}"),
            Kind::Listen { address, cause } => write!(f, "can't serve at {address}: {cause}"),
            Kind::Report(cause) => write!(f, "can't print the report: {cause}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.0 {
            Kind::UnreadCertificates { cause, .. }
            | Kind::ServerCpu { cause, .. }
            | Kind::Poller(cause)
            | Kind::Listen { cause, .. }
            | Kind::Report(cause) => Some(cause),
            _ => None,
        }
    }
}
