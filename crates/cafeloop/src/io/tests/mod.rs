//! The machines, driven step by step against a kernel that takes what it likes.

mod datagram;
mod stream;
