//! The one error of this crate: what was attempted, on what, and why it failed.

use std::any::Any;
use std::fmt;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Why an operation of the loop or of its tasks failed.
///
/// Ask it with the predicates ([`is_cancelled`](Error::is_cancelled), ...); the
/// texts are for people.  It is one pointer wide.
pub struct Error {
    kind: Box<Kind>,
}

enum Kind {
    Cancelled,
    /// A payload need not be `Sync`; the lock makes it so, for errors that cross
    /// threads by reference.
    Panicked(Mutex<Box<dyn Any + Send>>),
    TimedOut(Duration),
    Nested,
    Closed(&'static str),
    Failed,
    Empty,
    Full {
        capacity: usize,
    },
    Io {
        attempt: String,
        cause: io::Error,
    },
}

impl Error {
    /// The task was cancelled (asyncio: `CancelledError`).
    pub fn is_cancelled(&self) -> bool {
        matches!(*self.kind, Kind::Cancelled)
    }

    /// The task panicked; [`into_panic`](Error::into_panic) has the payload.
    pub fn is_panic(&self) -> bool {
        matches!(*self.kind, Kind::Panicked(_))
    }

    /// The time given to [`timeout`](crate::timeout) was over.
    pub fn is_timed_out(&self) -> bool {
        matches!(*self.kind, Kind::TimedOut(_))
    }

    /// [`run`](crate::run) was called inside a running loop.
    pub fn is_nested(&self) -> bool {
        matches!(*self.kind, Kind::Nested)
    }

    /// What was used is closed: a queue that was shut down, or a task group that
    /// has failed or has been left.
    pub fn is_closed(&self) -> bool {
        matches!(*self.kind, Kind::Closed(_))
    }

    /// The task failed in a [`TaskGroup`](crate::TaskGroup), which has the reason.
    pub fn is_failed(&self) -> bool {
        matches!(*self.kind, Kind::Failed)
    }

    /// The queue had no item to give (asyncio: `QueueEmpty`).
    pub fn is_empty(&self) -> bool {
        matches!(*self.kind, Kind::Empty)
    }

    /// The queue had no room for the item (asyncio: `QueueFull`).
    pub fn is_full(&self) -> bool {
        matches!(*self.kind, Kind::Full { .. })
    }

    /// The operating system refused; [`io_kind`](Error::io_kind) says how.
    pub fn is_io(&self) -> bool {
        matches!(*self.kind, Kind::Io { .. })
    }

    /// The operating system's reason, if it was one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match &*self.kind {
            Kind::Io { cause, .. } => Some(cause.kind()),
            _ => None,
        }
    }

    /// What the task panicked with, for [`std::panic::resume_unwind`]; the error
    /// itself if it was none.
    pub fn into_panic(self) -> Result<Box<dyn Any + Send>, Error> {
        match *self.kind {
            Kind::Panicked(payload) => {
                Ok(payload.into_inner().unwrap_or_else(PoisonError::into_inner))
            }
            kind => Err(kind.into()),
        }
    }

    pub(crate) fn cancelled() -> Self {
        Kind::Cancelled.into()
    }

    pub(crate) fn panicked(payload: Box<dyn Any + Send>) -> Self {
        Kind::Panicked(Mutex::new(payload)).into()
    }

    pub(crate) fn timed_out(limit: Duration) -> Self {
        Kind::TimedOut(limit).into()
    }

    pub(crate) fn nested() -> Self {
        Kind::Nested.into()
    }

    pub(crate) fn closed(what: &'static str) -> Self {
        Kind::Closed(what).into()
    }

    pub(crate) fn failed() -> Self {
        Kind::Failed.into()
    }

    pub(crate) fn empty() -> Self {
        Kind::Empty.into()
    }

    pub(crate) fn full(capacity: usize) -> Self {
        Kind::Full { capacity }.into()
    }

    /// `attempt` is what was tried and on what: "connect to 127.0.0.1:80".
    pub(crate) fn io(attempt: impl Into<String>, cause: io::Error) -> Self {
        Kind::Io { attempt: attempt.into(), cause }.into()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Error { kind: Box::new(kind) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.kind {
            Kind::Cancelled => f.write_str("the task was cancelled"),
            Kind::Panicked(payload) => {
                let payload = payload.lock().unwrap_or_else(PoisonError::into_inner);
                match panic_text(&**payload) {
                    Some(text) => write!(f, "the task panicked: {text}"),
                    None => f.write_str("the task panicked"),
                }
            }
            Kind::TimedOut(limit) => write!(f, "timed out after {limit:?}"),
            Kind::Nested => f.write_str(
                "can't run a loop inside a running one: await the future instead, or use a thread",
            ),
            Kind::Closed(what) => write!(f, "the {what} is closed"),
            Kind::Failed => f.write_str("the task failed: its task group has the reason"),
            Kind::Empty => f.write_str("the queue is empty"),
            Kind::Full { capacity } => write!(f, "the queue is full: it holds {capacity} items"),
            Kind::Io { attempt, cause } => write!(f, "can't {attempt}: {cause}"),
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({self})")
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.kind {
            Kind::Io { cause, .. } => Some(cause),
            _ => None,
        }
    }
}

/// The text that `panic!` was given.
fn panic_text(payload: &(dyn Any + Send)) -> Option<&str> {
    payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_name_the_attempt_and_what_to_do() {
        let refused = io::Error::from(io::ErrorKind::ConnectionRefused);
        let texts = [
            (Error::cancelled(), "the task was cancelled"),
            (Error::panicked(Box::new("no beans")), "the task panicked: no beans"),
            (Error::panicked(Box::new(7)), "the task panicked"),
            (Error::timed_out(Duration::from_millis(1500)), "timed out after 1.5s"),
            (Error::closed("queue"), "the queue is closed"),
            (Error::failed(), "the task failed: its task group has the reason"),
            (Error::empty(), "the queue is empty"),
            (Error::full(3), "the queue is full: it holds 3 items"),
            (
                Error::io("connect to [::1]:9", refused),
                "can't connect to [::1]:9: connection refused",
            ),
        ];
        for (error, text) in texts {
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn a_panic_gives_back_its_payload_and_nothing_else_does() {
        let payload = Error::panicked(Box::new(7)).into_panic().expect("it was a panic");
        assert_eq!(payload.downcast_ref(), Some(&7));
        assert!(Error::cancelled().into_panic().expect_err("it was none").is_cancelled());
    }

    #[test]
    fn an_error_may_cross_threads_and_be_boxed_with_others() {
        fn boxed(error: Error) -> Box<dyn std::error::Error + Send + Sync> {
            error.into()
        }
        assert_eq!(boxed(Error::cancelled()).to_string(), "the task was cancelled");
    }
}
