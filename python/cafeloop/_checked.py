"""Runs a test's coroutine and says what it left behind: tasks, transports, coroutines."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
import warnings
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TextIO

from ._clock import Clock
from ._run import run

# Frames of the origin of a coroutine that is never awaited: the line that made it is enough.
ORIGIN_DEPTH = 1


class LeftBehind(AssertionError):
    """A test has ended and something of it hasn't: a task, a transport, a coroutine."""


class TookTooLong(AssertionError):
    """A test's time is up, by the clock of its loop."""


class Checks:
    """A test that may be run several times, and whatever it leaves behind."""

    def __init__(self, *, clock: Clock | None, timeout: float | None) -> None:
        self._clock = clock
        self._timeout = timeout
        self._left: list[str] = []
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Checks:
        self._exits.enter_context(_noted(self._left))
        return self

    def __exit__(self, *raised: object) -> None:
        self._exits.close()

    def run(self, test: Callable[[], Coroutine[Any, Any, object]], seed: int | None) -> None:
        """Run what `test` makes on a loop of its own.

        Raises what the test raises, `TookTooLong`, or `LeftBehind`.
        """
        __tracebackhide__ = True
        run(_checked(test, self._timeout, self._left), clock=self._clock, seed=seed)
        self.tell()

    def collect(self) -> None:
        """What hangs in a cycle is found here, and not in somebody else's test."""
        __tracebackhide__ = True
        gc.collect()
        self.tell()

    def tell(self) -> None:
        __tracebackhide__ = True
        if self._left:
            lines = "\n".join(f"- {line}" for line in self._left)
            self._left.clear()
            raise LeftBehind(f"the test has left behind:\n{lines}")


async def _checked(
    test: Callable[[], Coroutine[Any, Any, object]], timeout: float | None, left: list[str]
) -> None:
    __tracebackhide__ = True
    try:
        async with asyncio.timeout(timeout) as limit:
            await test()
    except TimeoutError:
        if not limit.expired():
            raise
        waits = "\n".join(f"- {_described(task)}" for task in _others())
        others = f"; beside it there are:\n{waits}" if waits else ""
        text = f"the test took longer than {timeout:g} seconds of its loop's clock{others}"
        raise TookTooLong(text) from None
    finally:
        # Whoever was told to end at the test's last line has a turn to do so.
        await asyncio.sleep(0)
        left_open = _open_transports()
        left.extend(f"an open transport: {transport!r}" for transport in left_open)
        left.extend(_described(task) for task in _others())
        for transport in left_open:
            transport.abort()
        # They tell their protocols, then close their sockets: no later test finds them.
        await asyncio.sleep(0)


def _others() -> list[asyncio.Task[Any]]:
    """The tasks beside this one, in the order of their names."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    return sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name()))


def _described(task: asyncio.Task[Any]) -> str:
    """A task by its name, what it runs, and the line where it waits."""
    coroutine = task.get_coro()
    name = getattr(coroutine, "__qualname__", type(coroutine).__qualname__)
    return f"a pending task: {task.get_name()}, which runs {name}{_place(task)}"


def _place(task: asyncio.Task[Any]) -> str:
    stack = task.get_stack(limit=1)
    if not stack:
        return ""
    frame = stack[-1]
    return f" and waits at {_shown(frame.f_code.co_filename)}:{frame.f_lineno}"


def _shown(path: str) -> str:
    """A path as a person would type it."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative


def _open_transports() -> list[asyncio.Transport]:
    """Those of this loop whose end nobody has asked for."""
    loop = asyncio.get_running_loop()
    # By the class itself: `isinstance` would wake proxies, and whatever has a __class__.
    classes = {kind for kind in map(type, gc.get_objects()) if issubclass(kind, asyncio.Transport)}
    if not classes:
        return []
    transports = (thing for thing in gc.get_objects() if type(thing) in classes)
    return [
        transport
        for transport in transports
        if getattr(transport, "_loop", None) is loop and not transport.is_closing()
    ]


@contextlib.contextmanager
def _noted(left: list[str]) -> Iterator[None]:
    """Note what the interpreter warns of: coroutines never awaited, things never closed."""
    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(max(depth, ORIGIN_DEPTH))
    show = warnings.showwarning

    def note(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        text = str(message)
        if category is RuntimeWarning and "was never awaited" in text:
            left.append(_never_awaited(text))
        elif category is ResourceWarning and text.startswith("unclosed "):
            left.append(f"something that wasn't closed: {text.removeprefix('unclosed ')}")
        else:
            show(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", ".* was never awaited", RuntimeWarning)
        warnings.filterwarnings("always", "unclosed ", ResourceWarning)
        warnings.showwarning = note
        try:
            yield
        finally:
            sys.set_coroutine_origin_tracking_depth(depth)


def _never_awaited(text: str) -> str:
    """The interpreter's warning, in a line: what, and where it was made."""
    what, _, origin = text.partition("\n")
    places = [line.strip() for line in origin.splitlines() if line.lstrip().startswith("File ")]
    if not places:
        return what
    file, line, *_ = places[-1].removeprefix("File ").split(", ")
    return f"{what}: made at {_shown(file.strip(chr(34)))}:{line.removeprefix('line ')}"
