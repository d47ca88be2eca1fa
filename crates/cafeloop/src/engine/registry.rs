//! Who watches which descriptor.
//!
//! The kernel reports events by token, slot and generation: an event that is
//! late, for a descriptor since closed, can't reach the next owner of its slot.
//! Numbers are looked up only where a user names a descriptor by its number.

use std::collections::HashMap;
use std::io;
use std::os::fd::RawFd;

use slab::Slab;

use crate::sys::{Poller, Readiness};

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

/// One descriptor and who wants to know of it.
struct Source<W> {
    fd: RawFd,
    generation: u32,
    /// What the kernel has been told.  It may be more than is wanted: a watcher
    /// that is told once usually comes back, and telling the kernel each time
    /// would cost a syscall for each message.
    told: Readiness,
    reader: Option<W>,
    writer: Option<W>,
}

impl<W> Source<W> {
    fn watcher(&mut self, interest: Interest) -> &mut Option<W> {
        match interest {
            Interest::Read => &mut self.reader,
            Interest::Write => &mut self.writer,
        }
    }

    fn wanted(&self) -> Readiness {
        Readiness { read: self.reader.is_some(), write: self.writer.is_some() }
    }
}

/// All descriptors of a loop.
pub(super) struct Registry<W> {
    sources: Slab<Source<W>>,
    by_number: HashMap<RawFd, usize>,
    next_generation: u32,
}

impl<W> Registry<W> {
    pub(super) fn new() -> Self {
        Registry { sources: Slab::new(), by_number: HashMap::new(), next_generation: 0 }
    }

    /// Has `watcher` told of `interest`, in the place of the one it returns.  A
    /// watcher that is refused is given back with the reason: it must not be
    /// dropped before the registry has been let go.
    pub(super) fn watch(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        interest: Interest,
        watcher: W,
    ) -> Result<Option<W>, (io::Error, W)> {
        let Some(&slot) = self.by_number.get(&fd) else {
            return self.begin(poller, fd, interest, watcher).map(|()| None);
        };
        let source = &mut self.sources[slot];
        let told = interest.besides(source.told);
        // A user may have closed the number and opened it again, so the kernel
        // is told even what it should know when a watcher is replaced.
        if source.watcher(interest).is_some() || told != source.told {
            if let Err(error) = poller.modify(fd, token(slot, source.generation), told) {
                return Err((error, watcher));
            }
            source.told = told;
        }
        Ok(source.watcher(interest).replace(watcher))
    }

    fn begin(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        interest: Interest,
        watcher: W,
    ) -> Result<(), (io::Error, W)> {
        let generation = self.next_generation;
        let told = interest.besides(Readiness::default());
        let entry = self.sources.vacant_entry();
        if let Err(error) = poller.add(fd, token(entry.key(), generation), told) {
            return Err((error, watcher));
        }
        let mut source = Source { fd, generation, told, reader: None, writer: None };
        *source.watcher(interest) = Some(watcher);
        self.next_generation = generation.wrapping_add(1);
        self.by_number.insert(fd, entry.key());
        entry.insert(source);
        Ok(())
    }

    /// Takes the watcher out, if there is one and it is meant, and tells the kernel.
    pub(super) fn unwatch(
        &mut self,
        poller: &Poller,
        fd: RawFd,
        interest: Interest,
        is_meant: impl FnOnce(&W) -> bool,
    ) -> Option<W> {
        let slot = *self.by_number.get(&fd)?;
        let watcher = self.sources[slot].watcher(interest);
        if watcher.as_ref().is_some_and(|watcher| !is_meant(watcher)) {
            return None;
        }
        let watcher = watcher.take();
        self.settle(poller, slot);
        watcher
    }

    /// The number under which a watcher that is meant watches.
    pub(super) fn find(&self, is_meant: impl Fn(&W) -> bool) -> Option<RawFd> {
        let has = |source: &Source<W>| source.reader.iter().chain(&source.writer).any(&is_meant);
        self.sources.iter().find(|(_, source)| has(source)).map(|(_, source)| source.fd)
    }

    /// Takes both watchers out and forgets the descriptor, before its owner
    /// closes it.
    pub(super) fn forget(&mut self, poller: &Poller, fd: RawFd) -> [Option<W>; 2] {
        let Some(slot) = self.by_number.remove(&fd) else {
            return [None, None];
        };
        poller.delete(fd);
        let source = self.sources.remove(slot);
        [source.reader, source.writer]
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
        let read_noise = ready.read && source.told.read && source.reader.is_none();
        let write_noise = ready.write && source.told.write && source.writer.is_none();
        if ready.read {
            tell(&mut source.reader);
        }
        if ready.write {
            tell(&mut source.writer);
        }
        if read_noise || write_noise {
            self.settle(poller, slot);
        }
    }

    /// Tells the kernel what is wanted of a descriptor now; forgets it if that
    /// is nothing.
    fn settle(&mut self, poller: &Poller, slot: usize) {
        let source = &mut self.sources[slot];
        let (fd, wanted) = (source.fd, source.wanted());
        if wanted == Readiness::default() {
            poller.delete(fd);
            self.by_number.remove(&fd);
            self.sources.remove(slot);
        } else if wanted != source.told {
            // A refusal means that the number was closed behind our back: then
            // there is nothing left to be told of.
            let _ = poller.modify(fd, token(slot, source.generation), wanted);
            source.told = wanted;
        }
    }

    /// Whether the kernel has nothing to report.
    pub(super) fn is_empty(&self) -> bool {
        self.sources.is_empty()
    }

    /// Whether anybody watches.  Not the opposite of empty: the kernel may still
    /// report what nobody watches any more.  Looks at each descriptor.
    pub(super) fn is_watched(&self) -> bool {
        self.iter().next().is_some()
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
        self.sources.iter().flat_map(|(_, source)| source.reader.iter().chain(&source.writer))
    }
}

fn token(slot: usize, generation: u32) -> u64 {
    // A process has at most 2^31 descriptors, so a slot fits in 32 bits.
    (u64::from(generation) << 32) | slot as u64
}

#[expect(clippy::cast_possible_truncation, reason = "each half is 32 bits wide")]
fn parts(token: u64) -> (usize, u32) {
    ((token & u64::from(u32::MAX)) as usize, (token >> 32) as u32)
}
