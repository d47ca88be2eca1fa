//! What an event loop does, as data.
//!
//! ```text
//! Event --> Recorder --> file --> Reader --> Run --> findings, pictures
//! ```
//!
//! The engine emits [`Event`]s at its probe points, and so does whoever hosts it;
//! whoever listens is a [`Sink`].  A [`Recorder`] takes events down, into a ring in
//! memory or to a file, and a [`Reader`] reads them again.  This crate knows no
//! sockets, threads, clocks or environment: it is given everything, so that producer
//! and reader can age apart.

#![forbid(unsafe_code)]

mod error;
mod event;
pub mod findings;
mod format;
mod id;
mod metadata;
mod names;
mod parting;
mod quantity;
mod reader;
mod record;
mod recorder;
pub mod render;
pub mod run;
mod tables;

pub use error::Error;
pub use event::{Awaited, Event, FlowChange, LaneKind, Sink, StepEnd, TaskEnd, Waker, WorkPlace};
pub use id::{CodeId, Frame, Lane, StringId, TaskId, TransportId, WorkId};
pub use metadata::{Clock, Metadata, Mode};
pub use names::Names;
pub use parting::{Parting, Step, parting};
pub use reader::{Ending, Entry, Losses, Reader};
pub use recorder::{Recorder, Snapshot, Tap};
pub use run::Run;
