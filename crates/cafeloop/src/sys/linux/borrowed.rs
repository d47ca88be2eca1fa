//! Descriptors that somebody else owns and names by their number.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use rustix::io::Errno;

/// Turns a number into what rustix takes; fails for one that can't be open.
pub(super) fn borrow<'fd>(fd: RawFd) -> io::Result<BorrowedFd<'fd>> {
    if fd < 0 {
        return Err(Errno::BADF.into());
    }
    // SAFETY: the number is not -1 (checked above).  It is handed to calls that
    // neither close nor keep what it names, and that answer EBADF for a number that
    // isn't open.
    Ok(unsafe { BorrowedFd::borrow_raw(fd) })
}
