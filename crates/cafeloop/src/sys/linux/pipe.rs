//! Bytes in and out of a pipe, or whatever else is read and written like one.

use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use rustix::io::{read, write, writev};

use super::borrowed::borrow;

/// Reads into `buffer`, and gives what was read; nothing at the end.
pub(crate) fn receive(fd: RawFd, buffer: &mut [MaybeUninit<u8>]) -> io::Result<&mut [u8]> {
    let (received, _) = read(borrow(fd)?, buffer)?;
    Ok(received)
}

/// Writes what the kernel takes of `bytes`, and says how many.
pub(crate) fn send_some(fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
    Ok(write(borrow(fd)?, bytes)?)
}

/// The same with several pieces, at most 1024 of them (`IOV_MAX` in `writev(2)`).
pub(crate) fn send_pieces(fd: RawFd, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    Ok(writev(borrow(fd)?, pieces)?)
}
