"""Transports of pipes: what runs once per pipe or per error.

A pipe is whatever asyncio takes for one: a pipe, a named pipe, a terminal or another
character device, a socket.  What runs per packet is native, as it is for sockets.
"""

from __future__ import annotations

import asyncio
import errno
import os
import stat
import warnings
from asyncio import transports
from asyncio.log import logger
from collections.abc import Callable
from typing import Any

from . import _cafeloop
from ._transport import NativeTransport, ReadingHalf, WritingHalf, settle

# The native methods that a transport has as they are.
_NATIVE_TO_READ = ("get_protocol", "is_closing", "is_reading")
_NATIVE_TO_WRITE = ("get_protocol", "get_write_buffer_size", "is_closing", "write", "writelines")



class _PipeTransport(NativeTransport):
    """A pipe's object, which is the transport's to close."""

    _native: _cafeloop.Stream
    _extra: dict[str, Any]
    # What each call of the loop's calls in: a copy of the context of whoever asked for it.
    _context = None

    def _open(
        self, loop: asyncio.AbstractEventLoop, pipe: Any, extra: dict[str, Any] | None, refusal: str
    ) -> int:
        """Take a pipe, which must be one, and return the kind of file that it is."""
        self._loop = loop
        self._extra = {**(extra or {}), "pipe": pipe}
        self._pipe: Any = None
        self._fileno: int = pipe.fileno()
        mode = os.fstat(self._fileno).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or stat.S_ISCHR(mode)):
            raise ValueError(refusal)
        os.set_blocking(self._fileno, False)
        self._pipe = pipe
        return mode

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._pipe is None:
            info.append("closed")
        elif self.is_closing():
            info.append("closing")
        info.append(f"fd={self._fileno}")
        if self._pipe is not None:
            is_open = self._loop is not None and not self._loop.is_closed()
            info.extend(self._activity() if is_open else ["open"])
        return f"<{' '.join(info)}>"

    def _activity(self) -> list[str]:
        """What the loop does with the pipe, for people."""
        raise NotImplementedError

    def __del__(self, warn: Callable[..., object] = warnings.warn) -> None:
        # Nothing is there if making it has failed.
        pipe = getattr(self, "_pipe", None)
        if pipe is not None:
            warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            pipe.close()

    def _note_the_end(self) -> None:
        if self._loop is not None and self._loop.get_debug():
            logger.info("%r was closed by peer", self)

    def _let_go(self) -> None:
        pipe, self._pipe = self._pipe, None
        self._native.release()
        self._loop = None
        if pipe is not None:
            pipe.close()


class ReadPipeTransport(_PipeTransport, ReadingHalf, transports.ReadTransport):
    """The reading side of a pipe.

    `connection_made` is called in the loop's next turn, then reading begins, then
    `waiter` is told.  The pipe is closed when its other side is, or by `close`.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pipe: Any,
        protocol: Any,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        self._open(loop, pipe, extra, "Pipe transport is for pipes/sockets only.")
        self._native = native = _cafeloop.Stream.of_pipe_to_read(loop, self, pipe, protocol)
        self._adopt(_NATIVE_TO_READ)
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(native.start)
        if waiter is not None:
            loop.call_soon(settle, waiter)

    def _activity(self) -> list[str]:
        is_read, _ = self._native.is_watched()
        return ["polling" if is_read else "idle"]

    def _input_ended(self) -> None:
        """The other side is closed, and so this one ends too."""
        self._note_the_end()
        protocol: Any = self._protocol
        if self._native.close() and self._loop is not None:
            self._loop.call_soon(protocol.eof_received)
            self._lose(None)

    def _callback_failed(self, method: str, error: BaseException) -> None:
        """The protocol has failed to take what came; the next is given to it all the same."""
        self._report(f"Exception in callback protocol.{method}()", error)

    @staticmethod
    def _is_no_news(error: BaseException) -> bool:
        # That is how a terminal ends.
        return isinstance(error, OSError) and error.errno == errno.EIO


class WritePipeTransport(_PipeTransport, WritingHalf, transports._FlowControlMixin):
    """The writing side of a pipe.

    `connection_made` is called in the loop's next turn, then `waiter` is told.  The
    pipe is closed by `close` or `write_eof`, when all was written, and when whoever
    reads it has gone; a terminal or another device doesn't tell that until it is
    written to.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        pipe: Any,
        protocol: Any,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
    ) -> None:
        refusal = "Pipe transport is only for pipes, sockets and character devices"
        mode = self._open(loop, pipe, extra, refusal)
        self._marks: tuple[int, int] | None = None
        self._native = native = _cafeloop.Stream.of_pipe_to_write(loop, self, pipe, protocol)
        self._adopt(_NATIVE_TO_WRITE)
        loop.call_soon(protocol.connection_made, self)
        if not stat.S_ISCHR(mode):
            loop.call_soon(native.start)
        if waiter is not None:
            loop.call_soon(settle, waiter)

    def _activity(self) -> list[str]:
        _, is_written = self._native.is_watched()
        size = self.get_write_buffer_size()
        return ["polling" if is_written else "idle", f"bufsize={size}"]

    def can_write_eof(self) -> bool:
        """Whether `write_eof` may be called: yes."""
        return True

    def write_eof(self) -> None:
        """Close the pipe when all was written."""
        self.close()

    def _reader_has_gone(self) -> None:
        self._note_the_end()
        self._force_close(BrokenPipeError() if self.get_write_buffer_size() else None)
