//! `cafeloop run`: which program, and which arguments are its own.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::schedule::Schedule;
use crate::{Program, Recorded};

/// Run a Python program on cafeloop's event loop
///
/// Runs SCRIPT as `python SCRIPT` would: same arguments, standard streams, exit
/// code and traceback.  One thing differs: the event loops that `asyncio.run`,
/// `asyncio.Runner` and `asyncio.new_event_loop` make in it are cafeloop's.
/// Processes that it starts are left alone.
///
/// Options of cafeloop stand before SCRIPT; whatever follows is the program's
/// own, also what looks like an option.
#[derive(Debug, Args)]
#[command(override_usage = USAGE, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    // A flag, not an option with a value: after an option's value clap would
    // look for options of ours again.
    /// Run the module MODULE as `python -m MODULE` would, instead of a script
    #[arg(short = 'm')]
    is_module: bool,

    /// At the end, say on stderr which event loops the program made
    #[arg(short = 'v', long = "verbose")]
    is_verbose: bool,

    /// Record what the program does, into FILE or else into a file named after it
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[allow(clippy::option_option, reason = "how clap has an option with or without a value")]
    flow: Option<Option<PathBuf>>,

    /// Don't record the values of arguments
    #[arg(long, requires = "flow")]
    no_args: bool,

    #[command(flatten)]
    schedule: Schedule,

    // One list, because only in a trailing one does clap leave `--help` alone.
    /// A Python file, or a directory or zip archive with a __main__.py in it;
    /// then the program's arguments
    #[arg(required = true, trailing_var_arg = true, value_names = ["SCRIPT", "ARGS"])]
    program: Vec<OsString>,
}

const USAGE: &str = "\
cafeloop run [OPTIONS] <SCRIPT> [ARGS]...
       cafeloop run [OPTIONS] -m <MODULE> [ARGS]...";

const EXAMPLES: &str = "\
Examples:
  cafeloop run server.py --help          the help of server.py, not this one
  cafeloop run -m asyncio                asyncio's own interactive prompt
  cafeloop run app.pyz                   an archive that `python -m zipapp` made
  cafeloop run --flow server.py          records what it does, into server.flow
  cafeloop flow server.flow              draws that
  cafeloop run --clock virtual retry.py  waits of hours take no time

Exit code: the program's own; 2, and one line on stderr, if it can't be started.";

impl Arguments {
    pub(crate) fn into_program(self) -> Program {
        let recorded = self.flow.map(|file| Recorded { file, shows_arguments: !self.no_args });
        Program::new(self.is_module, self.program, self.is_verbose, recorded, self.schedule)
    }
}
