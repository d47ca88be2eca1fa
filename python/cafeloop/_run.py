"""`cafeloop.run`: a coroutine, from beginning to end."""

from __future__ import annotations

import contextlib
import os
from asyncio import Runner, events
from collections.abc import Coroutine
from typing import Any, Literal, TypeVar

import cafeloop

from . import _stand_ins
from ._loop import Loop, new_event_loop

_T = TypeVar("_T")


def run(
    main: Coroutine[Any, Any, _T],
    *,
    debug: bool | None = None,
    clock: Literal["real", "virtual"] | cafeloop.VirtualClock | None = None,
    seed: int | None = None,
    record: cafeloop.Recording | str | os.PathLike[str] | None = None,
) -> _T:
    """Run a coroutine on a new loop, and return its result.

    As `asyncio.run`: at the end, tasks that are left are cancelled, and
    asynchronous generators and the default executor are shut down.  Ctrl-C
    cancels `main` and is raised as KeyboardInterrupt when that has ended.

    `debug` is asyncio's debug mode; None leaves it to PYTHONASYNCIODEBUG and
    `-X dev`.  `clock` and `seed` are as in `new_event_loop`: with `clock="virtual"`, waiting
    takes no time.  With `record`, what `cafeloop.record()` gives or the path of a file,
    the process is recorded meanwhile.  Raises RuntimeError if a loop runs in this thread already.
    """
    if events._get_running_loop() is not None:
        raise RuntimeError("cafeloop.run() cannot be called from a running event loop")

    def new_loop() -> Loop:
        return new_event_loop(clock=clock, seed=seed)

    with _recording(record), _stand_ins.in_place(), Runner(debug=debug, loop_factory=new_loop) as runner:
        return runner.run(main)


def _recording(
    record: cafeloop.Recording | str | os.PathLike[str] | None
) -> contextlib.AbstractContextManager[object]:
    if record is None:
        return contextlib.nullcontext()
    from . import _record

    return _record.recording(record)
