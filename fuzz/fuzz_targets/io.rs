//! The machines of connections, driven by steps that bytes stand for: bytes of the user's
//! arrive once and in order, what waits is never forgotten, an end comes once.

#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/cafeloop/src/io/tls_tests/link.rs"]
mod link;
#[path = "../../crates/cafeloop/src/io/tests/machines.rs"]
mod machines;
#[path = "../../crates/cafeloop/src/io/tests/network.rs"]
mod network;
#[path = "../../crates/cafeloop/src/io/tls_tests/toy.rs"]
mod toy;
#[path = "../../crates/cafeloop/src/io/tests/wire.rs"]
mod wire;

fuzz_target!(|bytes: &[u8]| machines::drive(bytes));
