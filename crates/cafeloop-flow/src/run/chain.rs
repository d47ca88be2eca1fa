//! Stacks and chains of awaits, each kept once, and the line of them that a reader
//! wants to see.

use std::collections::HashMap;

use crate::id::{CodeId, Frame};
use crate::names::Names;

/// A chain of frames; [`ChainId::NONE`] if it isn't known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChainId(u32);

impl ChainId {
    /// No chain: the wait was shorter than the threshold.
    pub const NONE: ChainId = ChainId(0);

    /// Its number: 0 for none, and else its place among [`Run::chains`], from 1.
    ///
    /// [`Run::chains`]: crate::Run::chains
    pub fn get(self) -> usize {
        self.0 as usize
    }
}

/// All chains of a run.
#[derive(Debug, Default)]
pub(super) struct Chains {
    ids: HashMap<Box<[Frame]>, ChainId>,
    frames: Vec<Frame>,
    /// Where each chain ends among the frames.
    ends: Vec<usize>,
}

impl Chains {
    pub(super) fn intern(&mut self, frames: &[Frame]) -> ChainId {
        if frames.is_empty() {
            return ChainId::NONE;
        }
        if let Some(&id) = self.ids.get(frames) {
            return id;
        }
        let Ok(number) = u32::try_from(self.ends.len() + 1) else { return ChainId::NONE };
        self.frames.extend_from_slice(frames);
        self.ends.push(self.frames.len());
        self.ids.insert(frames.into(), ChainId(number));
        ChainId(number)
    }

    /// The numbers of all of them, in order.
    pub(super) fn ids(&self) -> impl Iterator<Item = ChainId> {
        (1..).map(ChainId).take(self.ends.len())
    }

    /// All of them, in the order of their numbers, from 1.
    pub(super) fn all(&self) -> impl Iterator<Item = &[Frame]> {
        self.ids().map(|id| self.frames(id))
    }

    /// The frames, outermost first.
    pub(super) fn frames(&self, id: ChainId) -> &[Frame] {
        let Some(index) = (id.0 as usize).checked_sub(1) else { return &[] };
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.ends.get(index).map_or(&[], |&end| &self.frames[start..end])
    }
}

/// Whether a file belongs to the program, rather than to the standard library, to an
/// installed package or to the interpreter itself.
pub(crate) fn is_of_the_program(file: &str) -> bool {
    // The last one is this package, where it isn't installed but developed.
    let installed =
        ["/site-packages/", "/dist-packages/", "/lib/python", "/rustc/", "/python/cafeloop/"];
    // The script that installers make of the package's command: a program that it runs
    // has that below its own frames.
    let is_command = file.ends_with("/bin/cafeloop");
    let is_installed = is_command || installed.iter().any(|it| file.contains(it));
    !file.is_empty() && !file.starts_with('<') && !is_installed
}

/// The frames of a chain that belong to the program, outermost first; all of them if
/// none does.
pub(crate) fn of_the_program<'a>(
    frames: &'a [Frame],
    names: &'a Names,
) -> impl Iterator<Item = Frame> + 'a {
    let ours = |frame: &Frame| is_of_the_program(names.file(frame.code));
    let none = !frames.iter().any(ours);
    let known = |frame: &Frame| frame.code != CodeId::NONE;
    frames.iter().filter(move |frame| known(frame) && (none || ours(frame))).copied()
}

/// The innermost frame that belongs to the program: its line is where a reader can do
/// something.  If there is none, that of a library, rather than of what imports it.
pub(crate) fn site(frames: &[Frame], names: &Names) -> Frame {
    let is_frozen = |frame: &Frame| names.file(frame.code).starts_with('<');
    let mut inner = of_the_program(frames, names).collect::<Vec<Frame>>();
    let last = inner.last().copied().unwrap_or_default();
    if is_frozen(&last) {
        inner.retain(|frame| !is_frozen(frame));
    }
    inner.last().copied().unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Event, Lane, Metadata, Reader, Recorder, Snapshot};

    fn frame(code: CodeId, line: u32) -> Frame {
        Frame { code, line }
    }

    #[test]
    fn the_site_is_the_innermost_line_of_the_program() {
        let mut ring = Recorder::ring(Metadata::default(), 0);
        let main = frame(ring.code("main", "/home/me/app.py", 1), 5);
        let get = frame(ring.code("get", "/venv/lib/python3.13/site-packages/web.py", 1), 6);
        let sleep = frame(ring.code("sleep", "/usr/lib/python3.13/asyncio/tasks.py", 1), 7);
        let frozen = frame(ring.code("_find", "<frozen importlib>", 1), 8);
        ring.record(0, Lane(0), Event::JobBegins);
        let mut file = Vec::new();
        ring.dump(&mut file, 0, &Snapshot::default()).expect("memory");
        let mut reader = Reader::new(&file[..]).expect("it is a recording");
        while reader.next_entry().expect("memory").is_some() {}
        let names = reader.into_names();

        assert_eq!(site(&[main, get, sleep, frozen], &names), main);
        assert_eq!(site(&[get, sleep], &names), sleep);
        // What it imports is no place to look at.
        assert_eq!(site(&[get, frozen], &names), get);
        assert_eq!(site(&[frozen], &names), frozen);
        assert_eq!(site(&[], &names), Frame::default());
    }

    #[test]
    fn the_command_is_not_of_the_program() {
        assert!(!is_of_the_program("/venv/bin/cafeloop"));
        assert!(is_of_the_program("/home/me/bin/cafeloop.py"));
    }

    #[test]
    fn a_chain_is_kept_once() {
        let mut chains = Chains::default();
        let (a, b) = ([frame(CodeId::NONE, 1)], [frame(CodeId::NONE, 1), frame(CodeId::NONE, 2)]);
        let first = chains.intern(&a);
        let second = chains.intern(&b);
        assert_eq!(chains.intern(&a), first);
        assert_eq!((chains.frames(first), chains.frames(second)), (&a[..], &b[..]));
        assert_eq!((chains.intern(&[]), chains.frames(ChainId::NONE)), (ChainId::NONE, &[][..]));
    }
}
