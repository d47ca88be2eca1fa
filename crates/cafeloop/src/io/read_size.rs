//! How much room to offer for the next read.

/// The most that one read takes, in bytes: asyncio's own.
pub const READ_SIZE: usize = 256 * 1024;

/// A read of so many bytes is large.  Below, copying out of one buffer that stays
/// in the cache costs less than an object of [`READ_SIZE`] that is then shrunk.
pub const LARGE_READ: usize = 32 * 1024;

/// Where to receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Into a buffer that all connections share; what came is copied.
    Shared,
    /// Straight into an object of [`READ_SIZE`], which is then shrunk.
    Own,
}

/// Guesses the size of a read from the one before.
#[derive(Debug, Default)]
pub(super) struct ReadSize {
    last: usize,
}

impl ReadSize {
    pub(super) fn room(&self) -> Room {
        if self.last >= LARGE_READ { Room::Own } else { Room::Shared }
    }

    pub(super) fn received(&mut self, bytes: usize) {
        self.last = bytes;
    }
}
