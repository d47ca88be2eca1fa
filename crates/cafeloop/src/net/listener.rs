//! Accepting TCP connections.

use std::fmt;
use std::net::{self, SocketAddr};

use crate::error::Error;

use super::address::Address;
use super::source::Source;
use super::stream::TcpStream;
use super::tcp;

/// Accepts TCP connections; dropping it closes it.
///
/// Source: [`asyncio.start_server`](https://docs.python.org/3/library/asyncio-stream.html#asyncio.start_server),
/// whose accepting is done here by whoever has the listener.
pub struct TcpListener {
    source: Source<net::TcpListener>,
    local: SocketAddr,
}

impl TcpListener {
    /// Listens on `address`; port 0 is one that the system chooses.
    ///
    /// An address whose connections have just ended can be had again
    /// (`SO_REUSEADDR`).  Dropping the future gives up.
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if the address is in use, not this machine's, not
    /// allowed, unknown or malformed.
    pub async fn bind(address: impl Into<Address>) -> Result<Self, Error> {
        let (source, local) = tcp::listen(address.into()).await?;
        Ok(TcpListener { source, local })
    }

    /// Accepts the next connection, and says from where it comes.
    ///
    /// As in asyncio, `TCP_NODELAY` is set.  Dropping the future loses no
    /// connection.  Tasks that accept on the same listener are served in turn.
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if no descriptor or memory is left: then the
    /// connection waits, and whoever tries again had better close something, or
    /// sleep, first.
    pub async fn accept(&self) -> Result<(TcpStream, SocketAddr), Error> {
        match tcp::accept(&self.source).await {
            Ok((source, peer)) => Ok((TcpStream::new(source, peer), peer)),
            Err(cause) => Err(Error::io(format!("accept on {}", self.local), cause)),
        }
    }

    /// The address on which it listens, with the port that the system chose.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }
}

impl fmt::Debug for TcpListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpListener").field("local", &self.local).finish_non_exhaustive()
    }
}
