"""How far a run has got, and how long it will take: one line on a terminal, a few in a log."""

import time
from collections.abc import Callable, Sequence
from typing import TextIO

from .outcome import Answer, Outcome
from .plan import Turn

ERASE_LINE = "\r\x1b[K"
# In a log, a line for each such share of the measurements.
LOG_SHARE = 0.05


class Progress:
    """Is told of each measurement; estimates what's left by what was measured before."""

    def __init__(
        self,
        turns: Sequence[Turn],
        err: TextIO,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = len(turns)
        self._err = err
        self._clock = clock
        self._on_terminal = err.isatty()
        self._done = 0
        self._next_log = LOG_SHARE
        self._started = clock()
        self._took: dict[tuple[str, str], float] = {}
        # How often each pair is still to be measured.
        self._left: dict[tuple[str, str], int] = {}
        for turn in turns:
            self._left[turn.pair] = self._left.get(turn.pair, 0) + 1

    def begin(self, turn: Turn) -> None:
        self._begun = self._clock()
        if self._on_terminal:
            left = f"[{self._done + 1}/{self._total}] {self.time_left()}"
            text = f"{left}  round {turn.round}: {turn.entry.row.name} on {turn.loop_name}"
            print(f"{ERASE_LINE}{text[:99]}", end="", file=self._err, flush=True)

    def end(self, turn: Turn, answer: Answer) -> None:
        self._took[turn.pair] = self._clock() - self._begun
        self._count(turn)
        if answer.outcome is not Outcome.MEASURED:
            self.clear()
            text = f"{turn.entry.row.name} on {turn.loop_name}: {answer.outcome}"
            print(f"  {text}, {answer.detail}"[:99], file=self._err, flush=True)

    def skip(self, turn: Turn) -> None:
        self._count(turn)

    def _count(self, turn: Turn) -> None:
        self._done += 1
        self._left[turn.pair] -= 1
        if not self._on_terminal and self._done >= self._next_log * self._total:
            self._next_log += LOG_SHARE
            print(f"[{self._done}/{self._total}] {self.time_left()}", file=self._err, flush=True)

    def time_left(self) -> str:
        if not self._took:
            return "starting"
        # A pair that wasn't measured yet takes as long as the others do on average.
        average = sum(self._took.values()) / len(self._took)
        seconds = sum(
            left * self._took.get(pair, average) for pair, left in self._left.items() if left
        )
        return f"{seconds / 60:.0f} min left" if seconds >= 90 else f"{seconds:.0f} s left"

    def clear(self) -> None:
        if self._on_terminal:
            print(ERASE_LINE, end="", file=self._err, flush=True)
