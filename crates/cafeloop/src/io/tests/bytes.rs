//! What the fuzzer does (`fuzz/fuzz_targets/io.rs`), with bytes that are only random: for
//! compilers that can't tell which branches were taken.

use proptest::prelude::*;

use super::{network, wire};
use crate::io::tls_tests::link;

/// Steps are so many bytes long at most, and so many of them reach whatever can be
/// reached.
const MOST_BYTES: usize = 3 * 100;

proptest! {
    #[test]
    fn whatever_the_bytes_are_no_machine_goes_wrong(
        bytes in prop::collection::vec(any::<u8>(), 0..MOST_BYTES)
    ) {
        wire::drive(&bytes);
        network::drive(&bytes);
        link::drive(&bytes);
    }
}
