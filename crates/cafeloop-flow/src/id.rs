//! The names that events use for what they are about: numbers, so that a record
//! has a fixed size.
//!
//! Whoever records chooses tasks', transports' and jobs' numbers, and never uses
//! one twice in a recording; strings and code get theirs from the [`Recorder`].
//!
//! [`Recorder`]: crate::Recorder

use std::num::NonZeroU64;

macro_rules! number {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(NonZeroU64);

        impl $name {
            /// The one with this number; there is none with the number 0.
            pub const fn new(number: u64) -> Option<Self> {
                match NonZeroU64::new(number) {
                    Some(number) => Some($name(number)),
                    None => None,
                }
            }

            /// Its number, from 1.
            pub const fn get(self) -> u64 {
                self.0.get()
            }
        }

        impl From<NonZeroU64> for $name {
            fn from(number: NonZeroU64) -> Self {
                $name(number)
            }
        }
    };
}

number! {
    /// A task.
    TaskId
}
number! {
    /// A connection, pipe or datagram socket.
    TransportId
}
number! {
    /// A job that was handed to an executor.
    WorkId
}

impl WorkId {
    /// A job, by its number in the recording of the process that hands it over, as it is
    /// called in the recording of another process that runs it.
    pub const fn of_process(pid: u32, number: u32) -> Option<WorkId> {
        WorkId::new((pid as u64) << 32 | number as u64)
    }

    /// The process that has handed it over, if that is another one.
    pub(crate) fn process(self) -> Option<u32> {
        u32::try_from(self.get() >> 32).ok().filter(|&pid| pid > 0)
    }

    /// How the process that has handed it over calls it.
    pub(crate) fn at_home(self) -> Option<WorkId> {
        WorkId::new(self.get() & u64::from(u32::MAX))
    }
}

/// What does one thing at a time: the thread of a loop, or another thread.
///
/// Lane 0 is the thread on which the recording began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lane(pub u16);

/// An interned string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StringId(pub(crate) u32);

impl StringId {
    /// The string that is empty, or that found no place in the table.
    pub const NONE: StringId = StringId(0);
}

/// A piece of code that was interned: a function, its file and its first line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodeId(pub(crate) u32);

impl CodeId {
    /// Code that isn't known, or that found no place in the table.
    pub const NONE: CodeId = CodeId(0);
}

/// One frame of a stack or of a chain of awaits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Frame {
    /// The function that runs or waits.
    pub code: CodeId,
    /// The line where it does, from 1; 0 if that isn't known.
    pub line: u32,
}
