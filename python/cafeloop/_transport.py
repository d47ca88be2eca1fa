"""What all transports have in common, those of sockets and those of pipes: what runs once
per connection or per error.

What runs per packet is native, in an object whose methods a transport hands on as its
own.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio.log import logger
from contextvars import Context
from typing import Any

from . import _cafeloop

# asyncio's default, in bytes.
_HIGH_MARK = 64 * 1024


class NativeTransport:
    """A transport's protocol, its errors and its end.

    `_native` is made by who derives from it.
    """

    _native: _cafeloop.Stream | _cafeloop.Datagram
    _loop: asyncio.AbstractEventLoop | None
    _context: Context | None

    def _adopt(self, names: tuple[str, ...]) -> None:
        """Have native methods as this transport's own."""
        for name in names:
            setattr(self, name, getattr(self._native, name))

    def is_closing(self) -> bool:
        """Whether it is closed, or is going to be when all was sent."""
        return self._native.is_closing()

    # --- the protocol

    @property
    def _protocol(self) -> Any:
        return self.get_protocol()

    def get_protocol(self) -> Any:
        """Who is told; None after the end."""
        return self._native.get_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have `protocol` told from now on."""
        self._native.set_protocol(protocol)

    def _tell(self, method: str) -> None:
        """Have the protocol pause or resume writing; what it raises is reported."""
        protocol = self.get_protocol()
        try:
            getattr(protocol, method)()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._report(f"protocol.{method}() failed", error)

    def _report(self, message: str, error: BaseException) -> None:
        if self._loop is not None:
            self._loop.call_exception_handler(
                {
                    "message": message,
                    "exception": error,
                    "transport": self,
                    "protocol": self.get_protocol(),
                }
            )

    def _debug(self, message: str, *args: object, error: BaseException | None = None) -> None:
        if self._loop is not None and self._loop.get_debug():
            logger.debug(message, self, *args, exc_info=error)

    # --- the end

    def close(self) -> None:
        """Deliver what was written, then close.  Nothing more is read."""
        if self._native.close():
            self._lose(None)

    def _fatal_error(
        self, error: BaseException, message: str = "Fatal error on transport"
    ) -> None:
        """Close at once for an error; some of the other side's are no news."""
        if self._is_no_news(error):
            self._debug("%r: %s", message, error=error)
        else:
            self._report(message, error)
        self._force_close(error)

    @staticmethod
    def _is_no_news(error: BaseException) -> bool:
        return isinstance(error, OSError)

    def _force_close(self, error: BaseException | None) -> None:
        if self._native.abort():
            self._lose(error)

    def _lose(self, error: BaseException | None) -> None:
        """The connection is lost: tell the protocol, in the next turn."""
        if self._loop is not None:
            self._loop.call_soon(self._call_connection_lost, error, context=self._context)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        protocol: Any = self.get_protocol()
        try:
            if protocol is not None:
                protocol.connection_lost(error)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Close what is read and written, and refer to nobody any more."""
        raise NotImplementedError


class ReadingHalf(NativeTransport):
    """What a transport reads."""

    def is_reading(self) -> bool:
        """Whether the protocol is given what comes."""
        return self._native.is_reading()

    @property
    def _paused(self) -> bool:
        # CPython's own tests look at it.
        return not self.is_reading() and not self.is_closing()

    def pause_reading(self) -> None:
        """Have the protocol given nothing until `resume_reading`."""
        if self._native.pause_reading():
            self._debug("%r pauses reading")

    def resume_reading(self) -> None:
        """Have the protocol given what comes again."""
        if self._native.resume_reading():
            self._debug("%r resumes reading")


class WritingHalf(NativeTransport):
    """What a transport writes."""

    # What the user has set.
    _marks: tuple[int, int] | None

    def get_write_buffer_size(self) -> int:
        """What the kernel hasn't taken yet, in bytes."""
        return self._native.get_write_buffer_size()

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The low and the high mark, in bytes."""
        return self._marks or (_HIGH_MARK // 4, _HIGH_MARK)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Have the protocol pause above `high` bytes that wait, and resume at `low`."""
        if high is None:
            high = _HIGH_MARK if low is None else 4 * low
        if low is None:
            low = high // 4
        if not high >= low >= 0:
            raise ValueError(f"high ({high!r}) must be >= low ({low!r}) must be >= 0")
        self._marks = (low, high)
        self._native.set_marks(*(int(min(mark, sys.maxsize)) for mark in (high, low)))

    @property
    def _protocol_paused(self) -> bool:
        return self._native.is_paused()

    def abort(self) -> None:
        """Close at once: what waits to be sent is dropped."""
        self._force_close(None)


def settle(waiter: asyncio.Future[None]) -> None:
    """Tell whoever waits for a transport that it is connected."""
    if not waiter.cancelled():
        waiter.set_result(None)
