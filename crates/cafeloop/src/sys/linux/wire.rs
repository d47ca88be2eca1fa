//! Bytes in and out of a stream socket that somebody else owns.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use rustix::net::{
    RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown, recv, send, sendmsg, shutdown,
};

use super::borrowed::borrow;

/// Whatever the socket's own mode, the loop isn't blocked; and the far side having
/// gone is an error, not a signal.
const SEND: SendFlags = SendFlags::DONTWAIT.union(SendFlags::NOSIGNAL);

/// Receives into `buffer`, and gives what was received; nothing at the end.
pub(crate) fn receive(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<&mut [u8]> {
    let ((received, _), _) = recv(borrow(fd)?, buffer, RecvFlags::DONTWAIT)?;
    Ok(received)
}

/// Sends what the kernel takes of `bytes`, and says how many.
pub(crate) fn send_some(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(send(borrow(fd)?, bytes, SEND)?)
}

/// The same with several pieces, at most 1024 of them (`UIO_MAXIOV` in `sendmsg(2)`).
pub(crate) fn send_pieces(fd: RawFd, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(sendmsg(borrow(fd)?, pieces, &mut SendAncillaryBuffer::default(), SEND)?)
}

/// Ends the writing: the far side reads what was sent, then the end.
pub(crate) fn end_writing(fd: RawFd) -> io::Result<()> {
    Ok(shutdown(borrow(fd)?, Shutdown::Write)?)
}
