"""The order of measurements: every row on every loop in every round, and no two runs alike.

What changes on a machine while it measures, its temperature or its neighbours, then falls on all
loops alike.  A round is complete before the next begins, so that a run that's cut short is a
comparison of fewer rounds.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random

from .catalogue import Entry
from .loops import LIMIT, Loop


@dataclass(frozen=True)
class Turn:
    """One measurement that is to be made."""

    round: int
    entry: Entry
    #: None for the program that is the row's limit.
    loop: Loop | None

    @property
    def loop_name(self) -> str:
        return LIMIT if self.loop is None else self.loop.name

    @property
    def pair(self) -> tuple[str, str]:
        return self.entry.row.name, self.loop_name


def plan(
    entries: Sequence[Entry], loops: Sequence[Loop], *, limit: bool, rounds: int, seed: int
) -> list[Turn]:
    """All measurements, in the order in which they're made."""
    random = Random(seed)
    turns: list[Turn] = []
    for number in range(1, rounds + 1):
        in_round = [
            Turn(number, entry, loop)
            for entry in entries
            if number <= entry.row.most_rounds
            for loop in _contestants(entry, loops, limit)
        ]
        random.shuffle(in_round)
        turns += in_round
    return turns


def _contestants(entry: Entry, loops: Sequence[Loop], limit: bool) -> Iterator[Loop | None]:
    yield from loops
    if limit and entry.has_limit():
        yield None
