"""What transports of sockets have in common: what runs once per connection or per error.

What runs per packet is native, in an object whose methods a transport hands on as its
own.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import warnings
from asyncio import transports, trsock
from asyncio.log import logger
from collections.abc import Callable
from contextvars import Context
from typing import Any

from . import _cafeloop

# asyncio's default, in bytes.
_HIGH_MARK = 64 * 1024


class SocketTransport(transports._FlowControlMixin):
    """The loop's side of a socket, which it closes at its end.

    `_native` is made and attached by who derives from it.
    """

    __slots__ = ("__dict__", "__weakref__", "_native", "_sock_fd")

    _native: _cafeloop.Stream | _cafeloop.Datagram
    _loop: asyncio.AbstractEventLoop | None
    _sock_fd: int
    # Of most transports these are never set.
    _context: Context | None = None
    _known: dict[str, Any] | None = None
    _marks: tuple[int, int] | None = None

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if not self._native.is_attached():
            info.append("closed")
        elif self.is_closing():
            info.append("closing")
        info.append(f"fd={self._sock_fd}")
        if self._loop is not None and not self._loop.is_closed():
            is_read, is_written = self._native.is_watched()
            size = self.get_write_buffer_size()
            info.append("read=polling" if is_read else "read=idle")
            info.append(f"write=<{'polling' if is_written else 'idle'}, bufsize={size}>")
        return f"<{' '.join(info)}>"

    def __del__(self, warn: Callable[..., object] = warnings.warn) -> None:
        # Nothing is there if making it has failed.
        native = getattr(self, "_native", None)
        if native is not None and native.is_attached():
            warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            self._let_go()

    # --- what it is known by

    @property
    def _sock(self) -> Any:
        """The socket as Python has it, until it is closed."""
        return self._native.socket() if self._native.is_attached() else None

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """The `socket`, its own address as `sockname`, the other side's as `peername`."""
        known = self._known
        if known is None:
            known = self._known = self._addresses()
        if name == "socket" and name not in known:
            known[name] = trsock.TransportSocket(self._native.socket() or _closed_socket())
        return known.get(name, default)

    @property
    def _extra(self) -> dict[str, Any]:
        self.get_extra_info("socket")
        assert self._known is not None
        return self._known

    def _addresses(self) -> dict[str, Any]:
        raise NotImplementedError

    def is_closing(self) -> bool:
        """Whether it is closed, or is going to be when all was sent."""
        return self._native.is_closing()

    def is_reading(self) -> bool:
        """Whether the protocol is given what comes."""
        return self._native.is_reading()

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

    def _debug(self, message: str, *, exc_info: bool = False) -> None:
        if self._loop is not None and self._loop.get_debug():
            logger.debug(message, self, exc_info=exc_info)

    # --- reading

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

    # --- writing

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

    # --- the end

    def close(self) -> None:
        """Deliver what was written, then close.  Nothing more is read."""
        if self._native.close():
            self._lose(None)

    def abort(self) -> None:
        """Close at once: what waits to be sent is dropped."""
        self._force_close(None)

    def _fatal_error(
        self, error: BaseException, message: str = "Fatal error on transport"
    ) -> None:
        """Close at once for an error; one of the network's is no news."""
        if isinstance(error, OSError):
            self._debug("%r: " + message.replace("%", "%%"), exc_info=True)
        else:
            self._report(message, error)
        self._force_close(error)

    def _force_close(self, error: BaseException | None) -> None:
        if self._native.abort():
            self._lose(error)

    def _lose(self, error: BaseException | None) -> None:
        """The connection is lost: tell the protocol, in the next turn."""
        if self._loop is not None and not self._native.end_soon(error):
            self._loop.call_soon(self._call_connection_lost, error, context=self._context)

    def _call_connection_lost(self, error: BaseException | None) -> None:
        protocol: Any = self._native.get_protocol()
        try:
            if protocol is not None:
                protocol.connection_lost(error)
        finally:
            self._let_go()

    def _let_go(self) -> None:
        """Close the socket, and refer to nobody any more."""
        self._native.release()
        self._loop = None


def _closed_socket() -> socket.socket:
    with socket.socket() as sock:
        return sock


def addresses(sock: socket.socket, extra: dict[str, Any] | None) -> dict[str, Any]:
    """What `get_extra_info` knows of a socket, and `extra`."""
    known = dict(extra or ())
    known["socket"] = trsock.TransportSocket(sock)
    known["sockname"] = _address(sock.getsockname)
    if "peername" not in known:
        known["peername"] = _address(sock.getpeername)
    return known


def _address(ask: Callable[[], Any]) -> Any:
    try:
        return ask()
    except OSError:
        return None


def settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.cancelled():
        waiter.set_result(None)
