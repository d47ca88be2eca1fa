"""By what time a loop goes: the machine's, or one of its own."""

from __future__ import annotations

import _thread
import time

from . import _cafeloop

# The typing module's, which is too slow to load for a name that is false.  What is loaded here,
# `cafeloop run --clock patched` loads before the program may have a module of that name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeAlias

    #: What `clock=` takes.
    Clock: TypeAlias = Literal["real", "virtual"] | "VirtualClock"


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

    def paused(self) -> _Paused:
        """Have it go as real time does for a while."""
        return _Paused(self)

    def patched(self) -> _Patched:
        """Have `time.monotonic`, `time.time`, `time.perf_counter` and their twins in
        nanoseconds go by it for a while, in the whole process, and `time.sleep` move it on, in
        the thread that asks for this.

        `time.time()` goes on from what it was.  A module that has taken one of these functions
        by its name before (`from time import monotonic`) keeps the real one.  Threads see it too:
        one that asks again and again until some time has passed goes on for ever if the loop
        waits for it meanwhile, as that of a `ProcessPoolExecutor` does.
        """
        return _Patched(self)


class _Paused:
    """A while in which a clock goes as real time does."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        self._pauses = self._clock.pause()

    def __exit__(self, *raised: object) -> None:
        if self._pauses:
            self._clock.resume()


class _Patched:
    """A while in which the functions of the module `time` go by a clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def __enter__(self) -> None:
        clock, tell = self._clock, self._clock.time
        ahead = time.time() - clock.time()
        seconds: dict[str, Callable[[], float]] = {
            "monotonic": tell,
            "perf_counter": tell,
            "time": lambda: tell() + ahead,
        }
        nanoseconds = {f"{name}_ns": _in_nanoseconds(tell) for name, tell in seconds.items()}
        ours = {**seconds, **nanoseconds, "sleep": _sleeping(clock, time.sleep)}
        self._before = {name: getattr(time, name) for name in ours}
        for name, function in ours.items():
            setattr(time, name, function)

    def __exit__(self, *raised: object) -> None:
        for name, function in self._before.items():
            setattr(time, name, function)


def resolve(clock: Clock | None) -> VirtualClock | None:
    """The virtual clock that is meant; None for the real one."""
    if clock is None or isinstance(clock, VirtualClock):
        return clock
    if clock == "virtual":
        return VirtualClock()
    if clock == "real":
        return None
    raise ValueError(f"clock must be 'real', 'virtual' or a VirtualClock, got {clock!r}")


def _sleeping(clock: VirtualClock, sleep: Callable[[Any], None]) -> Callable[[Any], None]:
    """What moves the clock on in this thread; in others time can't be told to pass."""
    here = _thread.get_ident()

    def sleep_virtually(seconds: Any, /) -> None:
        if clock.jumps and _thread.get_ident() == here and seconds > 0:
            clock.advance(seconds)
        else:
            sleep(seconds)

    return sleep_virtually


def _in_nanoseconds(tell: Callable[[], float]) -> Callable[[], int]:
    return lambda: round(tell() * 1e9)
