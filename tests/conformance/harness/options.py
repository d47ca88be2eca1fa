"""The command line of run.py: what may be asked for, and what is refused before any test runs."""

import argparse
import os
from pathlib import Path
from typing import NoReturn

from .bad_input import BadInput
from .suite import LEVELS

# CPython's slowest test (B.test_ssl.TestSSL.test_create_connection_ssl_1) takes 9 s on two cores
# that are busy with builds; the rest is for machines that are slower still.
LIMIT_S = 40.0

DESCRIPTION = """\
Run CPython's own asyncio tests on an event loop, one forked process each.

The tests are those of the Python that runs this. They come in three levels:
  A  the mixins that CPython wrote to be given a loop: the contract of an event loop
  B  the rest of test_asyncio, where the default policy makes this loop
  C  coroutine tests elsewhere in the standard library
"""

EPILOG = """\
examples:
  run.py --loop cafeloop:new_event_loop --expect expected_failures.txt
  run.py --loop cafeloop:new_event_loop --level A --only '*pipe*' -v
  run.py --loop asyncio:SelectorEventLoop --list

A test that does not pass is run again in a fresh interpreter; if it passes there it counts as
passed, and is named as flaky. Tests that never make a loop, and those in exclusions.txt, are in no
score.

The last line is 'N passed, N failed, N skipped'. Exit status: 0 nothing failed, 1 something did,
2 the command line makes no sense, 130 interrupted.
"""


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message} (--help explains)")


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line; raise BadInput on what makes no sense."""
    options = _parser().parse_args(arguments)
    options.level = options.level.upper()
    if not options.level or set(options.level) - set(LEVELS):
        raise BadInput(f"--level {options.level!r}: wanted some of the letters {LEVELS}")
    if options.jobs < 1:
        raise BadInput(f"--jobs {options.jobs}: wanted at least one")
    if options.timeout <= 0:
        raise BadInput(f"--timeout {options.timeout:g}: wanted seconds above zero")
    # Minutes of tests are not to be lost for want of a folder.
    if options.json and not os.access(options.json.absolute().parent, os.W_OK):
        raise BadInput(
            f"--json {options.json}: cannot write in "
            f"{options.json.absolute().parent}: make the folder first"
        )
    if options.learn:
        _check_learning(options)
    return options


def _check_learning(options: argparse.Namespace) -> None:
    if not options.loop.startswith("asyncio:"):
        raise BadInput(
            f"--learn with --loop {options.loop}: only CPython's own loop, "
            "asyncio:SelectorEventLoop, can tell which tests make no loop"
        )
    if options.only or set(options.level) != set(LEVELS):
        raise BadInput("--learn is about the whole suite: leave out --only and --level")


def _parser() -> Parser:
    parser = Parser(
        prog="run.py",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--loop",
        required=True,
        metavar="MODULE:FACTORY",
        help="what to call for a new loop, e.g. cafeloop:new_event_loop",
    )
    add("--level", default=LEVELS, metavar=LEVELS, help="the levels to run (default: all of them)")
    add(
        "--only",
        action="append",
        metavar="PATTERN",
        default=[],
        help="only the tests whose id matches this fnmatch pattern; may be repeated",
    )
    add(
        "--expect",
        type=Path,
        metavar="FILE",
        help="the failures that are expected, strictly: one of them that passes is a failure too",
    )
    add("--json", type=Path, metavar="OUT", help="write every answer to OUT, for results.py")
    add("--list", action="store_true", help="print the ids of the tests, and stop")
    add(
        "--learn",
        action="store_true",
        help="write untouched/VERSION.txt, the tests that make no loop; once per Python, with "
        "--loop asyncio:SelectorEventLoop",
    )
    add(
        "--jobs",
        type=int,
        default=os.cpu_count() or 1,
        metavar="N",
        help="tests at a time (default: one per core, here %(default)s)",
    )
    add(
        "--timeout",
        type=float,
        default=LIMIT_S,
        metavar="SECONDS",
        help="a test that takes longer is hung (default: %(default)g)",
    )
    add(
        "--no-retry",
        action="store_true",
        help="do not run what failed again in a fresh interpreter",
    )
    add("--no-exclusions", action="store_true", help="run the excluded tests too")
    add("--network", action="store_true", help="let tests use the internet")
    add(
        "-v",
        "--verbose",
        action="store_true",
        help="print the tracebacks, and the expected failures as they come",
    )
    add("--quiet", action="store_true", help="print nothing but the last line")
    return parser
