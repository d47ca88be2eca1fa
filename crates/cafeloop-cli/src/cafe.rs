//! `cafeloop cafe`: the café, which reads its command line itself.

use std::ffi::OsString;

use clap::Args;

/// Serve coffee, to see what an event loop is for
///
/// `cafeloop cafe --help` says what the café can be asked for.
#[derive(Debug, Args)]
#[command(disable_help_flag = true, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Which café to open, sync or async, and its options
    #[arg(value_name = "CAFÉ", trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<OsString>,
}

const EXAMPLES: &str = "\
Examples:
  cafeloop cafe sync   one barista who waits for each coffee: 10 seconds
  cafeloop cafe async  one barista who serves the next meanwhile: 5 seconds";

impl Arguments {
    pub(crate) fn into_words(self) -> Vec<OsString> {
        self.words
    }
}
