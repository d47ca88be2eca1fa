//! Bytes in and out of a pipe that somebody else owns, or whatever else is read and
//! written like one: named pipes, terminals and other character devices, sockets.
//!
//! As in [`wire`](super::wire) its owner is asked for its number each time, and no
//! call retries.  None blocks if the pipe has been told not to: unlike a socket, it
//! can't be told with each call.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use super::wire::gather;
use crate::sys::pipe;

/// Reads into `buffer`, and gives what was read; nothing at the end.
#[inline]
pub fn receive(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<&mut [u8]> {
    pipe::receive(fd, buffer)
}

/// Writes what the kernel takes of `bytes`, and says how many.
#[inline]
pub fn send(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    pipe::send_some(fd, bytes)
}

/// The same with several pieces, of which the first few are written.  The second
/// number is how many bytes were offered.
pub fn send_pieces<'a>(
    fd: RawFd,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> io::Result<(usize, usize)> {
    gather(pieces, |only| pipe::send_some(fd, only), |several| pipe::send_pieces(fd, several))
}
