//! `cafeloop diff`: which two recordings to compare.

use std::path::PathBuf;

use clap::Args;

use crate::Comparison;

/// Compare two recordings of a program: what got shorter
///
/// Both are read, and shown side by side: how long each took, where the waiting was,
/// and what the second one gained.
#[derive(Debug, Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The recording from before
    #[arg(value_name = "BEFORE")]
    before: PathBuf,

    /// The recording from after
    #[arg(value_name = "AFTER")]
    after: PathBuf,
}

const EXAMPLES: &str = "\
Examples:
  cafeloop run --flow=before.flow cafe.py
  cafeloop run --flow=after.flow cafe.py
  cafeloop diff before.flow after.flow

Exit code: 0; 2, and one line on stderr, if one of them can't be read.";

impl Arguments {
    pub(crate) fn into_comparison(self) -> Comparison {
        Comparison { before: self.before, after: self.after }
    }
}
