//! Tells one call from the next, by nothing but the lines at which they waited.
//!
//! A function that waits at an earlier line than before was called again, or a loop in
//! it went round, which is the same for whoever asks what could overlap.  If the whole
//! stack is the same as before, that is so for the innermost function; whether an outer
//! one went round too can't be known, so it isn't assumed.  A call that waits in a loop
//! for one connection stays one call: that is a conversation.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::rc::Rc;

use crate::id::{CodeId, Frame};
use crate::run::{ChainId, Run, What, is_of_the_program};

/// One wait for something outside of the program.
#[derive(Clone, Copy)]
pub(super) struct Wait {
    pub(super) chain: ChainId,
    pub(super) ns: u64,
    pub(super) what: What,
}

/// Calls whose waits came one after another.
#[derive(Clone)]
pub(super) struct Calls {
    /// Who called, from the outermost frame on, and from where last.
    pub(super) callers: Vec<Frame>,
    /// What was called, and where it waited last.
    pub(super) called: Frame,
    /// Whether it was the same function each time.
    pub(super) same: bool,
    pub(super) times: u64,
    pub(super) sum_ns: u64,
    /// The waits of the call that waited longest.
    pub(super) longest_ns: u64,
}

impl Calls {
    /// The function that called; none for the outermost.
    pub(super) fn caller(&self) -> Frame {
        self.callers.last().copied().unwrap_or_default()
    }

    /// What could be saved at most, if all of them ran together.
    pub(super) fn saves_ns(&self) -> u64 {
        self.sum_ns.saturating_sub(self.longest_ns)
    }
}

/// The program's frames of each chain, and the functions that they stand for.
#[derive(Default)]
pub(super) struct Paths {
    known: HashMap<ChainId, Rc<Path>>,
    /// Each distinct way from the outside to a frame, with the lines.
    ways: HashMap<(Way, Frame), Way>,
    /// Each function at the end of a way, called by such a function.
    calls: HashMap<(Way, CodeId, CodeId), Call>,
}

/// A way from the outside to a frame.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Way(usize);

/// A function that was called, from wherever in another one at the end of a way.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Call(usize);

struct Path {
    frames: Vec<Frame>,
    /// What each frame is.
    calls: Vec<Call>,
}

impl Paths {
    fn path(&mut self, run: &Run, chain: ChainId) -> Rc<Path> {
        if let Some(path) = self.known.get(&chain) {
            return Rc::clone(path);
        }
        // What waits in a library alone, as a server's main loop does, isn't for the
        // reader to change.
        let is_own = |frame: &Frame| is_of_the_program(run.names().file(frame.code));
        let frames: Vec<Frame> = run.frames(chain).iter().copied().filter(is_own).collect();
        // To the caller's caller: from where in the caller doesn't matter.
        let mut way = Way::default();
        let mut caller = Frame::default();
        let mut calls = Vec::new();
        for &frame in &frames {
            let next = Call(self.calls.len());
            calls.push(*self.calls.entry((way, caller.code, frame.code)).or_insert(next));
            let next = Way(self.ways.len() + 1);
            way = *self.ways.entry((way, caller)).or_insert(next);
            caller = frame;
        }
        let path = Rc::new(Path { frames, calls });
        self.known.insert(chain, Rc::clone(&path));
        path
    }
}

/// The calls of one function, while they are being counted.
struct Count {
    depth: usize,
    last: Rc<Path>,
    what: What,
    times: u64,
    sum_ns: u64,
    longest_ns: u64,
    /// The waits of the call that goes on.
    now_ns: u64,
}

/// Among the functions that one task, or one thread, called again and again, the one
/// whose calls could save most.
///
/// Only functions that others called count from `outermost` 1 on, and with 0 all do.
/// What passed through one of `without` doesn't count.
pub(super) fn most_saving(
    run: &Run,
    paths: &mut Paths,
    waits: impl Iterator<Item = Wait>,
    outermost: usize,
    without: &[Call],
) -> Option<(Call, Calls)> {
    let mut counts: HashMap<Call, Count> = HashMap::new();
    for wait in waits.filter(|wait| wait.chain != ChainId::NONE) {
        let path = paths.path(run, wait.chain);
        if path.calls.iter().any(|call| without.contains(call)) {
            continue;
        }
        for (depth, &call) in path.calls.iter().enumerate().skip(outermost) {
            match counts.get_mut(&call) {
                Some(count) => count.add(&path, wait),
                None => {
                    counts.insert(call, Count::new(depth, &path, wait));
                }
            }
        }
    }
    counts
        .into_iter()
        .filter(|(_, count)| count.times > 1)
        .max_by_key(|(call, count)| (count.saves_ns(), count.depth, call.0))
        .map(|(call, count)| (call, count.calls()))
}

impl Count {
    fn new(depth: usize, path: &Rc<Path>, wait: Wait) -> Count {
        Count {
            depth,
            last: Rc::clone(path),
            what: wait.what,
            times: 1,
            sum_ns: wait.ns,
            longest_ns: wait.ns,
            now_ns: wait.ns,
        }
    }

    fn add(&mut self, path: &Rc<Path>, wait: Wait) {
        let goes_on = !self.was_called_again(&path.frames);
        if goes_on || is_conversation(self.what, wait.what) {
            self.now_ns = self.now_ns.saturating_add(wait.ns);
        } else {
            self.times += 1;
            self.now_ns = wait.ns;
        }
        self.sum_ns = self.sum_ns.saturating_add(wait.ns);
        self.longest_ns = self.longest_ns.max(self.now_ns);
        self.last = Rc::clone(path);
        self.what = wait.what;
    }

    /// Whether these frames are of a later call than the last ones.
    fn was_called_again(&self, frames: &[Frame]) -> bool {
        let before = &self.last.frames;
        let from_elsewhere = self
            .depth
            .checked_sub(1)
            .is_some_and(|caller| before[caller].line != frames[caller].line);
        let is_innermost = self.depth + 1 == frames.len() && before.len() == frames.len();
        match frames[self.depth].line.cmp(&before[self.depth].line) {
            _ if from_elsewhere => true,
            Ordering::Less => true,
            Ordering::Equal => is_innermost,
            Ordering::Greater => false,
        }
    }

    fn saves_ns(&self) -> u64 {
        self.sum_ns.saturating_sub(self.longest_ns)
    }

    fn calls(&self) -> Calls {
        Calls {
            callers: self.last.frames[..self.depth].to_vec(),
            called: self.last.frames[self.depth],
            same: true,
            times: self.times,
            sum_ns: self.sum_ns,
            longest_ns: self.longest_ns,
        }
    }
}

/// Different functions that the outermost one called, each once, in the order of their
/// lines.
pub(super) fn in_a_row(
    run: &Run,
    paths: &mut Paths,
    waits: impl Iterator<Item = Wait>,
) -> Option<Calls> {
    let mut calls: Vec<(Frame, Frame, u64)> = Vec::new();
    let mut before = What::Unknown;
    for wait in waits.filter(|wait| wait.chain != ChainId::NONE) {
        let path = paths.path(run, wait.chain);
        let &[from, called, ..] = &path.frames[..] else { continue };
        match calls.last_mut() {
            Some((before_from, _, ns))
                if *before_from == from || is_conversation(before, wait.what) =>
            {
                *ns = ns.saturating_add(wait.ns);
            }
            _ => calls.push((from, called, wait.ns)),
        }
        before = wait.what;
    }
    let forward = calls.windows(2).all(|pair| {
        pair[0].0.code == pair[1].0.code
            && pair[0].0.line < pair[1].0.line
            && pair[0].1.code != pair[1].1.code
    });
    let &(from, called, _) = calls.last()?;
    let lengths = calls.iter().map(|&(.., ns)| ns);
    (forward && calls.len() > 1).then(|| Calls {
        callers: vec![from],
        called,
        same: false,
        times: calls.len() as u64,
        sum_ns: lengths.clone().fold(0, u64::saturating_add),
        longest_ns: lengths.max().unwrap_or(0),
    })
}

/// Whether two waits were for one connection.
fn is_conversation(before: What, after: What) -> bool {
    before == after && matches!(after, What::Transport(_) | What::Descriptor(_))
}
