//! Which descriptors are ready: level-triggered epoll, for the load and for the
//! raw server.  No policy.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

/// Events taken by one call; what is left over is reported again.
const EVENTS_PER_CALL: usize = 256;

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Interest {
    Read,
    Write,
    ReadAndWrite,
}

impl Interest {
    fn flags(self) -> EventFlags {
        match self {
            Interest::Read => EventFlags::IN,
            Interest::Write => EventFlags::OUT,
            Interest::ReadAndWrite => EventFlags::IN | EventFlags::OUT,
        }
    }
}

/// An epoll instance.  What is closed is no longer watched.
pub(crate) struct Poller {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Poller { epoll, events: Vec::with_capacity(EVENTS_PER_CALL) })
    }

    pub(crate) fn add(&self, fd: impl AsFd, token: usize, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(token as u64);
        Ok(epoll::add(&self.epoll, fd, data, interest.flags())?)
    }

    pub(crate) fn modify(&self, fd: impl AsFd, token: usize, interest: Interest) -> io::Result<()> {
        let data = EventData::new_u64(token as u64);
        Ok(epoll::modify(&self.epoll, fd, data, interest.flags())?)
    }

    /// Waits until something is ready, at most for `wait`; `None` is for ever.
    pub(crate) fn wait(&mut self, wait: Option<Duration>) -> io::Result<()> {
        self.events.clear();
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        match epoll::wait(&self.epoll, spare_capacity(&mut self.events), wait.as_ref()) {
            // A signal: whoever cares has a descriptor for it.
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// How many events the last wait has found.
    pub(crate) fn events(&self) -> usize {
        self.events.len()
    }

    /// What the last wait has found: the token of its `index`th event.
    pub(crate) fn token(&self, index: usize) -> usize {
        // The kernel's record is packed: copy before use.
        let data = self.events[index].data;
        // It was made from a usize.
        #[allow(clippy::cast_possible_truncation)]
        let token = data.u64() as usize;
        token
    }
}
