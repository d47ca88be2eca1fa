//! Bytes that the kernel hasn't taken yet.

use std::collections::VecDeque;
use std::ops::Range;

/// Chunks in the order in which they were written.  What a chunk is, and where its
/// bytes are, is its owner's affair: here only lengths count.
#[derive(Debug)]
pub struct WriteQueue<C> {
    chunks: VecDeque<Chunk<C>>,
    bytes: usize,
}

#[derive(Debug)]
struct Chunk<C> {
    body: C,
    /// What of the body is left to be sent; never empty.
    left: Range<usize>,
}

impl<C> WriteQueue<C> {
    pub(super) fn new() -> Self {
        WriteQueue { chunks: VecDeque::new(), bytes: 0 }
    }

    /// Bytes that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// The chunks in front, each with what of it is left.
    pub fn iter(&self) -> impl Iterator<Item = (&C, Range<usize>)> {
        self.chunks.iter().map(|chunk| (&chunk.body, chunk.left.clone()))
    }

    pub(super) fn push(&mut self, body: C, left: Range<usize>) {
        if !left.is_empty() {
            self.bytes += left.len();
            self.chunks.push_back(Chunk { body, left });
        }
    }

    /// The kernel has taken so many bytes from the front.
    pub(super) fn advance(&mut self, mut taken: usize) {
        debug_assert!(taken <= self.bytes, "the kernel takes no more than it is given");
        self.bytes -= taken;
        while let Some(first) = self.chunks.front_mut() {
            if taken < first.left.len() {
                first.left.start += taken;
                return;
            }
            taken -= first.left.len();
            self.chunks.pop_front();
        }
    }

    /// Takes all chunks out: dropping them may be more than a matter of memory.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, WriteQueue::new())
    }
}
