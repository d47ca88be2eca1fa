"""Where transports and servers were made: the line of the test or its program that asked."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import sys
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

from ._datagram_transport import DatagramTransport
from ._pipe_transport import ReadPipeTransport, WritePipeTransport
from ._stream_transport import StreamTransport
from ._subprocesses import SubprocessTransport
from ._tls_transport import SSLTransport

_KINDS: tuple[type[Any], ...] = (
    StreamTransport,
    DatagramTransport,
    ReadPipeTransport,
    WritePipeTransport,
    SubprocessTransport,
    SSLTransport,
    asyncio.Server,
)
# Lines of these are nobody's mistake.
_OURS = tuple(os.path.dirname(file) + os.sep for file in (__file__, asyncio.__file__))
# What stands beyond has called the loop, and not what runs in it.
_RUNS_A_LOOP: CodeType = asyncio.Runner.run.__code__


class Origins:
    """The lines that transports and servers come from, while this watches."""

    def __init__(self) -> None:
        # By identity, since some have no place for a weak reference: of one that still
        # lives it is the newest.
        self._lines: dict[int, str] = {}

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        before = [(kind, vars(kind).get("__init__")) for kind in _KINDS]
        for kind, _ in before:
            kind.__init__ = self._noting(kind.__init__)
        try:
            yield
        finally:
            for kind, make in before:
                if make is None:
                    # It has its base's.
                    del kind.__init__
                else:
                    kind.__init__ = make

    def of(self, made: object) -> str | None:
        """`FILE:LINE`; None for one that nobody asked for, as the transports of a server."""
        return self._lines.get(id(made))

    def forget(self) -> None:
        self._lines.clear()

    def _noting(self, make: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(make)
        def noting(made: Any, /, *args: Any, **kwargs: Any) -> None:
            line = _line_beyond(sys._getframe(1))
            if line is None:
                self._lines.pop(id(made), None)
            else:
                self._lines[id(made)] = line
            make(made, *args, **kwargs)

        return noting


def _line_beyond(frame: FrameType | None) -> str | None:
    while frame is not None and frame.f_code is not _RUNS_A_LOOP:
        if not frame.f_code.co_filename.startswith(_OURS):
            return f"{shown(frame.f_code.co_filename)}:{frame.f_lineno}"
        frame = frame.f_back
    return None


def shown(path: str) -> str:
    """A path as a person would type it."""
    relative = os.path.relpath(path)
    return path if relative.startswith(os.pardir) else relative
