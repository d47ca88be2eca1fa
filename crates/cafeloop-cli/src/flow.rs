//! `cafeloop flow`: which program to record and draw, or which recording to draw.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, FromArgMatches as _};

use crate::picture::{Pictures, is_recording};
use crate::schedule::Schedule;
use crate::{Command, Drawing, Flow, Program, Recorded};

/// Show what a program does while it waits
///
/// Runs SCRIPT as `cafeloop run SCRIPT` would, records what its tasks and threads
/// did, and draws that when it has ended, in whatever way: with an error, by Ctrl-C or
/// killed.  Programs without asyncio are drawn too, with the lines where they waited.
/// Processes that it forks, or starts by multiprocessing, have their own pictures.
///
/// The picture is drawn on stdout, after what the program has printed there, unless it
/// goes to files.  A name that ends in .flow is a recording, made by this command, by
/// `cafeloop run --flow` or by `cafeloop.record()`, and is drawn.
#[derive(Debug, Args)]
#[command(override_usage = USAGE, after_long_help = EXAMPLES)]
pub(crate) struct Arguments {
    // A flag, for the same reason as that of `run`.
    /// Run the module MODULE as `python -m MODULE` would, instead of a script
    #[arg(short = 'm')]
    is_module: bool,

    /// Don't show the values of arguments in the names of tasks
    #[arg(long)]
    no_args: bool,

    #[command(flatten)]
    schedule: Schedule,

    #[command(flatten)]
    pictures: Pictures,

    /// A Python file, or a directory or zip archive with a __main__.py in it, then the
    /// program's arguments; or a recording, FILE.flow
    #[arg(required = true, trailing_var_arg = true, value_names = ["SCRIPT", "ARGS"])]
    program: Vec<OsString>,
}

const USAGE: &str = "\
cafeloop flow [OPTIONS] <SCRIPT> [ARGS]...
       cafeloop flow [OPTIONS] -m <MODULE> [ARGS]...
       cafeloop flow [OPTIONS] <FILE.flow>";

const EXAMPLES: &str = "\
Examples:
  cafeloop flow cafe.py                   draw a run of cafe.py
  cafeloop flow --html cafe.html cafe.py  a page to zoom, search and click in
  cafeloop run --flow cafe.py             record now, into cafe.flow
  cafeloop flow cafe.flow                 and draw later
  cafeloop flow cafe.flow --svg cafe.svg  or in another form

Options stand before SCRIPT; whatever follows is the program's own.  They may
stand behind FILE.flow, too.

Exit code: the program's own; 2, and one line on stderr, if it can't be started,
or if the picture can't be drawn.";

impl Arguments {
    pub(crate) fn into_command(self) -> Result<Command, clap::Error> {
        let Arguments { is_module, no_args, schedule, pictures, program } = self;
        let is_drawn = !is_module && program.first().is_some_and(|name| is_recording(name));
        if is_drawn {
            return draw(program, pictures);
        }
        let recorded = Recorded { file: None, shows_arguments: !no_args };
        let program = Program::new(is_module, program, false, Some(recorded), schedule);
        Ok(Command::Flow(Flow { program, pictures }))
    }
}

/// Draws a recording: options behind its name are ours, since it takes none.
fn draw(words: Vec<OsString>, before: Pictures) -> Result<Command, clap::Error> {
    let parser = Behind::augment_args(
        clap::Command::new("cafeloop flow").no_binary_name(true).override_usage(USAGE),
    );
    let behind = Behind::from_arg_matches(&parser.try_get_matches_from(words)?)?;
    let Behind { file, pictures } = behind;
    let pictures = Pictures {
        html: before.html.or(pictures.html),
        svg: before.svg.or(pictures.svg),
        perfetto: before.perfetto.or(pictures.perfetto),
        json: before.json.or(pictures.json),
    };
    Ok(Command::Draw(Drawing { recordings: vec![file], pictures }))
}

/// A recording's name and what stands behind it.
#[derive(Debug, Args)]
struct Behind {
    #[arg(value_name = "FILE.flow")]
    file: PathBuf,
    #[command(flatten)]
    pictures: Pictures,
}
