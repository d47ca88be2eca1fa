//! A TCP connection.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{self, Shutdown, SocketAddr};

use crate::engine::Interest;
use crate::error::Error;

use super::address::Address;
use super::source::Source;
use super::tcp;

/// A TCP connection; dropping it closes it.
///
/// Source: [asyncio's streams](https://docs.python.org/3/library/asyncio-stream.html),
/// without their buffers: what is written is the kernel's when `write` is done.
pub struct TcpStream {
    source: Source<net::TcpStream>,
    peer: SocketAddr,
}

impl TcpStream {
    pub(super) fn new(source: Source<net::TcpStream>, peer: SocketAddr) -> Self {
        TcpStream { source, peer }
    }

    /// Connects to `address`; of a name's addresses, to the first that answers.
    ///
    /// As in asyncio, `TCP_NODELAY` is set.  Dropping the future gives up.
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if the connection is refused or the address can't
    /// be reached, is unknown or malformed; the text names the address.
    pub async fn connect(address: impl Into<Address>) -> Result<Self, Error> {
        let (source, peer) = tcp::connect(address.into()).await?;
        Ok(TcpStream::new(source, peer))
    }

    /// Reads what there is into `buffer`, waiting until there is something, and
    /// says how many bytes; 0 means that the other side has ended its writing (or
    /// that the buffer is empty).
    ///
    /// Dropping the future loses no bytes.
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if the connection was broken.
    pub async fn read(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        let mut turn = self.source.turn(Interest::Read).await;
        let read = turn.attempt(|mut stream: &net::TcpStream| stream.read(buffer)).await;
        read.map_err(|cause| self.error("read from", cause))
    }

    /// Writes some of `bytes`, waiting until there is room, and says how many.
    ///
    /// Dropping the future means that nothing was written.
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if the connection was broken or the writing ended.
    pub async fn write(&self, bytes: &[u8]) -> Result<usize, Error> {
        let mut turn = self.source.turn(Interest::Write).await;
        let written = turn.attempt(|mut stream: &net::TcpStream| stream.write(bytes)).await;
        written.map_err(|cause| self.error("write to", cause))
    }

    /// Writes all of `bytes`, in one piece: what other tasks write comes before
    /// or after.
    ///
    /// Dropping the future may leave a part of them written.
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if the connection was broken or the writing ended.
    pub async fn write_all(&self, bytes: &[u8]) -> Result<(), Error> {
        let mut turn = self.source.turn(Interest::Write).await;
        let mut left = bytes;
        while !left.is_empty() {
            let written = turn.attempt(|mut stream: &net::TcpStream| stream.write(left)).await;
            let written = written.map_err(|cause| self.error("write to", cause))?;
            left = &left[written..];
        }
        Ok(())
    }

    /// Ends the writing: the other side reads what was written, then 0 bytes.
    /// Reading goes on.
    ///
    /// Source: [`asyncio.StreamWriter.write_eof`](https://docs.python.org/3/library/asyncio-stream.html#asyncio.StreamWriter.write_eof).
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if the connection was broken.
    pub fn shutdown(&self) -> Result<(), Error> {
        let ended = self.source.socket().shutdown(Shutdown::Write);
        ended.map_err(|cause| self.error("end writing to", cause))
    }

    /// Whether what is written goes out at once (true, as it is at first) or may
    /// wait to fill a packet.
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if the system refuses.
    pub fn set_nodelay(&self, nodelay: bool) -> Result<(), Error> {
        let set = self.source.socket().set_nodelay(nodelay);
        set.map_err(|cause| self.error("set TCP_NODELAY for", cause))
    }

    /// The other side's address.
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer
    }

    /// This side's address.
    ///
    /// # Errors
    ///
    /// [`is_io`](Error::is_io) if the system refuses.
    pub fn local_addr(&self) -> Result<SocketAddr, Error> {
        let local = self.source.socket().local_addr();
        local.map_err(|cause| self.error("find this side's address to", cause))
    }

    fn error(&self, attempt: &str, cause: io::Error) -> Error {
        Error::io(format!("{attempt} {}", self.peer), cause)
    }
}

impl fmt::Debug for TcpStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TcpStream").field("peer", &self.peer).finish_non_exhaustive()
    }
}
