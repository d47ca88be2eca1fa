"""Native `sleep`, `gather` and `TaskGroup.create_task` behind asyncio's names.

Since Python 3.12 asyncio's functions themselves get a shortcut for native tasks,
which nobody sees.  In 3.11 objects stand in for the first two: a name is replaced only where
it still means asyncio's own function, and put back only where it still means ours,
so what a program or a test has put there stays.

Either does as asyncio's for any other task, on any loop.
"""

import asyncio
import contextlib
import sys
import threading
from asyncio import tasks
from collections.abc import Callable, Iterator
from typing import Any

from . import _cafeloop

_Function = Callable[..., Any]

#: How many have asked for them: runs that go on, and an installation.
_asked = 0
_lock = threading.Lock()

if sys.version_info >= (3, 12):
    # As they are before anybody has put something in their place.
    _FUNCTIONS = tasks.sleep, tasks.gather, asyncio.TaskGroup.create_task

    def _put() -> None:
        _cafeloop._put_shortcuts(*_FUNCTIONS)

    def _take_back() -> None:
        _cafeloop._remove_shortcuts(*_FUNCTIONS)

else:
    _PAIRS: dict[str, tuple[_Function, _Function]] = {
        "sleep": (tasks.sleep, _cafeloop.StandIn.for_sleep(tasks.sleep)),
        "gather": (tasks.gather, _cafeloop.StandIn.for_gather(tasks.gather)),
    }

    def _put() -> None:
        for name, (theirs, ours) in _PAIRS.items():
            _replace(name, theirs, ours)

    def _take_back() -> None:
        for name, (theirs, ours) in _PAIRS.items():
            _replace(name, ours, theirs)

    def _replace(name: str, old: _Function, new: _Function) -> None:
        for module in (asyncio, tasks):
            if getattr(module, name) is old:
                setattr(module, name, new)


def put() -> None:
    """Put them in place, until as many calls of `take_back` have been made."""
    global _asked
    with _lock:
        _asked += 1
        if _asked == 1 and _cafeloop._whose_tasks() == "native":
            _put()


def take_back() -> None:
    """Undo one call of `put`."""
    global _asked
    with _lock:
        _asked -= 1
        if _asked == 0:
            _take_back()


@contextlib.contextmanager
def in_place() -> Iterator[None]:
    """Have them in place meanwhile."""
    put()
    try:
        yield
    finally:
        take_back()
