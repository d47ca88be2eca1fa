//! What a virtual clock may jump over: whether anything can happen before the next
//! deadline.

use std::cell::{Cell, RefCell};
use std::io;
use std::time::Duration;

use super::core::Engine;
use super::host::Host;
use crate::sys::{self, Ends, Events, Reach};

/// The kernel's work on the loopback is done within this time, or else it is asked
/// again.
const UNDER_WAY: Duration = Duration::from_micros(100);

/// A descriptor that nobody reads from is ready for ever.  By the real clock a program
/// that spins on it comes to its next deadline all the same; by a virtual one it does
/// after so many polls.  Between two deadlines, a program that gets on with something
/// doesn't need as many: they carry 25 GB.
const MOST_POLLS: u32 = 100_000;

/// What was found out about descriptors.
#[derive(Default)]
pub(super) struct Foresight {
    ends: RefCell<Ends>,
    /// Polls since the clock last went on, each of which had something to report.
    polls: Cell<u32>,
}

impl Foresight {
    /// Something is ready again: whether that is still believed to end.
    fn is_progress(&self) -> bool {
        self.polls.set(self.polls.get() + 1);
        self.polls.get() < MOST_POLLS
    }
}

impl<H: Host> Engine<H> {
    /// Lets `delay` pass on a virtual clock, or less if something happens.
    pub(super) fn pass(
        &self,
        scope: H::Scope<'_>,
        events: &mut Events,
        delay: Duration,
    ) -> io::Result<()> {
        if !self.clock.jumps() {
            return self.block(scope, events, Some(delay));
        }
        if self.working.get() > 0 {
            // A thread takes no virtual time, however long it takes.
            return self.block(scope, events, None);
        }
        // What has come, a signal among it, is dealt with at this time, not at the next
        // deadline's.
        self.look(events)?;
        if events.len() > 0 && self.foresight.is_progress() {
            return Ok(());
        }
        self.foresight.polls.set(0);
        match self.foresee() {
            Reach::Own => self.clock.advance_to(self.clock.deadline_ns(delay)),
            Reach::UnderWay => self.block(scope, events, Some(UNDER_WAY))?,
            Reach::Outside(what) if self.clock.is_strict() => return Err(unforeseen(&what)),
            Reach::Outside(_) => self.pass_as_real(scope, events, delay)?,
        }
        Ok(())
    }

    /// Waits without a deadline: a strict virtual clock refuses to, if nothing can come.
    pub(super) fn pass_forever(&self, scope: H::Scope<'_>, events: &mut Events) -> io::Result<()> {
        if !self.clock.is_strict() || !self.clock.jumps() || self.working.get() > 0 {
            return self.block(scope, events, None);
        }
        self.look(events)?;
        if events.len() > 0 {
            return Ok(());
        }
        match self.foresee() {
            Reach::Own => Err(for_ever()),
            Reach::UnderWay => self.block(scope, events, Some(UNDER_WAY)),
            Reach::Outside(_) => self.block(scope, events, None),
        }
    }

    fn pass_as_real(
        &self,
        scope: H::Scope<'_>,
        events: &mut Events,
        delay: Duration,
    ) -> io::Result<()> {
        let began_ns = sys::monotonic_ns();
        let answer = self.block(scope, events, Some(delay));
        let passed = Duration::from_nanos(sys::monotonic_ns() - began_ns);
        self.clock.advance_to(self.clock.deadline_ns(passed.min(delay)));
        answer
    }

    /// The furthest that anything which is watched or expected reaches.
    fn foresee(&self) -> Reach {
        if let Some((_, what)) = self.expected.borrow().iter().next() {
            return Reach::Outside(what.clone());
        }
        let mut ends = self.foresight.ends.borrow_mut();
        let mut found = Reach::Own;
        for fd in self.registry.borrow().watched() {
            // One about which the kernel says nothing was closed behind our back.
            match ends.reach(fd) {
                Ok(Reach::Own) | Err(_) => {}
                Ok(Reach::UnderWay) => found = Reach::UnderWay,
                Ok(Reach::Outside(what)) => {
                    return Reach::Outside(format!("descriptor {fd}, {what}"));
                }
            }
        }
        found
    }
}

fn unforeseen(what: &str) -> io::Error {
    io::Error::other(format!(
        "a strict virtual clock can't foresee {what}: end it first, or let it take real time"
    ))
}

fn for_ever() -> io::Error {
    io::Error::other(
        "a strict virtual clock would wait for ever: no timer is set and nothing can come in, \
         unless by a thread or a program that the loop doesn't know",
    )
}
