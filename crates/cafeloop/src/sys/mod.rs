//! Syscalls and nothing else: no policy, no timers, no jobs.
//!
//! What an operating system must supply, by these names:
//!
//! - [`Poller`], [`Events`], [`Readiness`], [`Reports`]: level-triggered readiness of
//!   descriptors, waited for with nanosecond time-outs;
//! - [`Waker`]: a descriptor that another thread makes readable;
//! - [`SignalPipe`]: where a signal handler writes the numbers of its signals;
//! - [`monotonic_ns`]: the clock behind Python's `time.monotonic()`;
//! - [`thread_time_ns`]: what the calling thread has used of the processors;
//! - [`PromptTimers`]: a thread whose time-outs aren't rounded to save power;
//! - [`Ends`], [`Reach`]: whether anything may come in through a descriptor that this
//!   process hasn't sent;
//! - [`socket`]: the calls on sockets that the standard library lacks;
//! - [`wire`]: bytes in and out of a stream socket that somebody else owns;
//! - [`datagram`]: datagrams in and out of one;
//! - [`pipe`]: bytes in and out of what isn't a socket;
//! - [`Peer`]: a socket's address.
//!
//! Linux is the only one today; another is a second folder behind this list.

mod linux;

pub use linux::Peer;
pub(crate) use linux::{
    Ends, Events, Poller, PromptTimers, Reach, Readiness, Reports, SignalPipe, Waker, monotonic_ns,
    thread_time_ns,
};
pub(crate) use linux::{datagram, pipe, socket, wire};
