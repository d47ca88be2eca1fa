//! Which descriptors are ready: level-triggered epoll with `epoll_pwait2(2)`.

use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::io::Errno;

use super::borrowed::borrow;
use super::clock::monotonic_ns;

/// Events taken from the kernel by one call; what is left over is reported
/// again by the next, since readiness is level-triggered.
const EVENTS_PER_CALL: usize = 256;

/// The kernel may end a wait late by a thousandth of it, whatever the thread's
/// timer slack (`select_estimate_accuracy` in Linux's `fs/select.c`): 5 s would
/// take up to 5.005.  So a wait that is longer than this, whose thousandth is
/// 20 µs, ends early first,
const LONGEST_PROMPT_WAIT: Duration = Duration::from_millis(20);
/// by one part in so many, which is twice what it may be late; then the rest is
/// waited for.  An hour costs three more wake-ups, 5 s cost one.
const BEFORE_THE_END: u32 = 500;

/// What a descriptor is watched for, or was found ready for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Readiness {
    pub(crate) read: bool,
    pub(crate) write: bool,
}

/// How often readiness is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reports {
    /// By each wait, for as long as it lasts.
    Each,
    /// By one wait; then no more of the descriptor until it is told anew.
    Once,
}

impl Readiness {
    fn flags(self, reports: Reports) -> EventFlags {
        let mut flags = EventFlags::empty();
        flags.set(EventFlags::IN, self.read);
        flags.set(EventFlags::OUT, self.write);
        flags.set(EventFlags::ONESHOT, reports == Reports::Once);
        flags
    }

    /// An error or a hang-up is news for both sides: whoever waits will find
    /// out with its next call, as under Python's `EpollSelector`.
    fn of(flags: EventFlags) -> Self {
        Readiness {
            read: !(flags & !EventFlags::OUT).is_empty(),
            write: !(flags & !EventFlags::IN).is_empty(),
        }
    }
}

/// Room for the events of one [`Poller::wait`].
#[derive(Default)]
pub(crate) struct Events {
    list: Vec<epoll::Event>,
}

// SAFETY: the kernel's record can hold a pointer, which is why it isn't `Send`;
// ours hold the integers that `add` and `modify` put there.
unsafe impl Send for Events {}

impl Events {
    /// Each event as the token it was registered with, and what is ready.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, Readiness)> + '_ {
        self.list.iter().map(|event| {
            // The kernel's record is packed: copy before use.
            let (data, flags) = (event.data, event.flags);
            (data.u64(), Readiness::of(flags))
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.list.len()
    }

    /// Forgets them, where there is no wait that would.
    pub(crate) fn clear(&mut self) {
        self.list.clear();
    }
}

/// An epoll instance.
pub(crate) struct Poller {
    epoll: OwnedFd,
}

impl Poller {
    /// Fails for want of descriptors or memory, and on a kernel older than
    /// 5.11, which has no `epoll_pwait2`.
    pub(crate) fn new() -> io::Result<Self> {
        let poller = Poller { epoll: epoll::create(CreateFlags::CLOEXEC)? };
        match poller.wait(&mut Events::default(), Some(Duration::ZERO)) {
            Err(error) if error.raw_os_error() == Some(Errno::NOSYS.raw_os_error()) => {
                Err(io::Error::new(
                    io::ErrorKind::Unsupported,
                    "the kernel has no epoll_pwait2: cafeloop needs Linux 5.11 or newer",
                ))
            }
            answer => answer.map(|()| poller),
        }
    }

    /// Begins to watch `fd`.  A descriptor that is known already (its number
    /// was closed and used again behind our back) is given the new token.
    pub(crate) fn add(
        &self,
        fd: RawFd,
        token: u64,
        interest: Readiness,
        reports: Reports,
    ) -> io::Result<()> {
        let (fd, data) = (borrow(fd)?, EventData::new_u64(token));
        let flags = interest.flags(reports);
        match epoll::add(&self.epoll, fd, data, flags) {
            Err(Errno::EXIST) => epoll::modify(&self.epoll, fd, data, flags),
            answer => answer,
        }
        .map_err(io::Error::from)
    }

    /// Changes what `fd` is watched for.  A descriptor that the kernel has
    /// forgotten (closed, then opened again) is added anew.
    pub(crate) fn modify(
        &self,
        fd: RawFd,
        token: u64,
        interest: Readiness,
        reports: Reports,
    ) -> io::Result<()> {
        let (fd, data) = (borrow(fd)?, EventData::new_u64(token));
        let flags = interest.flags(reports);
        match epoll::modify(&self.epoll, fd, data, flags) {
            Err(Errno::NOENT) => epoll::add(&self.epoll, fd, data, flags),
            answer => answer,
        }
        .map_err(io::Error::from)
    }

    /// Stops watching `fd`.  A closed descriptor is no longer watched anyway.
    pub(crate) fn delete(&self, fd: RawFd) {
        if let Ok(fd) = borrow(fd) {
            let _ = epoll::delete(&self.epoll, fd);
        }
    }

    /// Waits until something is ready, at most for `wait`; `None` is for ever.
    ///
    /// Needs nothing but the two references, so that a host can let go of its
    /// own locks meanwhile.  Fails with `Interrupted` when a signal came; an error
    /// leaves no events.
    pub(crate) fn wait(&self, events: &mut Events, wait: Option<Duration>) -> io::Result<()> {
        match wait {
            Some(wait) if wait > LONGEST_PROMPT_WAIT => self.wait_long(events, wait),
            _ => self.wait_once(events, wait),
        }
    }

    fn wait_long(&self, events: &mut Events, wait: Duration) -> io::Result<()> {
        let began_ns = monotonic_ns();
        let mut left = wait;
        while left > LONGEST_PROMPT_WAIT {
            let early = left.saturating_sub(left / BEFORE_THE_END);
            self.wait_once(events, Some(early))?;
            if events.len() > 0 {
                return Ok(());
            }
            let passed = Duration::from_nanos(monotonic_ns() - began_ns);
            left = wait.saturating_sub(passed);
        }
        self.wait_once(events, Some(left))
    }

    fn wait_once(&self, events: &mut Events, wait: Option<Duration>) -> io::Result<()> {
        events.list.clear();
        events.list.reserve(EVENTS_PER_CALL);
        // A wait of more than 292 thousand million years is one for ever.
        let wait = wait.and_then(|wait| Timespec::try_from(wait).ok());
        epoll::wait(&self.epoll, spare_capacity(&mut events.list), wait.as_ref())?;
        Ok(())
    }
}
