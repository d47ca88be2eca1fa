"""Stored and counted figures, compared."""

import enum
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from .build import Build
from .figures import Figure, Figures

# More change than this, in hundredths, is one that somebody must answer for: ten times what
# repeated runs differ by.
LIMIT_PERCENT = 3


class Verdict(enum.Enum):
    SAME = ""
    GREW = "grew"
    SHRANK = "shrank"
    #: Nothing is stored.
    NEW = "new"
    #: Something is stored, of a row that there isn't.
    GONE = "gone"

    @property
    def has_moved(self) -> bool:
        return self in (Verdict.GREW, Verdict.SHRANK)

    @property
    def fails(self) -> bool:
        return self in (Verdict.GREW, Verdict.NEW, Verdict.GONE)


@dataclass(frozen=True)
class Comparison:
    name: str
    before: int | None
    counted: int | None

    @property
    def percent(self) -> float | None:
        if self.before is None or self.counted is None:
            return None
        return 100 * (self.counted - self.before) / self.before

    @property
    def verdict(self) -> Verdict:
        if self.percent is None:
            return Verdict.NEW if self.before is None else Verdict.GONE
        if self.percent > LIMIT_PERCENT:
            return Verdict.GREW
        if self.percent < -LIMIT_PERCENT:
            return Verdict.SHRANK
        return Verdict.SAME


def instructions(figures: Figures) -> dict[str, int]:
    return {name: figure.instructions for name, figure in figures.rows.items()}


def compare(before: Mapping[str, int], counted: Mapping[str, int]) -> list[Comparison]:
    """Each row that is stored or was counted: in their order, then those that are gone."""
    names = dict.fromkeys([*counted, *before])
    return [Comparison(name, before.get(name), counted.get(name)) for name in names]


def table(comparisons: list[Comparison], before: str) -> str:
    """The comparisons for a reader; `before` says what stands in the first column."""
    lines = [f"{'instructions per operation':26} {before:>10} {'counted':>10} {'change':>9}"]
    for row in comparisons:
        change = "" if row.percent is None else f"{row.percent:+.1f} %"
        line = f"{row.name:26} {shown(row.before)} {shown(row.counted)} {change:>9}"
        lines.append(f"{line}  {row.verdict.value}".rstrip())
    return "\n".join(lines)


def shown(figure: int | None) -> str:
    return f"{'-' if figure is None else figure:>10}"


def last_line(comparisons: list[Comparison], update: str) -> str:
    """What came of it, and what to do; `update` is the command that stores figures."""
    words = {
        Verdict.GREW: f"grew by more than {LIMIT_PERCENT} %",
        Verdict.SHRANK: f"shrank by more than {LIMIT_PERCENT} %",
        Verdict.NEW: "without a stored figure",
        Verdict.GONE: "stored but gone",
    }
    counts = Counter(comparison.verdict for comparison in comparisons)
    moved = [f"{counts[verdict]} {word}" for verdict, word in words.items() if counts[verdict]]
    if not moved:
        return f"{len(comparisons)} rows, none moved by more than {LIMIT_PERCENT} %"
    return f"{len(comparisons)} rows, {', '.join(moved)}; where that is meant: {update}"


def updated(stored: Figures | None, build: Build, counted: Mapping[str, int], reason: str) -> Figures:
    """The figures to store.

    What stayed within the limit keeps its figure, lest small growths add up unseen; figures of
    another build are all replaced.
    """
    rows = {name: Figure(figure, reason) for name, figure in counted.items()}
    if stored and stored.build == build:
        for comparison in compare(instructions(stored), counted):
            if comparison.verdict is Verdict.SAME:
                rows[comparison.name] = stored.rows[comparison.name]
    return Figures(build, rows)
