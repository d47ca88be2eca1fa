"""By what time a loop goes: the machine's, or one of its own."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Literal, TypeAlias

from . import _cafeloop


class VirtualClock(_cafeloop.VirtualClock):
    """A time that waits for nobody: when nothing can happen before the next deadline, it is
    that deadline at once.

    `start` is what time it is at first, in seconds.  `loop.time()`, `call_at`, `sleep`,
    `timeout` and all that is built on them go by it; `time.monotonic()` and `time.time()` don't,
    except within `patched()`.

    While a thread works for the loop (`to_thread`, executors), time stands still until that
    has ended.  What the program sends to itself, over sockets and pipes, arrives in no time.
    While something may come in from outside, from a child process or a remote peer, it can't be
    foreseen, and time passes as it really does; with `strict`, the loop then fails with an
    OSError that names the descriptor.  What can't be known: who is about to connect to a
    server, and what threads that the loop doesn't know are about to do.
    """

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Have it go as real time does for a while."""
        pauses = self.pause()
        try:
            yield
        finally:
            if pauses:
                self.resume()

    @contextlib.contextmanager
    def patched(self) -> Iterator[None]:
        """Have `time.monotonic`, `time.time`, `time.perf_counter` and their twins in
        nanoseconds go by it for a while, in the whole process.

        `time.time()` goes on from what it was.  A module that has taken one of these functions
        by its name before (`from time import monotonic`) keeps the real one.  Threads see it too:
        one that asks again and again until some time has passed goes on for ever if the loop
        waits for it meanwhile, as that of a `ProcessPoolExecutor` does.
        """
        ahead = time.time() - self.time()
        seconds: dict[str, Callable[[], float]] = {
            "monotonic": self.time,
            "perf_counter": self.time,
            "time": lambda: self.time() + ahead,
        }
        nanoseconds = {f"{name}_ns": _in_nanoseconds(tell) for name, tell in seconds.items()}
        ours = {**seconds, **nanoseconds}
        before = {name: getattr(time, name) for name in ours}
        for name, tell in ours.items():
            setattr(time, name, tell)
        try:
            yield
        finally:
            for name, tell in before.items():
                setattr(time, name, tell)


#: What `clock=` takes.
Clock: TypeAlias = Literal["real", "virtual"] | VirtualClock


def resolve(clock: Clock | None) -> VirtualClock | None:
    """The virtual clock that is meant; None for the real one."""
    if clock is None or isinstance(clock, VirtualClock):
        return clock
    if clock == "virtual":
        return VirtualClock()
    if clock == "real":
        return None
    raise ValueError(f"clock must be 'real', 'virtual' or a VirtualClock, got {clock!r}")


def _in_nanoseconds(tell: Callable[[], float]) -> Callable[[], int]:
    return lambda: round(tell() * 1e9)
