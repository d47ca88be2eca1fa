//! Who watches which descriptor.
//!
//! The kernel reports events by token, slot and generation: an event that is
//! late, for a descriptor since closed, can't reach the next owner of its slot.
//! Numbers are looked up only where a user names a descriptor by its number.

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;

use slab::Slab;

use crate::sys::{Poller, Readiness, Reports};

/// A side of a descriptor that can be waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// There is something to read, or to accept, or the other side hung up.
    Read,
    /// There is room to write, or a connection was made or refused.
    Write,
}

impl Interest {
    /// What the kernel is told to watch for its sake, besides `told`.
    fn besides(self, told: Readiness) -> Readiness {
        match self {
            Interest::Read => Readiness { read: true, ..told },
            Interest::Write => Readiness { write: true, ..told },
        }
    }
}

/// Who is told of one side, if anybody, and how often.
struct Seat<W> {
    watcher: Option<W>,
    reports: Reports,
}

impl<W> Seat<W> {
    fn empty() -> Self {
        Seat { watcher: None, reports: Reports::Each }
    }

    /// Whether somebody is to be told for as long as it is so.
    fn is_lasting(&self) -> bool {
        self.watcher.is_some() && self.reports == Reports::Each
    }
}

/// What the kernel has been told of a descriptor.
///
/// Of one that its owner forgets before closing it, this may be more than is wanted: a
/// watcher that is told once usually comes back, and telling the kernel each time would
/// cost a syscall for each message.
#[derive(Clone, Copy, PartialEq)]
struct Told {
    readiness: Readiness,
    /// Once: a report has the kernel report no more of it.  Whoever then comes back pays
    /// a syscall, and the kernel says by it whether the number is still what it was: for
    /// descriptors that their owners close without a word.
    reports: Reports,
}

impl Told {
    /// The kernel knows the descriptor, and has nothing to report of it.
    const NOTHING: Told =
        Told { readiness: Readiness { read: false, write: false }, reports: Reports::Once };
}

/// One descriptor and who wants to know of it.
struct Source<W> {
    fd: RawFd,
    generation: u32,
    told: Told,
    reader: Seat<W>,
    writer: Seat<W>,
}

impl<W> Source<W> {
    fn seat(&mut self, interest: Interest) -> &mut Seat<W> {
        match interest {
            Interest::Read => &mut self.reader,
            Interest::Write => &mut self.writer,
        }
    }

    fn wanted(&self) -> Readiness {
        Readiness { read: self.reader.watcher.is_some(), write: self.writer.watcher.is_some() }
    }

    /// What the kernel must be told for somebody to be told of `interest` too.
    fn told_with(&self, interest: Interest, reports: Reports) -> Told {
        let is_lasting =
            reports == Reports::Each || self.reader.is_lasting() || self.writer.is_lasting();
        let reports = if is_lasting { Reports::Each } else { Reports::Once };
        // What was told to be reported otherwise is no longer what the kernel knows.
        let told = if self.told.reports == reports { self.told.readiness } else { self.wanted() };
        Told { readiness: interest.besides(told), reports }
    }
}

/// All descriptors of a loop.
pub(super) struct Registry<W> {
    sources: Slab<Source<W>>,
    /// How many of them the kernel has nothing to report of.
    resting: usize,
    by_number: HashMap<RawFd, usize>,
    next_generation: u32,
}

impl<W> Registry<W> {
    pub(super) fn new() -> Self {
        Registry { sources: Slab::new(), resting: 0, by_number: HashMap::new(), next_generation: 0 }
    }

    /// Has `watcher` told of `interest`, in the place of the one it returns.  A
    /// watcher that is refused is given back with the reason: it must not be
    /// dropped before the registry has been let go.
    pub(super) fn watch(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        interest: Interest,
        reports: Reports,
        watcher: W,
    ) -> Result<Option<W>, (io::Error, W)> {
        let Some(&slot) = self.by_number.get(&fd) else {
            return self.begin(poller, fd, interest, reports, watcher).map(|()| None);
        };
        let source = &mut self.sources[slot];
        let told = source.told_with(interest, reports);
        // A user may have closed the number and opened it again, so the kernel
        // is told even what it should know when a watcher is replaced.
        if (source.seat(interest).watcher.is_some()
            || told != source.told
            || reports == Reports::Once)
            && let Err(error) = self.tell(poller, slot, told)
        {
            return Err((error, watcher));
        }
        let seat = self.sources[slot].seat(interest);
        seat.reports = reports;
        Ok(seat.watcher.replace(watcher))
    }

    fn begin(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        interest: Interest,
        reports: Reports,
        watcher: W,
    ) -> Result<(), (io::Error, W)> {
        let generation = self.next_generation;
        let readiness = interest.besides(Readiness::default());
        let entry = self.sources.vacant_entry();
        let token = token(entry.key(), generation);
        if let Err(error) = poller.add(fd, token, readiness, reports) {
            return Err((error, watcher));
        }
        let told = Told { readiness, reports };
        let mut source =
            Source { fd, generation, told, reader: Seat::empty(), writer: Seat::empty() };
        *source.seat(interest) = Seat { watcher: Some(watcher), reports };
        self.next_generation = generation.wrapping_add(1);
        self.by_number.insert(fd, entry.key());
        entry.insert(source);
        Ok(())
    }

    /// Tells the kernel what to report.
    fn tell(&mut self, poller: &Poller, slot: usize, told: Told) -> io::Result<()> {
        let source = &self.sources[slot];
        let token = token(slot, source.generation);
        poller.modify(source.fd, token, told.readiness, told.reports)?;
        self.note(slot, told);
        Ok(())
    }

    fn note(&mut self, slot: usize, told: Told) {
        let before = std::mem::replace(&mut self.sources[slot].told, told);
        self.resting += usize::from(told == Told::NOTHING);
        self.resting -= usize::from(before == Told::NOTHING);
    }

    /// Takes the watcher out, if there is one and it is meant, and tells the kernel,
    /// unless that has but one report to make.
    pub(super) fn unwatch(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        interest: Interest,
        is_meant: impl FnOnce(&W) -> bool,
    ) -> Option<W> {
        let slot = *self.by_number.get(&fd)?;
        let source = &mut self.sources[slot];
        let watcher = &mut source.seat(interest).watcher;
        if watcher.as_ref().is_some_and(|watcher| !is_meant(watcher)) {
            return None;
        }
        let watcher = watcher.take();
        if source.told.reports == Reports::Each {
            self.settle(poller, slot);
        }
        watcher
    }

    /// The number under which a watcher that is meant watches.
    pub(super) fn find(&self, is_meant: impl Fn(&W) -> bool) -> Option<RawFd> {
        let has = |source: &Source<W>| watchers(source).any(&is_meant);
        self.sources.iter().find(|(_, source)| has(source)).map(|(_, source)| source.fd)
    }

    /// Takes both watchers out and forgets the descriptor, before its owner
    /// closes it.
    pub(super) fn forget(&mut self, poller: &Poller, fd: RawFd) -> [Option<W>; 2] {
        let Some(slot) = self.by_number.remove(&fd) else {
            return [None, None];
        };
        poller.delete(fd);
        let source = self.remove(slot);
        [source.reader.watcher, source.writer.watcher]
    }

    fn remove(&mut self, slot: usize) -> Source<W> {
        let source = self.sources.remove(slot);
        self.resting -= usize::from(source.told == Told::NOTHING);
        source
    }

    /// Passes the watchers that an event is for to `tell`, readers first, as
    /// asyncio does.  A side that nobody watches any more is told to the kernel
    /// only now, when it is seen to be noise.
    pub(super) fn event(
        &mut self,
        poller: &Poller,
        event: (u64, Readiness),
        mut tell: impl FnMut(&mut Option<W>),
    ) {
        let (token, ready) = event;
        let (slot, generation) = parts(token);
        let Some(source) = self.sources.get_mut(slot) else { return };
        if source.generation != generation {
            return;
        }
        let told = source.told;
        let mut is_noise = false;
        for (is_ready, is_told, seat) in [
            (ready.read, told.readiness.read, &mut source.reader),
            (ready.write, told.readiness.write, &mut source.writer),
        ] {
            if is_ready {
                is_noise |= is_told && seat.watcher.is_none();
                tell(&mut seat.watcher);
                // Its owner may close the descriptor without a word.
                is_noise |= seat.watcher.is_none() && seat.reports == Reports::Once;
            }
        }
        match told.reports {
            Reports::Each if is_noise => self.settle(poller, slot),
            Reports::Each => {}
            Reports::Once => self.rest(poller, slot),
        }
    }

    /// The kernel has made its one report: it is told of whoever wasn't meant by it.
    fn rest(&mut self, poller: &Poller, slot: usize) {
        self.note(slot, Told::NOTHING);
        let readiness = self.sources[slot].wanted();
        if readiness != Readiness::default() {
            // A refusal: as below.
            let _ = self.tell(poller, slot, Told { readiness, reports: Reports::Once });
        }
    }

    /// Tells the kernel what is wanted of a descriptor now; forgets it if that
    /// is nothing.
    fn settle(&mut self, poller: &Poller, slot: usize) {
        let source = &self.sources[slot];
        let (fd, readiness) = (source.fd, source.wanted());
        if readiness == Readiness::default() {
            poller.delete(fd);
            self.by_number.remove(&fd);
            self.remove(slot);
        } else if readiness != source.told.readiness {
            let told = Told { readiness, reports: Reports::Each };
            // A refusal means that the number was closed behind our back: then
            // there is nothing left to be told of.
            let _ = self.tell(poller, slot, told);
            self.note(slot, told);
        }
    }

    /// Whether the kernel has nothing to report.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.len() == self.resting
    }

    /// The descriptors that somebody watches.
    pub(super) fn watched(&self) -> impl Iterator<Item = RawFd> {
        let is_watched = |source: &Source<W>| source.wanted() != Readiness::default();
        self.sources
            .iter()
            .filter(move |(_, source)| is_watched(source))
            .map(|(_, source)| source.fd)
    }

    /// Everybody who watches.
    pub(super) fn iter(&self) -> impl Iterator<Item = &W> {
        self.sources.iter().flat_map(|(_, source)| watchers(source))
    }
}

fn watchers<W>(source: &Source<W>) -> impl Iterator<Item = &W> {
    source.reader.watcher.iter().chain(&source.writer.watcher)
}

fn token(slot: usize, generation: u32) -> u64 {
    // A process has at most 2^31 descriptors, so a slot fits in 32 bits.
    (u64::from(generation) << 32) | slot as u64
}

#[expect(clippy::cast_possible_truncation, reason = "each half is 32 bits wide")]
fn parts(token: u64) -> (usize, u32) {
    ((token & u64::from(u32::MAX)) as usize, (token >> 32) as u32)
}
