//! What an event loop does, as data.
//!
//! The engine emits [`Event`]s at its probe points; whoever listens is a
//! [`Sink`].  This crate knows no sockets, threads, clocks or environment: it
//! is given everything, so that producer and reader can age apart.

#![forbid(unsafe_code)]

mod event;

pub use event::{Event, Sink};
