"""How long something takes, by two clocks."""

from __future__ import annotations

import asyncio
import time


class Stopwatch:
    """How long a block takes: by the clock of the running loop, and by the machine's.

        with cafeloop.Stopwatch() as watch:
            await asyncio.sleep(60)
        assert watch.loop_seconds == 60
        assert watch.real_seconds < 1

    Within the block, both tell the time so far.  `loop_seconds` is in whole nanoseconds, as
    virtual time is: what comes of subtracting floats is gone, but a sleep may take a nanosecond
    more than it was asked for.  Raises RuntimeError if no loop is running.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._began = self._real_began = 0.0
        self._taken: tuple[float, float] | None = None

    def __enter__(self) -> Stopwatch:
        self._loop = asyncio.get_running_loop()
        self._taken = None
        self._began, self._real_began = self._loop.time(), time.perf_counter()
        return self

    def __exit__(self, *raised: object) -> None:
        self._taken = self._now()

    @property
    def loop_seconds(self) -> float:
        """By the loop's clock."""
        return (self._taken or self._now())[0]

    @property
    def real_seconds(self) -> float:
        """By the machine's clock (`time.perf_counter`)."""
        return (self._taken or self._now())[1]

    def _now(self) -> tuple[float, float]:
        if self._loop is None:
            raise RuntimeError("the stopwatch hasn't been started: it is to be used with `with`")
        return (
            round(self._loop.time() - self._began, 9),
            time.perf_counter() - self._real_began,
        )

    def __repr__(self) -> str:
        if self._loop is None:
            return f"<{type(self).__name__}>"
        return f"<{type(self).__name__} {self.loop_seconds:g} s, {self.real_seconds:g} s really>"
