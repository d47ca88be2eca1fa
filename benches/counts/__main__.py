"""Counts instructions per operation of cafeloop, and compares them with the stored figures.

It is `make bench-counts`.  Figures depend on the interpreter's build and on the compiler: where the
stored ones were made with others, the commit that stored them is built and counted here, and the
comparison is with that.
"""

import argparse
import fnmatch
import sys
from collections.abc import Sequence
from pathlib import Path

import cafeloop

from . import base, callgrind, figures, verdict
from .base import BaseError
from .build import differences, this_build
from .callgrind import CountError
from .figures import Figures, FiguresError
from .rows import ROWS, Row

# As in sysexits.h, and in .ci/forky.
EXIT_UNAVAILABLE = 69

# The folder that the package under test is imported from.
PACKAGE = Path(cafeloop.__file__).parent.parent

UPDATE = "make bench-counts UPDATE='reason'"


def main() -> int:
    options = parse(sys.argv[1:])
    path = figures.stored_at()
    try:
        stored = figures.read(path) if path.exists() else None
        require_release()
        callgrind.require()
        if options.update:
            return update(path, stored, options.update)
        return judge(path, stored, options.rows)
    except callgrind.UnavailableError as error:
        print(f"bench-counts: {error}", file=sys.stderr)
        return EXIT_UNAVAILABLE
    except (FiguresError, CountError, BaseError) as error:
        print(f"bench-counts: {error}", file=sys.stderr)
        return 1


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benches.counts", description=__doc__)
    parser.add_argument("patterns", nargs="*", metavar="ROW", help="a name or pattern; all if none")
    parser.add_argument(
        "--update", metavar="REASON", type=reason, help="store the figures that moved, and why"
    )
    options = parser.parse_args(arguments)
    if options.update and options.patterns:
        parser.error(f"--update counts all rows: leave out {' '.join(options.patterns)}")
    for pattern in options.patterns:
        if not fnmatch.filter([row.name for row in ROWS], pattern):
            names = ", ".join(row.name for row in ROWS)
            parser.error(f"no row matches {pattern!r}; there are {names}")
    patterns = options.patterns or ["*"]
    options.rows = [
        row for row in ROWS if any(fnmatch.fnmatchcase(row.name, pattern) for pattern in patterns)
    ]
    return options


def require_release() -> None:
    profile = cafeloop.build_info()["profile"]
    if profile != "release":
        raise CountError(f"cafeloop was built as {profile}, whose figures mean nothing: run `make release`")


def reason(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise argparse.ArgumentTypeError("a reason is a line of text")
    return text.strip()


def count(
    rows: list[Row], package: Path, what: str, layouts: Sequence[int] = callgrind.LAYOUTS
) -> dict[str, int]:
    """Instructions per operation, by the name of the row: the least of these layouts."""
    runs = []
    for layout in layouts:
        print(f"counting {len(rows)} rows of {what}, layout {layout}", file=sys.stderr)
        runs.append(callgrind.count(rows, package, layout, Progress(len(rows))))
    return {row.name: min(run[row.name] for run in runs) for row in rows}


class Progress:
    """Tells a person at a terminal how far it is."""

    def __init__(self, rows: int) -> None:
        self.left = rows

    def __call__(self, name: str) -> None:
        self.left -= 1
        if sys.stderr.isatty():
            text = f"{self.left} to go: {name} was counted" if self.left else ""
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)


def update(path: Path, stored: Figures | None, why: str) -> int:
    counted = count(ROWS, PACKAGE, "this tree")
    new = verdict.updated(stored, this_build(), counted, why)
    before = verdict.instructions(stored) if stored else {}
    print(verdict.table(verdict.compare(before, counted), "stored"))
    if new == stored:
        print(f"nothing to write: no row moved by more than {verdict.LIMIT_PERCENT} %")
    else:
        figures.write(path, new)
        print(f"wrote {path.name}")
    return 0


def judge(path: Path, stored: Figures | None, rows: list[Row]) -> int:
    first, *others = callgrind.LAYOUTS
    counted = count(rows, PACKAGE, "this tree", [first])
    before, column = stored_or_base(path, stored, rows)
    moved = {row.name for row in verdict.compare(before, counted) if row.verdict.has_moved}
    if moved:
        suspects = [row for row in rows if row.name in moved]
        for name, figure in count(suspects, PACKAGE, "this tree, which moved", others).items():
            counted[name] = min(counted[name], figure)
    comparisons = verdict.compare(before, counted)
    print(verdict.table(comparisons, column))
    print(verdict.last_line(comparisons, UPDATE))
    return int(any(row.verdict.fails for row in comparisons))


def stored_or_base(
    path: Path, stored: Figures | None, rows: list[Row]
) -> tuple[dict[str, int], str]:
    """What to compare with, and what to call it."""
    if stored is None:
        print(f"there's no {path.name} to compare with")
        return {}, "stored"
    different = differences(stored.build, this_build())
    if not different:
        chosen = {row.name for row in rows}
        # Of all rows, those that are gone are told too.
        is_whole = chosen == {row.name for row in ROWS}
        return {
            name: figure
            for name, figure in verdict.instructions(stored).items()
            if is_whole or name in chosen
        }, "stored"
    print(f"what {path.name} was made with differs from what is here:")
    print("\n".join(f"    {line}" for line in different), flush=True)
    commit = base.commit_of(path)
    short = commit[:9]
    print(f"building {short} to compare with, which stored it: minutes", file=sys.stderr)
    return count(rows, base.build(callgrind.ROOT, commit), short), short


if __name__ == "__main__":
    sys.exit(main())
