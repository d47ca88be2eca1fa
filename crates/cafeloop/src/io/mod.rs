//! Connections as state machines: bytes and events in, decisions out.
//!
//! Nothing here has a descriptor, calls the kernel, reads a clock or calls anybody
//! back.  Whoever drives a machine does what it says and tells it what came of it,
//! so that each state can be reached in a test without a socket.
//!
//! ```text
//! stream       a connection: reading, writing, half-close, close, abort
//! datagram     an endpoint of datagrams: sending, waiting, close, abort
//! write_queue  bytes that the kernel hasn't taken yet
//! tls          a connection inside of another, encrypted: handshake to shutdown
//! turn_writes  whether a write is the only one of its turn
//! water_marks  when a writer is asked to pause, and when to go on
//! read_size    how much room to offer for the next read
//! looks        whether to look for what comes next before it is reported
//! ```

mod datagram;
mod looks;
mod read_size;
mod stream;
pub mod tls;
mod turn_writes;
mod water_marks;
mod write_queue;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod tls_tests;

pub use datagram::{Datagram, Peers, Rules, Send, Sent};
pub use read_size::{LARGE_READ, READ_SIZE, Room};
pub use stream::{Close, End, Keep, Refused, Settled, Stream, Write};
pub use turn_writes::Turn;
pub use write_queue::WriteQueue;
