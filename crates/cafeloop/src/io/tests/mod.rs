//! The machines, driven step by step against a kernel that takes what it likes.

mod bytes;
mod datagram;
mod network;
mod stream;
mod wire;
