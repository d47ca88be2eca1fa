"""The command line: what may be asked for, and what is refused before anything is measured."""

import argparse
import os
from pathlib import Path
from typing import NoReturn

from .bad_input import BadInput
from .measure import ROOT

DEFAULT_ROUNDS = 5
DEFAULT_SECONDS = 0.3
WARM_UP_S = 0.1
# `--quick`: to see that all rows run, and roughly how.
QUICK_ROUNDS = 2
QUICK_SECONDS = 0.15
QUICK_SCALE = 0.2

DESCRIPTION = """\
Compares event loops on the same work: asyncio, its peers, and cafeloop.

Every measurement runs in a fresh process after a warm-up, in random order; a server has a core of
its own. What is compared is CPU time per operation.
"""

EPILOG = """\
commands:
  python -m benches.compare [OPTIONS]             measure, and show a table
  python -m benches.compare show FILE [OPTIONS]   show the table of a JSON file
  python -m benches.compare page FILE...          write docs/performance.md from JSON files
  python -m benches.compare install [OPTIONS]     install each peer's newest release
each explains itself with --help.

examples:
  python -m benches.compare --rows 'sleep* task-*' --loops 'asyncio uvloop cafeloop'
  python -m benches.compare --quick
  python -m benches.compare --json benches/data/3.13.json

Exit status: 0 the run is complete, whatever the loops did; 2 the command line makes no sense;
130 interrupted, after showing and writing what there is.
"""


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise BadInput(f"{message} (--help explains)")


def parse_run(arguments: list[str]) -> argparse.Namespace:
    options = _run_parser().parse_args(arguments)
    if options.quick:
        options.rounds = options.rounds or QUICK_ROUNDS
        options.seconds = options.seconds or QUICK_SECONDS
        options.scale = options.scale or QUICK_SCALE
    options.rounds = DEFAULT_ROUNDS if options.rounds is None else options.rounds
    options.seconds = DEFAULT_SECONDS if options.seconds is None else options.seconds
    options.scale = 1.0 if options.scale is None else options.scale
    for name in ("rounds", "seconds", "scale"):
        if getattr(options, name) <= 0:
            raise BadInput(f"--{name} {getattr(options, name):g}: wanted more than 0")
    _check_writable("--json", options.json)
    return options


def parse_show(arguments: list[str]) -> argparse.Namespace:
    parser = _parser("show", "Show the table of a run that was written with --json.")
    parser.add_argument("file", type=Path, metavar="FILE")
    _add_details(parser)
    return parser.parse_args(arguments)


def parse_page(arguments: list[str]) -> argparse.Namespace:
    parser = _parser("page", "Write docs/performance.md and its pictures from JSON files.")
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE", help="written with --json")
    parser.add_argument(
        "--docs",
        type=Path,
        default=ROOT / "docs",
        metavar="FOLDER",
        help="where performance.md and performance/ are written (default: docs)",
    )
    return parser.parse_args(arguments)


def parse_install(arguments: list[str]) -> argparse.Namespace:
    parser = _parser("install", "Install each peer's newest release, and what rows need.")
    parser.add_argument(
        "--loops", default="", metavar="NAMES", help="only these, separated by spaces"
    )
    parser.add_argument(
        "--target",
        type=Path,
        metavar="FOLDER",
        help="install there, to be put on PYTHONPATH (default: where this Python's packages are)",
    )
    parser.add_argument(
        "--for",
        dest="version",
        metavar="VERSION",
        help="for this Python instead of the one that runs this, e.g. 3.14; needs --target",
    )
    parser.add_argument(
        "--platform",
        action="append",
        default=[],
        metavar="TAG",
        help="with --for: a platform whose wheels will do, e.g. manylinux_2_39_x86_64 (may be"
        " given again; default: this machine's)",
    )
    options = parser.parse_args(arguments)
    if options.platform and not options.version:
        raise BadInput("--platform: needs --for, as this Python knows its own")
    if options.version and not options.target:
        raise BadInput(f"--for {options.version}: needs --target, as this Python can't use it")
    return options


def _run_parser() -> Parser:
    parser = Parser(
        prog="python -m benches.compare",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--rows",
        default="",
        metavar="PATTERNS",
        help="only rows whose name matches one of these, separated by spaces, e.g. 'echo* sleep-0'",
    )
    add("--loops", default="", metavar="NAMES", help="only these loops, separated by spaces")
    add("--list", action="store_true", help="print the rows and the loops, and stop")
    add("--rounds", type=int, metavar="N", help=f"of all rows (default: {DEFAULT_ROUNDS})")
    add(
        "--seconds",
        type=float,
        help=f"under load, for each measurement of a server (default: {DEFAULT_SECONDS})",
    )
    add(
        "--scale",
        type=float,
        metavar="SHARE",
        help="of the operations of other rows, e.g. 0.1 for a small machine (default: 1)",
    )
    add(
        "--quick",
        action="store_true",
        help=f"{QUICK_ROUNDS} rounds of {QUICK_SECONDS} s and {QUICK_SCALE:g} of the operations",
    )
    add("--seed", type=int, metavar="N", help="for the same order as another run's")
    add("--json", type=Path, metavar="FILE", help="write the raw figures there")
    add(
        "--load",
        type=Path,
        metavar="PROGRAM",
        default=ROOT / "target/release/cafeloop-load",
        help="the load program (default: target/release/cafeloop-load)",
    )
    _add_details(parser)
    return parser


def _parser(name: str, description: str) -> Parser:
    return Parser(prog=f"python -m benches.compare {name}", description=description)


def _add_details(parser: Parser) -> None:
    parser.add_argument(
        "--details",
        action="store_true",
        help="show the 15th percentile, the spread and the throughput of each row too",
    )


def _check_writable(option: str, path: Path | None) -> None:
    # Half an hour of measurements isn't to be lost for want of a folder.
    if path and not os.access(path.absolute().parent, os.W_OK):
        folder = path.absolute().parent
        raise BadInput(f"{option} {path}: can't write in {folder}: make the folder first")
