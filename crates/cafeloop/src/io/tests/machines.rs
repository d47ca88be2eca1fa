//! Every machine there is, for a fuzzer and for the test of what it has found.

use super::{link, network, wire};

/// Has the bytes drive the machine that the first of them names.
pub(crate) fn drive(bytes: &[u8]) {
    let Some((machine, steps)) = bytes.split_first() else { return };
    match machine % 3 {
        0 => wire::drive(steps),
        1 => network::drive(steps),
        _ => link::drive(steps),
    }
}
