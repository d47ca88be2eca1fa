//! `cafeloop explore`: which program, and in which orders to run it.

use std::ffi::OsString;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, CommandFactory as _, value_parser};

use crate::command_line::CommandLine;
use crate::schedule::{Clock, Schedule};
use crate::{Exploration, Program};

/// Run a program in many orders, and show the first that fails
///
/// Runs SCRIPT as `cafeloop run --seed N SCRIPT` would, once for each seed and several at
/// once, without input, until one fails: with an exit code other than 0, by a signal, or
/// because it doesn't end.  Then it says which seed and what the program said on stderr,
/// runs that order again, and shows its flow beside that of a seed that passed.
///
/// What is ready at the same time runs in the order that the seed chooses; what asyncio
/// promises holds.
#[derive(Debug, Args)]
#[command(override_usage = USAGE, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    // A flag, for the same reason as that of `run`.
    /// Run the module MODULE as `python -m MODULE` would, instead of a script
    #[arg(short = 'm')]
    is_module: bool,

    /// How many seeds to try, 100 if not given
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(default_value_t = 100, hide_default_value = true)]
    #[arg(value_parser = value_parser!(u64).range(1..))]
    seeds: u64,

    /// The first of them, 0 if not given
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    #[arg(default_value_t = 0, hide_default_value = true)]
    from: u64,

    /// What time its event loops go by: virtual if not given, in which waiting takes none;
    /// patched, which is virtual for the module `time` as well; or real
    #[arg(long, value_enum, hide_possible_values = true)]
    #[arg(default_value_t = Clock::Virtual, hide_default_value = true)]
    clock: Clock,

    /// How many seconds of real time a run may take, 60 if not given
    #[arg(long, value_name = "SECONDS", allow_negative_numbers = true)]
    #[arg(default_value_t = 60, hide_default_value = true)]
    #[arg(value_parser = value_parser!(u64).range(1..=LONGEST_SECONDS))]
    timeout: u64,

    /// A Python file, or a directory or zip archive with a __main__.py in it;
    /// then the program's arguments
    #[arg(required = true, trailing_var_arg = true, value_names = ["SCRIPT", "ARGS"])]
    program: Vec<OsString>,
}

/// A year: nobody waits longer, and every clock can tell it.
const LONGEST_SECONDS: u64 = 365 * 24 * 60 * 60;

const USAGE: &str = "\
cafeloop explore [OPTIONS] <SCRIPT> [ARGS]...
       cafeloop explore [OPTIONS] -m <MODULE> [ARGS]...";

const EXAMPLES: &str = "\
Examples:
  cafeloop explore cafe.py               a hundred orders, in virtual time
  cafeloop explore --from 100 cafe.py    the next hundred
  cafeloop explore -m pytest -x tests    fails with the tests

Options stand before SCRIPT; whatever follows is the program's own.

Exit code: 0 if the program passed in all orders, 1 if it failed in one; 2, and
one line on stderr, if it can't be started; 130 after Ctrl-C.";

impl Arguments {
    pub(crate) fn into_exploration(self) -> Result<Exploration, clap::Error> {
        let Arguments { is_module, seeds, from, clock, timeout, program } = self;
        let last = from.checked_add(seeds - 1).ok_or_else(|| {
            let text = format!("{seeds} seeds can't begin with {from}: {} is the last", u64::MAX);
            CommandLine::command().error(ErrorKind::ValueValidation, text)
        })?;
        let schedule = Schedule { clock: Some(clock), seed: None };
        Ok(Exploration {
            program: Program::new(is_module, program, false, None, schedule),
            seeds: from..=last,
            timeout: Duration::from_secs(timeout),
        })
    }
}
