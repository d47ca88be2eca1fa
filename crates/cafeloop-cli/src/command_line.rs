//! The command line as a whole: the list of commands, and what they share.

use clap::Parser;

use crate::{cafe, diff, explore, flow, run};

/// Help is laid out for this many columns, whatever the terminal: what it says
/// is then the same in a window, a pipe and a test.  80 is what fits all of them.
const COLUMNS: usize = 80;

/// asyncio's event loop, written in Rust: run your programs on it, unchanged.
#[derive(Debug, Parser)]
#[command(
    name = "cafeloop",
    bin_name = "cafeloop",
    no_binary_name = true,
    // Only for the flag's sake: the answer to it is our own, see `answer`.
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    term_width = COLUMNS,
    after_help = EXAMPLES
)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) subcommand: Subcommand,
}

#[derive(Debug, clap::Subcommand)]
pub(crate) enum Subcommand {
    Run(run::Arguments),
    Flow(flow::Arguments),
    Explore(explore::Arguments),
    Diff(diff::Arguments),
    Cafe(cafe::Arguments),
}

const EXAMPLES: &str = "\
Examples:
  cafeloop run server.py --port 80       what `python server.py --port 80` does
  cafeloop run -m pytest tests           what `python -m pytest tests` does
  cafeloop flow cafe.py                  draws what cafe.py does while it waits
  cafeloop explore cafe.py               looks for an order in which it fails
  cafeloop cafe async                    serves coffee while coffee brews
  python3.13 -m cafeloop run server.py   the same command, of a certain Python";
