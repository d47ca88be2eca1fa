"""Transports of stream sockets: what runs once per connection or per error."""

from __future__ import annotations

import asyncio
import socket
import sys
import warnings
from asyncio import constants
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import Any

from . import _cafeloop
from ._socket_transport import SocketTransport, addresses
from ._transport import settle

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


class StreamTransport(SocketTransport):
    """A connection on a TCP or Unix socket.

    `connection_made` is called in the loop's next turn, then reading begins, then
    `waiter` is told.  The socket is closed when the connection is lost.
    """

    # They are patched by tests, so that each transport has its own; and with slots a
    # subclass may still override them.
    __slots__ = (*_NATIVE, "_empty_waiter", "_server")

    _native: _cafeloop.Stream

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
        self._loop = loop
        self._sock_fd = sock.fileno()
        self._extra = addresses(sock, extra)
        self._empty_waiter: asyncio.Future[None] | None = None
        self._marks = None
        if _HAS_ONE_CONTEXT and context is None:
            context = copy_context()
        self._context = context
        self._native = stream = _cafeloop.Stream(loop, self, sock, protocol, context)
        self._adopt(_NATIVE)
        stream.attach()
        # From here on it is this transport's to close.
        self._sock = sock
        self._server = server
        if server is not None:
            _attach(server, self)
        # asyncio's order: who reads in connection_made() finds nothing there yet.
        loop.call_soon(protocol.connection_made, self, context=context)
        loop.call_soon(stream.start, context=context)
        if waiter is not None:
            loop.call_soon(settle, waiter, context=context)

    def __del__(self, warn: Callable[..., object] = warnings.warn) -> None:
        super().__del__(warn)
        server = getattr(self, "_server", None)
        if server is not None:
            _detach(server, self)

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
            self._native.keep_open()
        else:
            self.close()

    def can_write_eof(self) -> bool:
        """Whether one side can end before the other: yes."""
        return True

    def write_eof(self) -> None:
        """End the writing when all was sent; reading goes on."""
        self._native.write_eof()

    # --- the socket, lent for sendfile()

    def _make_empty_waiter(self) -> asyncio.Future[None]:
        """Refuse writes, and return a future of when all was sent."""
        assert self._loop is not None
        is_lent, is_empty = self._native.lend()
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
        self._native.give_back()

    def _let_go(self) -> None:
        server, self._server = self._server, None
        super()._let_go()
        if server is not None:
            _detach(server, self)
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_exception(ConnectionError("Connection is closed by peer"))


def check_stream(sock: socket.socket) -> None:
    """Refuse a socket that isn't one of a stream."""
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")


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
