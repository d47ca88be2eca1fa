"""The rows that there are, found in benches/rows, and those that were asked for."""

import importlib
import pkgutil
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import PackageNotFoundError, distribution

from .bad_input import BadInput
from .loops import LIMIT, Loop
from .row import Row, Server

ROWS_PACKAGE = "benches.rows"


@dataclass(frozen=True)
class Entry:
    """A row and where it stands."""

    row: Row
    module: str
    family: str

    def has_limit(self) -> bool:
        return isinstance(self.row, Server) and self.row.limit is not None

    def missing(self) -> str | None:
        """A distribution that the row needs and that isn't installed."""
        for name in self.row.requires:
            try:
                distribution(name)
            except PackageNotFoundError:
                return name
        return None


def find_rows(package: str = ROWS_PACKAGE) -> list[Entry]:
    """All rows, in the order of the package's `FAMILIES`; files that it doesn't name come last."""
    found = importlib.import_module(package)
    order: Sequence[str] = getattr(found, "FAMILIES", ())
    names = sorted(
        (module.name for module in pkgutil.iter_modules(found.__path__)),
        key=lambda name: (order.index(name) if name in order else len(order), name),
    )
    entries = []
    for name in names:
        module = importlib.import_module(f"{package}.{name}")
        family = (module.__doc__ or name).strip().splitlines()[0].rstrip(".")
        entries += [Entry(row, module.__name__, row.family or family) for row in module.ROWS]
    return entries


def choose_rows(entries: Sequence[Entry], patterns: Sequence[str]) -> list[Entry]:
    """Those whose name matches any of the patterns; without patterns, all."""
    names = [entry.row.name for entry in entries]
    for pattern in patterns:
        if not any(fnmatchcase(name, pattern) for name in names):
            raise BadInput(f"no row matches '{pattern}'; the rows are:\n{_listed(names)}")
    return [
        entry
        for entry in entries
        if not patterns or any(fnmatchcase(entry.row.name, pattern) for pattern in patterns)
    ]


def choose_loops(loops: Sequence[Loop], names: Sequence[str]) -> tuple[list[Loop], bool]:
    """Those that are named, or all; and whether the limit is among them."""
    known = [loop.name for loop in loops]
    for name in names:
        if name not in (*known, LIMIT):
            raise BadInput(f"no loop '{name}'; the loops are:\n{_listed([*known, LIMIT])}")
    if not names:
        return list(loops), True
    return [loop for loop in loops if loop.name in names], LIMIT in names


def _listed(names: Sequence[str]) -> str:
    """A hundred names in a dozen lines."""
    return textwrap.fill(
        " ".join(names),
        initial_indent="  ",
        subsequent_indent="  ",
        break_on_hyphens=False,
        break_long_words=False,
    )
