//! `cafeloop-load`: everything but the process's own streams is in the library.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    cafeloop_load::run(std::env::args_os(), &mut io::stdout(), &mut io::stderr()).into()
}
