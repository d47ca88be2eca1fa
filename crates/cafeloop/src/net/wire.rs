//! Bytes and datagrams in and out of a socket that somebody else owns: what the kernel
//! is asked for a connection whose state is an [`io::Stream`](crate::io::Stream) or an
//! [`io::Datagram`](crate::io::Datagram).
//!
//! The socket is named by its number, which its owner must be asked for each time:
//! a number that was kept may be another's by now.  No call blocks or retries.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::{OwnedFd, RawFd};

pub use crate::sys::Peer;
use crate::sys::{datagram, socket, wire};

/// Receives into `buffer`, and gives what was received; nothing at the end.
#[inline]
pub fn receive(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<&mut [u8]> {
    wire::receive(fd, buffer)
}

/// Sends what the kernel takes of `bytes`, and says how many.
#[inline]
pub fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    wire::send_some(fd, bytes)
}

/// Pieces sent by one call; more take another.
const PIECES_PER_CALL: usize = 64;

/// The same with several pieces, of which the first few are sent.  The second
/// number is how many bytes were offered.
pub fn send_pieces<'a>(
    fd: RawFd,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> io::Result<(usize, usize)> {
    gather(pieces, |only| wire::send_some(fd, only), |several| wire::send_pieces(fd, several))
}

/// Has as many pieces sent as go into one call, and says how many bytes were sent of
/// how many that were offered.
pub(super) fn gather<'a>(
    pieces: impl Iterator<Item = &'a [u8]>,
    send_one: impl FnOnce(&[u8]) -> io::Result<usize>,
    send_several: impl FnOnce(&[IoSlice<'_>]) -> io::Result<usize>,
) -> io::Result<(usize, usize)> {
    let mut offered = [IoSlice::new(&[]); PIECES_PER_CALL];
    let (mut count, mut bytes) = (0, 0);
    for (place, piece) in offered.iter_mut().zip(pieces) {
        *place = IoSlice::new(piece);
        count += 1;
        bytes += piece.len();
    }
    let sent = match &offered[..count] {
        [only] => send_one(only)?,
        several => send_several(several)?,
    };
    Ok((sent, bytes))
}

/// Ends the writing: the far side reads what was sent, then the end.
pub fn end_writing(fd: RawFd) -> io::Result<()> {
    wire::end_writing(fd)
}

/// Receives one datagram into `buffer`, notes its `sender`, and gives its bytes.  What
/// there is no room for is lost.
#[inline]
pub fn receive_from<'b>(
    fd: RawFd,
    buffer: &'b mut [MaybeUninit<u8>],
    sender: &mut Peer,
) -> io::Result<&'b mut [u8]> {
    let (bytes, peer) = datagram::receive_from(fd, buffer)?;
    *sender = peer;
    Ok(bytes)
}

/// Sends one datagram, whole or not at all: to `peer`, or if that is unknown to whom
/// the socket is connected with.
#[inline]
pub fn send_to(fd: RawFd, bytes: &[u8], peer: &Peer) -> io::Result<()> {
    datagram::send_to(fd, bytes, peer)
}

/// Accepts the next connection on a listener: its socket, which doesn't block, and the
/// other side's address.
pub fn accept(listener: RawFd) -> io::Result<(OwnedFd, Peer)> {
    socket::accept(listener)
}

/// A socket's own address.
pub fn local_address(socket: RawFd) -> io::Result<Peer> {
    socket::local_address(socket)
}

/// Has what is written to a TCP socket go out at once.
pub fn set_nodelay(socket: &OwnedFd) -> io::Result<()> {
    socket::set_nodelay(socket)
}
