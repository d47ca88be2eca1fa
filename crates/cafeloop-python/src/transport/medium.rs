//! What a stream's bytes go through: by which calls of the kernel's, and what is said
//! of it when these fail.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::RawFd;

use cafeloop::net::{pipe, wire};

/// A pipe here is anything that is read and written like one.  Each transport has one
/// side of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Medium {
    Socket,
    PipeToRead,
    /// There is nothing to read: a pipe that is readable all the same has lost its
    /// reader, and that is watched for.
    PipeToWrite,
}

impl Medium {
    #[inline]
    pub(super) fn receive(
        self,
        fd: RawFd,
        buffer: &mut [MaybeUninit<u8>],
    ) -> io::Result<&mut [u8]> {
        if self == Medium::Socket { wire::receive(fd, buffer) } else { pipe::receive(fd, buffer) }
    }

    #[inline]
    pub(super) fn send(self, fd: RawFd, bytes: &[u8]) -> io::Result<usize> {
        if self == Medium::Socket { wire::send(fd, bytes) } else { pipe::send(fd, bytes) }
    }

    /// How many bytes were sent, of how many that were offered.
    pub(super) fn send_pieces<'a>(
        self,
        fd: RawFd,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> io::Result<(usize, usize)> {
        match self {
            Medium::Socket => wire::send_pieces(fd, pieces),
            Medium::PipeToRead | Medium::PipeToWrite => pipe::send_pieces(fd, pieces),
        }
    }

    /// Whether the writes of a turn may be sent together at its end.  Not those to a
    /// pipe: others may write to it as well, as `print` does to standard output; and a
    /// device may take each write for a message.
    #[inline]
    pub(super) fn puts_writes_off(self) -> bool {
        self == Medium::Socket
    }

    pub(super) fn read_failed(self) -> &'static str {
        match self {
            Medium::Socket => "Fatal read error on socket transport",
            Medium::PipeToRead | Medium::PipeToWrite => "Fatal read error on pipe transport",
        }
    }

    pub(super) fn write_failed(self) -> &'static str {
        match self {
            Medium::Socket => "Fatal write error on socket transport",
            Medium::PipeToRead | Medium::PipeToWrite => "Fatal write error on pipe transport",
        }
    }

    /// What is logged of writes that find the connection lost, and how many of them
    /// aren't logged.  asyncio counts to five (`LOG_THRESHOLD_FOR_CONNLOST_WRITES`),
    /// and counts the loss of a socket too.
    pub(super) fn write_was_lost(self) -> (u32, &'static str) {
        match self {
            Medium::Socket => (4, "socket.send() raised exception."),
            Medium::PipeToRead | Medium::PipeToWrite => {
                (5, "pipe closed by peer or os.write(pipe, data) raised exception.")
            }
        }
    }
}
