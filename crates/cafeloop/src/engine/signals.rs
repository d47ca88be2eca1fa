//! Who wants to know of which signal.
//!
//! A signal arrives as its number in a pipe: the handler that writes it there
//! belongs to the host (Python's own handler does so once `set_wakeup_fd` has
//! been given the pipe), so the engine changes no signal disposition.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::AsRawFd;
use std::rc::Rc;

use crate::sys::{Poller, Readiness, Reports, SignalPipe};

/// The signals of a loop.  The pipe is made when somebody asks for it.
pub(super) struct Signals<W> {
    pipe: Option<Rc<SignalPipe>>,
    watchers: BTreeMap<i32, Option<W>>,
}

impl<W> Signals<W> {
    pub(super) fn new() -> Self {
        Signals { pipe: None, watchers: BTreeMap::new() }
    }

    /// The pipe into which handlers write.
    pub(super) fn pipe(&mut self, poller: &Poller, token: u64) -> io::Result<Rc<SignalPipe>> {
        if let Some(pipe) = &self.pipe {
            return Ok(pipe.clone());
        }
        let pipe = Rc::new(SignalPipe::new()?);
        let readable = Readiness { read: true, write: false };
        poller.add(pipe.as_raw_fd(), token, readable, Reports::Each)?;
        self.pipe = Some(pipe.clone());
        Ok(pipe)
    }

    /// Has `watcher` told of `signal`, in the place of the one it returns.
    pub(super) fn watch(&mut self, signal: i32, watcher: W) -> Option<W> {
        self.watchers.insert(signal, Some(watcher)).flatten()
    }

    pub(super) fn unwatch(&mut self, signal: i32) -> Option<W> {
        self.watchers.remove(&signal).flatten()
    }

    /// Passes the watchers of the signals that have come to `tell`, in order.
    pub(super) fn drain(&mut self, mut tell: impl FnMut(&mut Option<W>)) {
        let watchers = &mut self.watchers;
        if let Some(pipe) = &self.pipe {
            pipe.drain(|signal| {
                if let Some(watcher) = watchers.get_mut(&signal) {
                    tell(watcher);
                }
            });
        }
    }

    /// Whether a handler may have written something.
    pub(super) fn is_open(&self) -> bool {
        self.pipe.is_some()
    }

    /// Whether anybody watches one.
    pub(super) fn is_watched(&self) -> bool {
        !self.watchers.is_empty()
    }

    /// The signals that somebody watches.
    pub(super) fn numbers(&self) -> Vec<i32> {
        let watched = self.watchers.iter().filter(|(_, watcher)| watcher.is_some());
        watched.map(|(signal, _)| *signal).collect()
    }

    /// Everybody who watches.
    pub(super) fn iter(&self) -> impl Iterator<Item = &W> {
        self.watchers.values().flatten()
    }
}
