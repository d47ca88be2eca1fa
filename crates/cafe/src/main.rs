//! `cafe`: everything but the process's own streams is in the library.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    cafe::run(std::env::args_os(), io::stdout(), &mut io::stderr()).into()
}
