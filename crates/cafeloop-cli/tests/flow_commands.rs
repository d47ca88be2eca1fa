//! What the commands that draw ask for, and what they tell.

mod common;

use std::ffi::OsString;
use std::path::PathBuf;

use cafeloop_cli::{Command, Comparison, Drawing, Flow, Pictures, Recorded, Target, parse};
use common::{VERSIONS, complaint, program, told, words};
use insta::assert_snapshot;

/// What a line asks for, without a word about it.
fn asked(line: &str) -> Command {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let command = parse(words(line), VERSIONS, &mut out, &mut err);
    assert_eq!((out, err), (Vec::new(), Vec::new()), "{line}");
    command
}

fn flow(line: &str) -> Flow {
    match asked(line) {
        Command::Flow(flow) => flow,
        other => panic!("{line} asks for {other:?}"),
    }
}

fn drawing(line: &str) -> Drawing {
    match asked(line) {
        Command::Draw(drawing) => drawing,
        other => panic!("{line} asks for {other:?}"),
    }
}

fn svg(file: &str) -> Pictures {
    Pictures { svg: Some(PathBuf::from(file)), ..Pictures::default() }
}

#[test]
fn a_program_to_be_drawn_has_its_own_arguments() {
    let Flow { program, pictures } = flow("flow --svg x.svg cafe.py latte --svg y.svg -m");
    assert_eq!(program.target, Target::Script("cafe.py".into()));
    assert_eq!(program.args, ["latte", "--svg", "y.svg", "-m"]);
    assert_eq!(pictures, svg("x.svg"));
    assert_eq!(program.recorded, Some(Recorded { file: None, shows_arguments: true }));
}

#[test]
fn a_module_can_be_drawn_whatever_its_name() {
    let Flow { program, .. } = flow("flow --no-args -m pkg.flow a.flow");
    assert_eq!(program.target, Target::Module("pkg.flow".into()));
    assert_eq!(program.args, ["a.flow"]);
    assert_eq!(program.recorded, Some(Recorded { file: None, shows_arguments: false }));
}

#[test]
fn a_recordings_options_stand_before_or_behind_it() {
    for line in ["flow --svg x.svg a.flow", "flow a.flow --svg x.svg", "flow a.flow --svg=x.svg"] {
        let expected = Drawing { recordings: vec!["a.flow".into()], pictures: svg("x.svg") };
        assert_eq!(drawing(line), expected, "{line}");
    }
    assert_eq!(drawing("flow a.flow").pictures, Pictures::default());
}

#[test]
fn a_run_is_recorded_into_the_file_that_is_named_or_one_named_after_it() {
    assert_eq!(program(words("run cafe.py")).recorded, None);
    let recorded = |file: Option<&str>, shows_arguments| {
        Some(Recorded { file: file.map(PathBuf::from), shows_arguments })
    };
    let table = [
        ("run --flow cafe.py", recorded(None, true)),
        ("run --flow=x.flow cafe.py", recorded(Some("x.flow"), true)),
        ("run --flow --no-args cafe.py", recorded(None, false)),
    ];
    for (line, expected) in table {
        let program = program(words(line));
        assert_eq!(program.recorded, expected, "{line}");
        assert_eq!(program.target, Target::Script("cafe.py".into()), "{line}");
    }
}

#[test]
fn two_recordings_are_compared_in_order() {
    let expected = Comparison { before: "a.flow".into(), after: "b.flow".into() };
    assert_eq!(asked("diff a.flow b.flow"), Command::Diff(expected));
}

#[test]
fn names_of_recordings_need_not_be_text() {
    use std::os::unix::ffi::OsStringExt as _;

    let name = OsString::from_vec(b"caf\xe9.flow".to_vec());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let command = parse(["flow".into(), name.clone()], VERSIONS, &mut out, &mut err);
    let expected = Drawing { recordings: vec![name.into()], pictures: Pictures::default() };
    assert_eq!(command, Command::Draw(expected));
}

#[test]
fn flow_tells_what_it_draws_and_where() {
    assert_snapshot!(told("flow --help"), @"
    Show what a program does while it waits

    Runs SCRIPT as `cafeloop run SCRIPT` would, records what its tasks and threads
    did, and draws that when it has ended, in whatever way: with an error, by Ctrl-C
    or killed.  Programs without asyncio are drawn too, with the lines where they
    waited. Processes that it forks, or starts by multiprocessing, have their own
    pictures.

    The picture is drawn on stdout, after what the program has printed there, unless
    it goes to files.  A name that ends in .flow is a recording, made by this
    command, by `cafeloop run --flow` or by `cafeloop.record()`, and is drawn.

    Usage: cafeloop flow [OPTIONS] <SCRIPT> [ARGS]...
           cafeloop flow [OPTIONS] -m <MODULE> [ARGS]...
           cafeloop flow [OPTIONS] <FILE.flow>

    Arguments:
      <SCRIPT> [ARGS]...
              A Python file, or a directory or zip archive with a __main__.py in it,
              then the program's arguments; or a recording, FILE.flow

    Options:
      -m
              Run the module MODULE as `python -m MODULE` would, instead of a script

          --no-args
              Don't show the values of arguments in the names of tasks

          --clock <CLOCK>
              What time its event loops go by: real; virtual, in which waiting takes
              none; or patched, which is virtual for the module `time` as well

          --seed <N>
              Run what is ready at the same time in the order that the number N
              chooses

          --html <FILE>
              Write a page to look at in a browser, in one file

          --svg <FILE>
              Write a picture for documents

          --perfetto <FILE>
              Write a trace for ui.perfetto.dev, and for Chrome's own viewer

          --json <FILE>
              Write everything for other programs

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      cafeloop flow cafe.py                   draw a run of cafe.py
      cafeloop flow --html cafe.html cafe.py  a page to zoom, search and click in
      cafeloop run --flow cafe.py             record now, into cafe.flow
      cafeloop flow cafe.flow                 and draw later
      cafeloop flow cafe.flow --svg cafe.svg  or in another form

    Options stand before SCRIPT; whatever follows is the program's own.  They may
    stand behind FILE.flow, too.

    Exit code: the program's own; 2, and one line on stderr, if it can't be started,
    or if the picture can't be drawn.
    ");
}

#[test]
fn diff_tells_what_it_compares() {
    assert_snapshot!(told("diff --help"), @"
    Compare two recordings of a program: what got shorter

    Both are read, and shown side by side: how long each took, where the waiting
    was, and what the second one gained.

    Usage: cafeloop diff <BEFORE> <AFTER>

    Arguments:
      <BEFORE>
              The recording from before

      <AFTER>
              The recording from after

    Options:
      -h, --help
              Print help (see a summary with '-h')

    Examples:
      cafeloop run --flow=before.flow cafe.py
      cafeloop run --flow=after.flow cafe.py
      cafeloop diff before.flow after.flow

    Exit code: 0; 2, and one line on stderr, if one of them can't be read.
    ");
}

#[test]
fn a_flow_of_nothing_is_a_mistake() {
    assert_snapshot!(complaint("flow"), @"
    error: the following required arguments were not provided:
      <SCRIPT> [ARGS]...

    Usage: cafeloop flow [OPTIONS] <SCRIPT> [ARGS]...
           cafeloop flow [OPTIONS] -m <MODULE> [ARGS]...
           cafeloop flow [OPTIONS] <FILE.flow>

    For more information, try '--help'.
    ");
}

#[test]
fn a_recording_takes_no_arguments() {
    assert_snapshot!(complaint("flow a.flow latte"), @"
    error: unexpected argument 'latte' found

    Usage: cafeloop flow [OPTIONS] <SCRIPT> [ARGS]...
           cafeloop flow [OPTIONS] -m <MODULE> [ARGS]...
           cafeloop flow [OPTIONS] <FILE.flow>

    For more information, try '--help'.
    ");
}

#[test]
fn one_recording_can_not_be_compared() {
    assert_snapshot!(complaint("diff a.flow"), @"
    error: the following required arguments were not provided:
      <AFTER>

    Usage: cafeloop diff <BEFORE> <AFTER>

    For more information, try '--help'.
    ");
}
