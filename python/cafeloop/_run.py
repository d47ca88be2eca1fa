"""`cafeloop.run`: a coroutine, from beginning to end."""

from asyncio import Runner, events
from collections.abc import Coroutine
from typing import Any, TypeVar

from . import _stand_ins
from ._loop import new_event_loop

_T = TypeVar("_T")


def run(main: Coroutine[Any, Any, _T], *, debug: bool | None = None) -> _T:
    """Run a coroutine on a new loop, and return its result.

    As `asyncio.run`: at the end, tasks that are left are cancelled, and
    asynchronous generators and the default executor are shut down.  Ctrl-C
    cancels `main` and is raised as KeyboardInterrupt when that has ended.

    `debug` is asyncio's debug mode; None leaves it to PYTHONASYNCIODEBUG and
    `-X dev`.  Raises RuntimeError if a loop runs in this thread already.
    """
    if events._get_running_loop() is not None:
        raise RuntimeError("cafeloop.run() cannot be called from a running event loop")
    with _stand_ins.in_place(), Runner(debug=debug, loop_factory=new_event_loop) as runner:
        return runner.run(main)
