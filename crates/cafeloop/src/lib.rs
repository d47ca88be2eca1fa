#![doc = include_str!("../README.md")]
#![deny(unsafe_code)]

#[doc(hidden)]
pub mod engine;
mod error;
#[allow(unsafe_code, reason = "the one room that talks to the kernel")]
mod sys;

pub use error::Error;
