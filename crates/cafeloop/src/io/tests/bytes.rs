//! What the fuzzer does (`fuzz/fuzz_targets/io.rs`), for compilers that can't tell which
//! branches were taken: with bytes that are only random, and with those it begins with.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::{link, machines, network, wire};

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

#[test]
#[expect(clippy::print_stdout, reason = "seen only if one goes wrong: the last is it")]
fn no_machine_goes_wrong_where_the_fuzzer_begins() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/io");
    let mut count = 0;
    for seed in fs::read_dir(&seeds).expect("the seeds stand beside the fuzzer") {
        let seed = seed.expect("a folder can be read to its end").path();
        println!("driven by {}", seed.display());
        machines::drive(&fs::read(&seed).expect("a seed is a readable file"));
        count += 1;
    }
    assert_ne!(count, 0, "no seed in {}", seeds.display());
}
