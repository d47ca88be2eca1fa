//! The finding `chatty-writes`.
//!
//! # What it sees
//! Transports that handed small pieces to the kernel one after another, each within a
//! millisecond of the one before, with nothing received between.
//!
//! # Why it matters
//! Each piece is a call of the kernel and mostly a packet, which cost more than its
//! bytes do.
//!
//! # What to do
//! Put the pieces together: write once, or `writelines`, and `drain` after that.

use crate::findings::Finding;
use crate::quantity::{bytes, thousands};
use crate::run::{Run, Transport};

/// A hundred calls of the kernel cost a tenth of a millisecond: fewer aren't worth a
/// change.
const LEAST: u64 = 100;

pub(super) fn check(run: &Run) -> Vec<Finding> {
    let chatty: Vec<&Transport> =
        run.transports.iter().filter(|it| it.followed.pieces > 0).collect();
    let pieces = chatty.iter().fold(0u64, |sum, it| sum.saturating_add(it.followed.pieces));
    let size = chatty.iter().fold(0u64, |sum, it| sum.saturating_add(it.followed.bytes));
    let sends = chatty.iter().fold(0u64, |sum, it| sum.saturating_add(it.sent.pieces));
    let Some(most) = chatty.iter().max_by_key(|it| it.followed.pieces) else { return Vec::new() };
    if pieces < LEAST {
        return Vec::new();
    }
    let peer = if most.peer.is_empty() { String::new() } else { format!(" ({})", most.peer) };
    vec![Finding {
        name: "chatty-writes",
        saw: format!(
            "{} of {} sends followed another within a millisecond, with {} on average; most of \
             them, {}, on one connection{peer}",
            thousands(pieces),
            thousands(sends),
            bytes(size / pieces),
            thousands(most.followed.pieces)
        ),
        why: "each is a call of the kernel and mostly a packet, which cost more than its bytes",
        advice: "put the pieces together: one write, or writelines, and drain after that"
            .to_owned(),
        cost_ns: 0,
        site: None,
        tasks: Vec::new(),
        sight: None,
    }]
}
