"""Runs a test's coroutine and says what it left behind: tasks, transports, servers, coroutines."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import gc
import sys
import warnings
from asyncio import base_subprocess, sslproto
from collections.abc import Callable, Coroutine, Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from . import _cafeloop, _stand_ins
from ._loop import new_event_loop
from ._origins import Origins, shown
from ._tls_protocol import TlsProtocol

if TYPE_CHECKING:
    from ._clock import Clock

# Frames of the origin of a coroutine that is never awaited: the line that made it is enough.
ORIGIN_DEPTH = 1


class LeftBehind(AssertionError):
    """A test has ended and something of it hasn't: a task, a transport, a server, a coroutine."""


class TookTooLong(AssertionError):
    """A test's time is up, by the clock of its loop."""


class LoopFailed(AssertionError):
    """The loop of a test has failed, and so the test hasn't come to an end."""


class Checks:
    """A test that may be run several times, and whatever it leaves behind."""

    def __init__(
        self, *, clock: Callable[[], Clock], timeout: float | None, leaks: bool
    ) -> None:
        self._clock = clock
        self._timeout = timeout
        self._leaks = leaks
        self._left: list[str] = []
        self._origins = Origins()
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Checks:
        self._exits.enter_context(_noted(self._left, self._origins))
        self._exits.enter_context(self._origins.watch())
        return self

    def __exit__(self, *raised: object) -> None:
        self._exits.close()

    def run(
        self, test: Callable[[], Coroutine[Any, Any, object]], seed: int | None, *, is_last: bool
    ) -> None:
        """Run what `test` makes on a loop of its own.

        Raises what the test raises, `TookTooLong`, `LoopFailed` or `LeftBehind`.
        """
        __tracebackhide__ = True
        self._origins.forget()
        new_loop = functools.partial(new_event_loop, clock=self._clock(), seed=seed)
        with _stand_ins.in_place(), asyncio.Runner(loop_factory=new_loop) as runner:
            try:
                self._run_limited(runner, test())
            finally:
                runner.run(self._look_around())
        if is_last:
            # What hangs in a cycle is found here, and not in somebody else's test.
            gc.collect()
        left = self._left.copy()
        self._left.clear()
        if left and not self._leaks:
            raise LeftBehind(f"the test has left behind:{_listed(left)}")

    def _run_limited(self, runner: asyncio.Runner, test: Coroutine[Any, Any, object]) -> None:
        """Run the test as a task of its own: a coroutine of ours around it would be what its
        flow, and whoever looks at its tasks, sees."""
        __tracebackhide__ = True
        loop = runner.get_loop()
        complaint: str | None = None

        def find() -> asyncio.Task[Any] | None:
            tasks = asyncio.all_tasks(loop)
            return next((task for task in tasks if task.get_coro() is test), None)

        def expire() -> None:
            nonlocal complaint
            task = find()
            if task is not None:
                complaint = (
                    f"the test took longer than {self._timeout:g} seconds of its loop's"
                    f" clock{_where(task)}"
                )
                task.cancel()

        limit = None if self._timeout is None else loop.call_later(self._timeout, expire)
        try:
            runner.run(test)
        except asyncio.CancelledError:
            if complaint is None:
                raise
        except OSError as error:
            task = find()
            if task is None:
                raise
            raise LoopFailed(f"{error}{_where(task)}") from None
        finally:
            if limit is not None:
                limit.cancel()
        if complaint is not None:
            raise TookTooLong(complaint)

    async def _look_around(self) -> None:
        # Whoever was told to end at the test's last line has a turn to do so.
        await asyncio.sleep(0)
        servers = _open_servers()
        self._left.extend(map(self._described_server, servers))
        left_open = _open_transports()
        self._left.extend(map(self._described_transport, left_open))
        current = asyncio.current_task()
        self._left.extend(map(_described, _others(current)))
        for server in servers:
            server.close()
        for transport in left_open:
            getattr(transport, "abort", transport.close)()
        # They tell their protocols, then close their sockets: no later test finds them.
        await asyncio.sleep(0)

    def _described_server(self, server: asyncio.Server) -> str:
        return f"an open server: {server!r}, made at {self._origins.of(server)}"

    def _described_transport(self, transport: asyncio.BaseTransport) -> str:
        line = self._origins.of(transport)
        made = "made by the loop itself, as a server does" if line is None else f"made at {line}"
        return f"an open transport: {transport!r}, {made}"


def _others(task: asyncio.Task[Any] | None) -> list[asyncio.Task[Any]]:
    """The tasks beside one, in the order of their names."""
    loop = None if task is None else task.get_loop()
    tasks = asyncio.all_tasks(loop) - {task}
    return sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name()))


def _where(test: asyncio.Task[Any]) -> str:
    """Where a test is that hasn't ended, and who is there beside it."""
    others = [_described(task) for task in _others(test)]
    beside = f"; beside it there are:{_listed(others)}" if others else ""
    return f"; it {_place(test) or 'runs'}{beside}"


def _listed(lines: list[str]) -> str:
    return "".join(f"\n- {line}" for line in lines)


def _described(task: asyncio.Task[Any]) -> str:
    """A task by its name, what it runs, and the line where it waits."""
    coroutine = task.get_coro()
    name = getattr(coroutine, "__qualname__", type(coroutine).__qualname__)
    place = _place(task)
    return f"a pending task: {task.get_name()}, which runs {name}" + (place and f" and {place}")


def _place(task: asyncio.Task[Any]) -> str:
    if stack := task.get_stack(limit=1):
        frame = stack[-1]
        return f"waits at {shown(frame.f_code.co_filename)}:{frame.f_lineno}"
    # A sleep of ours has no frames, and one that was made outside of a test no origin.
    if origin := getattr(task.get_coro(), "cr_origin", None):
        file, line, _ = origin[0]
        return f"was made at {shown(file)}:{line}"
    return ""


def _open_servers() -> list[asyncio.Server]:
    """Those of this loop that listen."""
    loop = asyncio.get_running_loop()
    servers = [thing for thing in gc.get_objects() if type(thing) is asyncio.Server]
    return [server for server in servers if server.get_loop() is loop and server.sockets]


def _open_transports() -> list[asyncio.BaseTransport]:
    """Those of this loop whose end nobody has asked for."""
    loop = asyncio.get_running_loop()
    # By the class itself: `isinstance` would wake proxies, and whatever has a __class__.
    kinds = set(map(type, gc.get_objects()))
    classes = {kind for kind in kinds if issubclass(kind, asyncio.BaseTransport)}
    if not classes:
        return []
    transports = (thing for thing in gc.get_objects() if type(thing) in classes)
    return [
        transport
        for transport in transports
        if getattr(transport, "_loop", None) is loop
        and not transport.is_closing()
        and not _is_anothers(transport)
    ]


def _is_anothers(transport: asyncio.BaseTransport) -> bool:
    """Whether another transport stands on it: a child's, or one of TLS."""
    protocol = transport.get_protocol()
    return isinstance(
        protocol, base_subprocess.WriteSubprocessPipeProto | sslproto.SSLProtocol | TlsProtocol
    )


@contextlib.contextmanager
def _noted(left: list[str], origins: Origins) -> Iterator[None]:
    """Note what the interpreter warns of: coroutines never awaited, things never closed."""
    depth = sys.get_coroutine_origin_tracking_depth()
    sys.set_coroutine_origin_tracking_depth(max(depth, ORIGIN_DEPTH))
    _cafeloop._seek_origins(True)
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
            what = f"something that wasn't closed: {text.removeprefix('unclosed ')}"
            line = origins.of(_dying())
            left.append(what if line is None else f"{what}, made at {line}")
        else:
            show(message, category, filename, lineno, file, line)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", ".* was never awaited", RuntimeWarning)
        warnings.filterwarnings("always", "unclosed ", ResourceWarning)
        warnings.showwarning = note
        try:
            yield
        finally:
            _cafeloop._seek_origins(False)
            sys.set_coroutine_origin_tracking_depth(depth)


def _dying() -> object:
    """The transport whose end, or that of a stream upon it, warns of it just now."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_name != "__del__":
        frame = frame.f_back
    if frame is None:
        return None
    thing = frame.f_locals.get("self")
    return getattr(thing, "transport", thing)


def _never_awaited(text: str) -> str:
    """The interpreter's warning, in a line: what, and where it was made."""
    what, _, origin = text.partition("\n")
    places = [line.strip() for line in origin.splitlines() if line.lstrip().startswith("File ")]
    if not places:
        return what
    file, line, *_ = places[-1].removeprefix("File ").split(", ")
    return f"{what}: made at {shown(file.strip(chr(34)))}:{line.removeprefix('line ')}"
