//! Tells one call from the next, by nothing but the lines at which they waited.
//!
//! Within one call of a function the lines of waits go forward.  Where they go back, or
//! stand still, it was called again, or a loop in it went round, which is the same for
//! whoever asks what could overlap.  A call that waits in a loop for one connection
//! stays one call: that is a conversation.

use std::collections::HashMap;
use std::rc::Rc;

use crate::id::{CodeId, Frame};
use crate::run::{ChainId, Run, What, of_the_program};

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
    /// The function that called.
    pub(super) fn caller(&self) -> Frame {
        self.callers.last().copied().unwrap_or_default()
    }

    /// What could be saved at most, if all of them ran together.
    pub(super) fn saves_ns(&self) -> u64 {
        self.sum_ns.saturating_sub(self.longest_ns)
    }
}

/// The program's frames of each chain, and the calls that they pass through.
#[derive(Default)]
pub(super) struct Paths {
    known: HashMap<ChainId, Rc<Path>>,
    /// Each distinct way from the outside into a function, with the line.
    ways: HashMap<(Way, Frame), Way>,
    /// Each function called on such a way from such a function.
    edges: HashMap<(Way, CodeId, CodeId), Edge>,
}

/// A way from the outside to a frame.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Way(usize);

/// A function that is called by another one, at the end of a way.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Edge(usize);

struct Path {
    frames: Vec<Frame>,
    /// The edge from each frame to the next.
    edges: Vec<Edge>,
}

impl Paths {
    fn path(&mut self, run: &Run, chain: ChainId) -> Rc<Path> {
        if let Some(path) = self.known.get(&chain) {
            return Rc::clone(path);
        }
        let frames: Vec<Frame> = of_the_program(run.frames(chain), run.names()).collect();
        let mut way = Way::default();
        let mut edges = Vec::new();
        for pair in frames.windows(2) {
            let next = Edge(self.edges.len());
            edges.push(*self.edges.entry((way, pair[0].code, pair[1].code)).or_insert(next));
            let next = Way(self.ways.len() + 1);
            way = *self.ways.entry((way, pair[0])).or_insert(next);
        }
        let path = Rc::new(Path { frames, edges });
        self.known.insert(chain, Rc::clone(&path));
        path
    }
}

/// The calls along one edge, while they are being counted.
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

/// Among what one task, or one thread, called again and again, the calls that could
/// save most.  If there are none such and `only`, different calls in a row.
pub(super) fn most_saving(
    run: &Run,
    paths: &mut Paths,
    waits: impl Iterator<Item = Wait> + Clone,
    only: bool,
) -> Option<Calls> {
    let mut counts: HashMap<Edge, Count> = HashMap::new();
    for wait in waits.clone().filter(|wait| wait.chain != ChainId::NONE) {
        let path = paths.path(run, wait.chain);
        for (depth, &edge) in path.edges.iter().enumerate() {
            match counts.get_mut(&edge) {
                Some(count) => count.add(&path, wait),
                None => {
                    counts.insert(edge, Count::new(depth, &path, wait));
                }
            }
        }
    }
    let again = counts
        .values()
        .filter(|count| count.times > 1)
        .max_by_key(|count| (count.saves_ns(), count.depth, count.last.frames[count.depth]))
        .map(Count::calls);
    if again.is_some() || !only {
        return again;
    }
    in_a_row(run, paths, waits)
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
        let goes_on = self.last.frames[self.depth] == path.frames[self.depth]
            && goes_forward(&self.last.frames[self.depth..], &path.frames[self.depth..]);
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

    fn saves_ns(&self) -> u64 {
        self.sum_ns.saturating_sub(self.longest_ns)
    }

    fn calls(&self) -> Calls {
        Calls {
            callers: self.last.frames[..=self.depth].to_vec(),
            called: self.last.frames[self.depth + 1],
            same: true,
            times: self.times,
            sum_ns: self.sum_ns,
            longest_ns: self.longest_ns,
        }
    }
}

/// Different functions that the outermost one called, each once, in the order of their
/// lines.
fn in_a_row(run: &Run, paths: &mut Paths, waits: impl Iterator<Item = Wait>) -> Option<Calls> {
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

/// Whether a wait can be a later one of the same call, by its frames.
fn goes_forward(before: &[Frame], after: &[Frame]) -> bool {
    match before.iter().zip(after).find(|(before, after)| before != after) {
        Some((before, after)) => before.code != after.code || before.line < after.line,
        None => before.len() != after.len(),
    }
}

/// Whether two waits were for one connection.
fn is_conversation(before: What, after: What) -> bool {
    before == after && matches!(after, What::Transport(_) | What::Descriptor(_))
}
