//! What a command line asks for, and how it is answered.

mod common;

use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::ffi::OsStringExt;

use cafeloop_cli::{Clock, Command, Program, Schedule, Target, parse};
use common::{VERSIONS, complaint, module, program, script, told, words};
use insta::assert_snapshot;

#[test]
fn the_first_word_after_run_is_the_script() {
    assert_eq!(program(words("run cafe.py")), script("cafe.py", &[]));
}

#[test]
fn with_m_it_is_a_module() {
    assert_eq!(program(words("run -m cafe.serve")), module("cafe.serve", &[]));
}

#[test]
fn a_program_is_verbose_if_that_is_said_before_it() {
    for line in ["run -v x.py", "run --verbose x.py", "run -v -m x", "run -vm x", "run -m -v x"] {
        assert!(program(words(line)).is_verbose, "{line}");
    }
    assert_eq!(program(words("run x.py -v")), script("x.py", &["-v"]));
}

#[test]
fn a_program_has_a_clock_and_a_seed_if_that_is_said_before_it() {
    let schedule = |clock, seed| Schedule { clock, seed };
    let table = [
        ("run x.py", schedule(None, None)),
        ("run --clock virtual x.py", schedule(Some(Clock::Virtual), None)),
        ("run --clock patched x.py", schedule(Some(Clock::Patched), None)),
        ("run --clock=real --seed=0 x.py", schedule(Some(Clock::Real), Some(0))),
        ("run --seed 18446744073709551615 -m x", schedule(None, Some(u64::MAX))),
        ("run -m --seed 7 -- x", schedule(None, Some(7))),
    ];
    for (line, expected) in table {
        assert_eq!(program(words(line)).schedule, expected, "{line}");
    }
    let line = "run x.py --clock virtual --seed 7";
    assert_eq!(program(words(line)), script("x.py", &["--clock", "virtual", "--seed", "7"]));
}

#[test]
fn a_clock_or_a_seed_that_there_is_not_is_a_mistake() {
    for command in ["run", "flow"] {
        let lines = ["--clock sundial", "--seed -1", "--seed 18446744073709551616", "--seed x"];
        let first = lines.map(|options| {
            let text = complaint(&format!("{command} {options} x.py"));
            text.lines().next().expect("a complaint has a line").to_owned()
        });
        assert_eq!(
            first,
            [
                "error: invalid value 'sundial' for '--clock <CLOCK>'",
                "error: invalid value '-1' for '--seed <N>': invalid digit found in string",
                "error: invalid value '18446744073709551616' for '--seed <N>': number too large to \
                 fit in target type",
                "error: invalid value 'x' for '--seed <N>': invalid digit found in string",
            ]
        );
    }
}

#[test]
fn everything_after_cafe_is_for_the_cafe() {
    for line in ["cafe", "cafe sync", "cafe --help", "cafe async --customers 3 -- x --version"] {
        let asked = parse(words(line), VERSIONS, &mut Vec::new(), &mut Vec::new());
        assert_eq!(asked, Command::Cafe(words(line).skip(1).collect()), "{line}");
    }
}

#[test]
fn everything_after_the_program_is_its_own() {
    let table = [
        ("run x.py latte mocha", script("x.py", &["latte", "mocha"])),
        ("run x.py --help", script("x.py", &["--help"])),
        ("run x.py -h --version", script("x.py", &["-h", "--version"])),
        ("run x.py -m y", script("x.py", &["-m", "y"])),
        ("run x.py run help", script("x.py", &["run", "help"])),
        ("run x.py -- -- y", script("x.py", &["--", "--", "y"])),
        ("run x.py - -", script("x.py", &["-", "-"])),
        ("run -m x --help", module("x", &["--help"])),
        ("run -m x -m y", module("x", &["-m", "y"])),
        ("run -m x -- y", module("x", &["--", "y"])),
    ];
    for (line, expected) in table {
        assert_eq!(program(words(line)), expected, "{line}");
    }
}

#[test]
fn two_dashes_end_the_options_of_the_command() {
    assert_eq!(program(words("run -- -x.py -y")), script("-x.py", &["-y"]));
    assert_eq!(program(words("run -m -- x -y")), module("x", &["-y"]));
}

#[test]
fn words_are_handed_on_as_they_are_empty_or_not_even_text() {
    let bytes = OsString::from_vec(b"caf\xe9.py".to_vec());
    let line = ["run".into(), bytes.clone(), OsString::new(), bytes.clone()];
    let expected = Program {
        target: Target::Script(bytes.clone()),
        args: vec![OsString::new(), bytes],
        is_verbose: false,
        recorded: None,
        schedule: Schedule::default(),
    };
    assert_eq!(program(line), expected);
}

#[test]
fn help_teaches_by_example() {
    assert_snapshot!(told("--help"), @"
    asyncio's event loop, written in Rust: run your programs on it, unchanged

    Usage: cafeloop <COMMAND>

    Commands:
      run      Run a Python program on cafeloop's event loop
      flow     Show what a program does while it waits
      explore  Run a program in many orders, and show the first that fails
      diff     Compare two recordings of a program: what got shorter
      cafe     Serve coffee, to see what an event loop is for
      help     Print this message or the help of the given subcommand(s)

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Examples:
      cafeloop run server.py --port 80       what `python server.py --port 80` does
      cafeloop run -m pytest tests           what `python -m pytest tests` does
      cafeloop flow cafe.py                  draws what cafe.py does while it waits
      cafeloop explore cafe.py               looks for an order in which it fails
      cafeloop cafe async                    serves coffee while coffee brews
      python3.13 -m cafeloop run server.py   the same command, of a certain Python
    ");
    assert_eq!(told("-h"), told("--help"));
    assert_eq!(told("help"), told("--help"));
}

#[test]
fn run_tells_what_it_changes_and_what_it_does_not() {
    assert_snapshot!(told("run --help"), @"
    Run a Python program on cafeloop's event loop

    Runs SCRIPT as `python SCRIPT` would: same arguments, standard streams, exit
    code and traceback.  One thing differs: the event loops that `asyncio.run`,
    `asyncio.Runner` and `asyncio.new_event_loop` make in it are cafeloop's.
    Processes that it starts are left alone.

    Options of cafeloop stand before SCRIPT; whatever follows is the program's own,
    also what looks like an option.

    Usage: cafeloop run [OPTIONS] <SCRIPT> [ARGS]...
           cafeloop run [OPTIONS] -m <MODULE> [ARGS]...

    Arguments:
      <SCRIPT> [ARGS]...
              A Python file, or a directory or zip archive with a __main__.py in it;
              then the program's arguments

    Options:
      -m
              Run the module MODULE as `python -m MODULE` would, instead of a script

      -v, --verbose
              At the end, say on stderr which event loops the program made

          --flow[=<FILE>]
              Record what the program does, into FILE or else into a file named
              after it

          --no-args
              Don't record the values of arguments

          --clock <CLOCK>
              What time its event loops go by: real; virtual, in which waiting takes
              none; or patched, which is virtual for the module `time` as well

          --seed <N>
              Run what is ready at the same time in the order that the number N
              chooses

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      cafeloop run server.py --help          the help of server.py, not this one
      cafeloop run -m asyncio                asyncio's own interactive prompt
      cafeloop run app.pyz                   an archive that `python -m zipapp` made
      cafeloop run --flow server.py          records what it does, into server.flow
      cafeloop flow server.flow              draws that
      cafeloop run --clock virtual retry.py  waits of hours take no time

    Exit code: the program's own; 2, and one line on stderr, if it can't be started.
    ");
    assert_eq!(told("help run"), told("run --help"));
}

#[test]
fn run_also_has_a_short_help() {
    assert_snapshot!(told("run -h"), @"
    Run a Python program on cafeloop's event loop

    Usage: cafeloop run [OPTIONS] <SCRIPT> [ARGS]...
           cafeloop run [OPTIONS] -m <MODULE> [ARGS]...

    Arguments:
      <SCRIPT> [ARGS]...  A Python file, or a directory or zip archive with a
                          __main__.py in it; then the program's arguments

    Options:
      -m                   Run the module MODULE as `python -m MODULE` would,
                           instead of a script
      -v, --verbose        At the end, say on stderr which event loops the program
                           made
          --flow[=<FILE>]  Record what the program does, into FILE or else into a
                           file named after it
          --no-args        Don't record the values of arguments
          --clock <CLOCK>  What time its event loops go by: real; virtual, in which
                           waiting takes none; or patched, which is virtual for the
                           module `time` as well
          --seed <N>       Run what is ready at the same time in the order that the
                           number N chooses
      -h, --help           Print help (see more with '--help')
    ");
}

#[test]
fn version_tells_all_three() {
    assert_snapshot!(told("--version"), @"cafeloop 0.1.0 (Rust 1.95.0, Python 3.13.0)");
    assert_eq!(told("-V"), told("--version"));
}

#[test]
fn a_line_without_a_command_is_a_mistake_that_help_answers() {
    assert_eq!(complaint(""), told("--help"));
}

#[test]
fn an_unknown_command_is_a_mistake() {
    assert_snapshot!(complaint("rnu cafe.py"), @"
    error: unrecognized subcommand 'rnu'

    Usage: cafeloop <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn a_script_in_place_of_a_command_is_answered_with_what_was_meant() {
    assert_snapshot!(complaint("cafe.py latte"), @"
    error: unrecognized subcommand 'cafe.py'

      tip: to run a program, use 'cafeloop run cafe.py'

    Usage: cafeloop <COMMAND>

    For more information, try '--help'.
    ");
}

#[test]
fn a_run_of_nothing_is_a_mistake() {
    assert_snapshot!(complaint("run"), @"
    error: the following required arguments were not provided:
      <SCRIPT> [ARGS]...

    Usage: cafeloop run [OPTIONS] <SCRIPT> [ARGS]...
           cafeloop run [OPTIONS] -m <MODULE> [ARGS]...

    For more information, try '--help'.
    ");
    assert_eq!(complaint("run -m"), complaint("run"));
}

#[test]
fn an_unknown_option_is_not_taken_for_a_script() {
    assert_snapshot!(complaint("run --blend cafe.py"), @"
    error: unexpected argument '--blend' found

      tip: to pass '--blend' as a value, use '-- --blend'

    Usage: cafeloop run [OPTIONS] <SCRIPT> [ARGS]...
           cafeloop run [OPTIONS] -m <MODULE> [ARGS]...

    For more information, try '--help'.
    ");
}

/// A stream that fails in one way, always.
struct Failing(io::ErrorKind);

impl Write for Failing {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Err(self.0.into())
    }
}

#[test]
fn a_reader_that_has_left_is_no_failure() {
    let mut gone = Failing(io::ErrorKind::BrokenPipe);
    let mut err = Vec::new();
    assert_eq!(parse(words("--help"), VERSIONS, &mut gone, &mut err), Command::Done(0));
    assert!(err.is_empty());
    assert_eq!(parse(words("rnu"), VERSIONS, &mut Vec::new(), &mut gone), Command::Done(2));
}

#[test]
fn a_full_disk_is_named_on_the_other_stream() {
    let mut full = Failing(io::ErrorKind::StorageFull);
    let mut err = Vec::new();
    assert_eq!(parse(words("--version"), VERSIONS, &mut full, &mut err), Command::Done(2));
    let text = String::from_utf8(err).expect("complaints are text");
    assert_snapshot!(text, @"cafeloop: can't write to stdout: no storage space");
}
