//! Connections as Python sees them: the native half of each transport, which is
//! what runs per packet.  The other half, what runs per connection or per error, is
//! the transport itself, in `python/cafeloop`.
//!
//! ```text
//! stream      a stream connection: what it holds, and its methods
//! life        how a connection begins and ends
//! reading     from the kernel to the protocol
//! writing     from the protocol to the kernel
//! medium      what a stream's bytes go through: a socket or a pipe
//! datagram    a datagram endpoint: what it holds, and its methods
//! receiving   from the kernel to the protocol, a datagram at a time
//! sending     from the protocol to the kernel, likewise
//! peer        addresses, the kernel's and Python's
//! known_peers addresses that were seen before
//! endpoint    what both hold: whom they tell, and in which context
//! socket      the socket of a transport: Python's, or the loop's own
//! acceptor    accepting connections
//! connections those of a server
//! memory      what the allocator keeps for the next packet
//! view        parts of Python's memory
//! watching    being told when the socket is ready
//! transports  which of a loop's descriptors are theirs
//! turns_end   what is sent when the jobs of a turn have run
//! tls         a TLS connection inside of a stream, or of another TLS connection
//! tls_reading, tls_writing  from its carrier to its protocol, and back
//! session     what OpenSSL is asked, by the objects of Python's ssl
//! ```
//!
//! Its state is a machine of `cafeloop::io`, which is asked what to do and told what
//! came of it.  No borrow of it outlives a call into Python.

mod acceptor;
mod connections;
mod datagram;
mod endpoint;
mod known_peers;
mod life;
mod medium;
mod memory;
mod peer;
mod reading;
mod receiving;
mod sending;
mod session;
mod socket;
mod stream;
mod tls;
mod tls_reading;
mod tls_writing;
mod transports;
mod turns_end;
mod view;
mod watching;
mod writing;

pub(crate) use acceptor::{Accepted, Acceptor};
pub(crate) use connections::Connections;
pub(crate) use datagram::Datagram;
pub(crate) use endpoint::Endpoint;
pub(crate) use reading::ReadBuffer;
pub(crate) use stream::Stream;
pub(crate) use tls::Tls;
pub(crate) use transports::Transports;
pub(crate) use turns_end::TurnsEnd;
pub(crate) use watching::Watching;
