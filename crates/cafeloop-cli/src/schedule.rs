//! By what time and in what order a program's event loops go: options that the commands
//! which run a program share.

use clap::{Args, ValueEnum};

/// What the event loops of a program go by, unless it says otherwise itself.
#[derive(Args, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Schedule {
    /// What time its event loops go by: real; virtual, in which waiting takes none; or
    /// patched, which is virtual for the module `time` as well
    #[arg(long, value_enum, hide_possible_values = true)]
    pub clock: Option<Clock>,

    // A number below zero is a mistake in the value, not an unknown option.
    /// Run what is ready at the same time in the order that the number N chooses
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub seed: Option<u64>,
}

/// A kind of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Clock {
    /// The machine's.
    Real,
    /// One that waits for nobody.
    Virtual,
    /// The same, one for all loops and for what a program asks Python's `time`.
    Patched,
}

impl Clock {
    /// The word for it, on a command line and in Python.
    pub fn as_str(self) -> &'static str {
        match self {
            Clock::Real => "real",
            Clock::Virtual => "virtual",
            Clock::Patched => "patched",
        }
    }
}
