"""What the command line asks for, done: measuring, showing, writing the page, installing."""

import argparse
import contextlib
import datetime
import os
import random
import shlex
import signal
import sys
from collections.abc import Iterator

from . import compare, machine, options, peers
from .bad_input import BadInput
from .catalogue import Entry, choose_loops, choose_rows, find_rows
from .figures import results
from .loops import LIMIT, LOOPS
from .measure import Terms, measure
from .outcome import Answer
from .plan import Turn, plan
from .progress import Progress
from .record import LoopRecord, Record, RowRecord
from .row import Server
from .table import details, table

BAD_INPUT_CODE = 2
# As a shell reports SIGINT.
INTERRUPTED_CODE = 130


def main(arguments: list[str]) -> int:
    """Returns the exit code."""
    commands = {"show": _show, "page": _page, "install": _install}
    try:
        if arguments and arguments[0] in commands:
            code = commands[arguments[0]](arguments[1:])
        else:
            code = _run(options.parse_run(arguments), arguments)
        sys.stdout.flush()
        return code
    except BadInput as error:
        print(f"bench: {error}", file=sys.stderr)
        return BAD_INPUT_CODE
    except BrokenPipeError:
        # Or the interpreter would complain of it once more when it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _run(asked: argparse.Namespace, arguments: list[str]) -> int:
    entries = choose_rows(find_rows(), asked.rows.split())
    loops, limit = choose_loops(LOOPS, asked.loops.split())
    found = peers.look_up(loops)
    if asked.list:
        _list(entries, found)
        return 0
    servers = [entry for entry in entries if isinstance(entry.row, Server)]
    if servers and not os.access(asked.load, os.X_OK):
        raise BadInput(
            f"no load program at {asked.load}, which {len(servers)} rows need:"
            " build it with `cargo build --release -p cafeloop-load`, or leave them out with --rows"
        )
    for loop in found:
        if loop.version is None:
            print(f"{loop.name}: {loop.reason}", file=sys.stderr)
    server_core, load_core = machine.cores()
    terms = Terms(
        *(asked.load.absolute(), asked.seconds, options.WARM_UP_S, asked.scale),
        *(server_core, load_core),
    )
    seed = random.SystemRandom().randrange(1 << 32) if asked.seed is None else asked.seed
    installed = [loop for loop, one in zip(loops, found, strict=True) if one.version is not None]
    turns = plan(entries, installed, limit=limit, rounds=asked.rounds, seed=seed)
    record = Record(
        command=shlex.join(["python", "-m", "benches.compare", *arguments]),
        started=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        seed=seed,
        rounds=asked.rounds,
        terms={"seconds": asked.seconds, "warm_up_s": terms.warm_up_s, "scale": asked.scale},
        machine=machine.describe(),
        versions=_versions(entries),
        load_before=machine.load(),
        loops=found,
        rows=[_row_record(entry) for entry in entries],
    )
    _announce(record, len(turns))
    with _all_ends_as_interrupts():
        compare.run(turns, lambda turn: _measure(turn, terms), record, Progress(turns, sys.stderr))
    # First, as whoever reads the table may close it halfway.
    if asked.json:
        record.write(asked.json)
    _print_table(record, asked.details)
    if asked.json:
        print(f"raw figures: {asked.json}")
    return 0 if record.is_complete else INTERRUPTED_CODE


@contextlib.contextmanager
def _all_ends_as_interrupts() -> Iterator[None]:
    """Lets a closed terminal or a job's time limit leave what there is, as Ctrl-C does."""
    ends = (signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(end, signal.default_int_handler) for end in ends]
    try:
        yield
    finally:
        for end, handler in zip(ends, before, strict=True):
            signal.signal(end, handler)


def _show(arguments: list[str]) -> int:
    asked = options.parse_show(arguments)
    _print_table(Record.read(asked.file), asked.details)
    return 0


def _page(arguments: list[str]) -> int:
    from .page import write_page

    asked = options.parse_page(arguments)
    for path in write_page([(file, Record.read(file)) for file in asked.files], asked.docs):
        print(path)
    return 0


def _install(arguments: list[str]) -> int:
    asked = options.parse_install(arguments)
    loops, _ = choose_loops(LOOPS, asked.loops.split())
    peers.install(loops, asked.target, asked.version, asked.platform)
    return 0


def _measure(turn: Turn, terms: Terms) -> Answer:
    return measure(turn.entry.row, turn.entry.module, turn.loop, terms)


def _row_record(entry: Entry) -> RowRecord:
    row = entry.row
    # Each kind has its own word for what it counts.
    per: str = getattr(row, "per")  # noqa: B009
    return RowRecord(row.name, row.title, entry.family, row.kind, row.unit, per)


def _versions(entries: list[Entry]) -> dict[str, str]:
    needed = sorted({name for entry in entries for name in entry.row.requires})
    return {name: version for name in needed if (version := machine.installed_version(name))}


def _announce(record: Record, measurements: int) -> None:
    loops = ", ".join(f"{loop.name} {loop.version}" for loop in record.loops if loop.version)
    on = record.machine
    print(
        f"{on['python']} on {on['cpu']}, {on['cores']} cores, {on['kernel']};"
        f" load {record.load_before[0]}\n{loops}\n"
        f"{measurements} measurements, seed {record.seed}",
        file=sys.stderr,
    )


def _print_table(record: Record, with_details: bool) -> None:
    found = results(record)
    if with_details:
        print(details(found))
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    print(table(record, found, colour=colour))
    if not record.is_complete:
        print("This run was interrupted: the figures are those of fewer rounds.")


def _list(entries: list[Entry], loops: list[LoopRecord]) -> None:
    width = max(len(entry.row.name) for entry in entries)
    print("rows:")
    for entry in entries:
        print(f"  {entry.row.name:{width}}  {entry.family}: {entry.row.title}")
    print("loops:")
    for loop in loops:
        print(f"  {loop.name:10}{loop.version or loop.reason}")
    print(f"  {LIMIT:10}where a row names a program that does the same without Python")
