//! The machines, driven step by step against a kernel that takes what it likes.

use super::tls_tests::link;

mod bytes;
mod datagram;
mod machines;
mod network;
mod stream;
mod wire;
