"""What is said while tests run: failures as they come, and how far it has got.

The counter is for a person at a terminal: it goes to stderr, after a few seconds, and never into
a log.
"""

import time
from collections.abc import Callable, Collection
from typing import TextIO

from .answer import Answer

# Shorter runs end before one would wonder.
PATIENCE_S = 3.0
# Often enough to look alive, seldom enough to cost nothing.
REFRESH_S = 0.2

ERASE_LINE = "\r\x1b[K"


class Progress:
    """Prints what failed and counts what is done."""

    def __init__(
        self,
        total: int,
        out: TextIO,
        err: TextIO,
        *,
        quiet: bool = False,
        verbose: bool = False,
        expected: Collection[str] = (),
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._out = out
        self._err = err
        self._quiet = quiet
        self._verbose = verbose
        self._expected = expected
        self._clock = clock
        self._next = clock() + PATIENCE_S
        self._counting = not quiet and err.isatty()
        self._shown = False
        self._done = 0
        self._failed = 0

    def report(self, name: str, answer: Answer) -> None:
        """A test has ended."""
        self._done += 1
        surprising = answer.bad and name not in self._expected
        self._failed += surprising
        if not self._quiet and (surprising or (answer.bad and self._verbose)):
            self.clear()
            note = " (expected)" if not surprising else ""
            print(
                f"[{self._done}/{self._total}] {answer.outcome.upper():8} {name}  "
                f"({answer.seconds:.1f} s){note}",
                file=self._out,
            )
            if self._verbose:
                print(answer.detail, file=self._out)
            self._out.flush()
        self._count(f"{self._done} of {self._total} tests, {self._failed} failed")

    def retried(self, done: int, total: int) -> None:
        """So many of those that did not pass have had their second chance."""
        self._count(f"{done} of {total} tried again")

    def _count(self, text: str) -> None:
        if self._counting and self._clock() >= self._next:
            self._next = self._clock() + REFRESH_S
            self._shown = True
            print(f"{ERASE_LINE}{text}", end="", file=self._err, flush=True)

    def clear(self) -> None:
        """Take the counter off the screen."""
        if self._shown:
            self._shown = False
            print(ERASE_LINE, end="", file=self._err, flush=True)
