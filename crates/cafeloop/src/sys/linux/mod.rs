//! Linux 5.11 and newer, through rustix.

mod borrowed;
mod clock;
pub(crate) mod datagram;
mod peer;
pub(crate) mod pipe;
mod poller;
mod reach;
mod signal_pipe;
pub(crate) mod socket;
mod waker;
pub(crate) mod wire;

pub(crate) use clock::{PromptTimers, monotonic_ns, thread_time_ns};
pub use peer::Peer;
pub(crate) use poller::{Events, Poller, Readiness, Reports};
pub(crate) use reach::{Ends, Reach};
pub(crate) use signal_pipe::SignalPipe;
pub(crate) use waker::Waker;
