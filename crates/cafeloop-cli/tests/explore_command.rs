//! What `cafeloop explore` asks for, and what it tells.

mod common;

use std::time::Duration;

use cafeloop_cli::{Clock, Command, Exploration, Schedule, Target, parse};
use common::{VERSIONS, complaint, told, words};
use insta::assert_snapshot;

fn exploration(line: &str) -> Exploration {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let command = parse(words(line), VERSIONS, &mut out, &mut err);
    assert_eq!((out, err), (Vec::new(), Vec::new()), "{line}");
    match command {
        Command::Explore(exploration) => exploration,
        other => panic!("{line} asks for {other:?}"),
    }
}

#[test]
fn a_hundred_seeds_are_tried_in_virtual_time() {
    let Exploration { program, seeds, timeout } = exploration("explore cafe.py");
    assert_eq!(program.target, Target::Script("cafe.py".into()));
    assert_eq!(program.schedule, Schedule { clock: Some(Clock::Virtual), seed: None });
    assert_eq!(seeds, 0..=99);
    assert_eq!(timeout, Duration::from_secs(60));
}

#[test]
fn options_stand_before_the_program_and_what_follows_is_its_own() {
    let line = "explore --seeds 7 --from=100 --clock real --timeout 5 -m cafe --seeds 3 -m";
    let Exploration { program, seeds, timeout } = exploration(line);
    assert_eq!(program.target, Target::Module("cafe".into()));
    assert_eq!(program.args, ["--seeds", "3", "-m"]);
    assert_eq!(program.schedule.clock, Some(Clock::Real));
    assert_eq!(seeds, 100..=106);
    assert_eq!(timeout, Duration::from_secs(5));
}

#[test]
fn the_last_seed_of_all_can_be_tried() {
    let line = format!("explore --from {} --seeds 1 cafe.py", u64::MAX);
    assert_eq!(exploration(&line).seeds, u64::MAX..=u64::MAX);
}

#[test]
fn numbers_that_make_no_sense_are_mistakes() {
    let first = |options: &str| {
        let text = complaint(&format!("explore {options} cafe.py"));
        text.lines().next().expect("a complaint has a line").to_owned()
    };
    assert_snapshot!(first("--seeds 0"), @"error: invalid value '0' for '--seeds <N>': 0 is not in 1..18446744073709551615");
    assert_snapshot!(first("--seeds -1"), @"error: invalid value '-1' for '--seeds <N>': invalid digit found in string");
    assert_snapshot!(first("--from -1"), @"error: invalid value '-1' for '--from <N>': invalid digit found in string");
    assert_snapshot!(first("--timeout 0"), @"error: invalid value '0' for '--timeout <SECONDS>': 0 is not in 1..=31536000");
    assert_snapshot!(first("--clock sundial"), @"error: invalid value 'sundial' for '--clock <CLOCK>'");
    assert_snapshot!(first("--from 18446744073709551615 --seeds 2"), @"error: 2 seeds can't begin with 18446744073709551615: 18446744073709551615 is the last");
}

#[test]
fn its_help_tells_what_it_does() {
    assert_snapshot!(told("explore --help"), @"
    Run a program in many orders, and show the first that fails

    Runs SCRIPT as `cafeloop run --seed N SCRIPT` would, once for each seed and
    several at once, without input, until one fails: with an exit code other than 0,
    by a signal, or because it doesn't end.  Then it says which seed and what the
    program said on stderr, runs that order again, and shows its flow beside that of
    a seed that passed.

    What is ready at the same time runs in the order that the seed chooses; what
    asyncio promises holds.

    Usage: cafeloop explore [OPTIONS] <SCRIPT> [ARGS]...
           cafeloop explore [OPTIONS] -m <MODULE> [ARGS]...

    Arguments:
      <SCRIPT> [ARGS]...
              A Python file, or a directory or zip archive with a __main__.py in it;
              then the program's arguments

    Options:
      -m
              Run the module MODULE as `python -m MODULE` would, instead of a script

          --seeds <N>
              How many seeds to try, 100 if not given

          --from <N>
              The first of them, 0 if not given

          --clock <CLOCK>
              What time its event loops go by: virtual if not given, in which
              waiting takes none; patched, which is virtual for the module `time` as
              well; or real

          --timeout <SECONDS>
              How many seconds of real time a run may take, 60 if not given

      -h, --help
              Print help (see a summary with '-h')

    Examples:
      cafeloop explore cafe.py               a hundred orders, in virtual time
      cafeloop explore --from 100 cafe.py    the next hundred
      cafeloop explore -m pytest -x tests    fails with the tests

    Options stand before SCRIPT; whatever follows is the program's own.

    Exit code: 0 if the program passed in all orders, 1 if it failed in one; 2, and
    one line on stderr, if it can't be started; 130 after Ctrl-C.
    ");
}
