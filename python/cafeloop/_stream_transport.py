"""Transports of stream sockets: what runs once per connection or per error.

What runs per packet is native, in `_cafeloop.Stream`, whose methods a transport hands
on as its own.
"""

from __future__ import annotations

import asyncio
import socket
import sys
import warnings
from asyncio import constants, transports, trsock
from asyncio.log import logger
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from . import _cafeloop

# The native methods that a transport has as they are.
_NATIVE = (
    "get_protocol",
    "get_write_buffer_size",
    "is_closing",
    "is_reading",
    "write",
    "writelines",
)
# One context for all that a connection calls, since Python 3.15; before, each of its
# callbacks has a copy of the one that asked for it.
_HAS_ONE_CONTEXT = sys.version_info >= (3, 15)


class StreamTransport(transports._FlowControlMixin):
    """A connection on a TCP or Unix socket.

    `connection_made` is called in the loop's next turn, then reading begins, then
    `waiter` is told.  The socket is closed when the connection is lost.
    """

    # They are patched by tests, so that each transport has its own; and with slots a
    # subclass may still override them.
    __slots__ = (
        *_NATIVE,
        "__dict__",
        "__weakref__",
        "_context",
        "_empty_waiter",
        "_marks",
        "_server",
        "_sock",
        "_sock_fd",
        "_stream",
    )

    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.TRY_NATIVE

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
        server: asyncio.Server | None = None,
        context: Context | None = None,
    ) -> None:
        _set_nodelay(sock)
        self._loop: asyncio.AbstractEventLoop | None = loop
        self._sock_fd = sock.fileno()
        self._extra = _addresses(sock, extra)
        self._empty_waiter: asyncio.Future[None] | None = None
        self._marks: tuple[int, int] | None = None
        if _HAS_ONE_CONTEXT and context is None:
            context = copy_context()
        self._context = context
        self._stream = stream = _cafeloop.Stream(loop, self, sock, protocol, context)
        for name in _NATIVE:
            setattr(self, name, getattr(stream, name))
        stream.attach()
        # From here on it is this transport's to close.
        self._sock: socket.socket | None = sock
        self._server = server
        if server is not None:
            _attach(server, self)
        # asyncio's order: who reads in connection_made() finds nothing there yet.
        loop.call_soon(protocol.connection_made, self, context=context)
        loop.call_soon(stream.start, context=context)
        if waiter is not None:
            loop.call_soon(_settle, waiter, context=context)

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._sock is None:
            info.append("closed")
        elif self.is_closing():
            info.append("closing")
        info.append(f"fd={self._sock_fd}")
        if self._loop is not None and not self._loop.is_closed():
            is_read, is_written = self._stream.is_watched()
            size = self.get_write_buffer_size()
            info.append("read=polling" if is_read else "read=idle")
            info.append(f"write=<{'polling' if is_written else 'idle'}, bufsize={size}>")
        return f"<{' '.join(info)}>"

    def __del__(self, warn: Callable[..., object] = warnings.warn) -> None:
        # Nothing is there if making it has failed.
        sock = getattr(self, "_sock", None)
        if sock is not None:
            warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            sock.close()
            if self._server is not None:
                _detach(self._server, self)

    @property
    def _native(self) -> _cafeloop.Stream:
        """What encrypted bytes are written to, where this transport carries TLS."""
        return self._stream

    # --- the protocol

    @property
    def _protocol(self) -> asyncio.BaseProtocol | None:
        return self.get_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have `protocol` told from now on."""
        self._stream.set_protocol(protocol)

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
        if self._stream.pause_reading():
            self._debug("%r pauses reading")

    def resume_reading(self) -> None:
        """Have the protocol given what comes again."""
        if self._stream.resume_reading():
            self._debug("%r resumes reading")

    def _input_ended(self) -> None:
        """The other side has ended its writing: the protocol says whether ours ends."""
        self._debug("%r received EOF")
        protocol: Any = self.get_protocol()
        try:
            stays_open = protocol.eof_received()
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._fatal_error(error, "Fatal error: protocol.eof_received() call failed.")
            return
        if stays_open:
            self._stream.keep_open()
        else:
            self.close()

    # --- writing

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
        self._stream.set_marks(*(int(min(mark, sys.maxsize)) for mark in (high, low)))

    @property
    def _protocol_paused(self) -> bool:
        return self._stream.is_paused()

    def can_write_eof(self) -> bool:
        """Whether one side can end before the other: yes."""
        return True

    def write_eof(self) -> None:
        """End the writing when all was sent; reading goes on."""
        self._stream.write_eof()

    # --- the socket, lent for sendfile()

    def _make_empty_waiter(self) -> asyncio.Future[None]:
        """Refuse writes, and return a future of when all was sent."""
        assert self._loop is not None
        is_lent, is_empty = self._stream.lend()
        if not is_lent:
            raise RuntimeError("Empty waiter is already set")
        self._empty_waiter = self._loop.create_future()
        if is_empty:
            self._drained()
        return self._empty_waiter

    def _drained(self) -> None:
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_result(None)

    def _reset_empty_waiter(self) -> None:
        """Take writes again."""
        self._empty_waiter = None
        self._stream.give_back()

    # --- the end

    def close(self) -> None:
        """Deliver what was written, then close.  Nothing more is read."""
        if self._stream.close():
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
        if self._stream.abort():
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
        """Close the socket, and refer to nobody any more."""
        sock, self._sock = self._sock, None
        server, self._server = self._server, None
        self._stream.release()
        self._loop = None
        if sock is not None:
            sock.close()
        if server is not None:
            _detach(server, self)
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_exception(ConnectionError("Connection is closed by peer"))


def check_stream(sock: socket.socket) -> None:
    """Refuse a socket that isn't one of a stream."""
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")


# asyncio's default, in bytes.
_HIGH_MARK = 64 * 1024


def _addresses(sock: socket.socket, extra: dict[str, Any] | None) -> dict[str, Any]:
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


def _set_nodelay(sock: socket.socket) -> None:
    """What is written to TCP goes out at once; asyncio's choice."""
    if (
        sock.family in (socket.AF_INET, socket.AF_INET6)
        and sock.type == socket.SOCK_STREAM
        and sock.proto == socket.IPPROTO_TCP
    ):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _attach(server: Any, transport: StreamTransport) -> None:
    """Count a connection; since Python 3.13 a server knows which it has."""
    if sys.version_info >= (3, 13):
        server._attach(transport)
    else:
        server._attach()


def _detach(server: Any, transport: StreamTransport) -> None:
    if sys.version_info >= (3, 13):
        server._detach(transport)
    else:
        server._detach()


def _settle(waiter: asyncio.Future[None]) -> None:
    if not waiter.cancelled():
        waiter.set_result(None)
