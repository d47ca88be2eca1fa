"""Transports of stream sockets: what runs once per connection or per error."""

from __future__ import annotations

import asyncio
import socket
import sys
import warnings
from asyncio import constants
from collections.abc import Callable
from contextvars import Context, copy_context
from typing import TYPE_CHECKING, Any

from . import _cafeloop
from ._serve import is_tcp
from ._socket_transport import SocketTransport, addresses
from ._transport import settle

if TYPE_CHECKING:
    from . import _tls

# One context for all that a connection calls, since Python 3.15; before, each of its
# callbacks has a copy of the one that asked for it.
_HAS_ONE_CONTEXT = sys.version_info >= (3, 15)
_KNOWS_CONNECTIONS = sys.version_info >= (3, 13)


class StreamTransport(SocketTransport):
    """A connection on a TCP or Unix socket.

    `connection_made` is called in the loop's next turn, then reading begins, then
    `waiter` is told.  The socket is closed when the connection is lost.
    """

    # What is called most, each transport has as a native method of its own; tests patch
    # them.
    __slots__ = ("_server", "is_closing", "write", "writelines")

    _native: _cafeloop.Stream
    # Of most transports it is never set.
    _empty_waiter: asyncio.Future[None] | None = None

    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.TRY_NATIVE

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket | _cafeloop.Accepted,
        protocol: asyncio.BaseProtocol,
        waiter: asyncio.Future[None] | None = None,
        extra: dict[str, Any] | None = None,
        server: Any = None,
        context: Context | None = None,
    ) -> None:
        # Before there is anything to end again: it may be no protocol at all.
        connection_made = protocol.connection_made
        if not isinstance(sock, _cafeloop.Accepted):
            if is_tcp(sock):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._known = addresses(sock, extra)
        if _HAS_ONE_CONTEXT and context is None:
            context = copy_context()
        if context is not None:
            self._context = context
        self._loop = loop
        self._native = stream = _cafeloop.Stream(loop, self, sock, protocol, context)
        self.is_closing = stream.is_closing  # type: ignore[method-assign]
        self.write = stream.write  # type: ignore[method-assign]
        self.writelines = stream.writelines  # type: ignore[method-assign]
        # From here on the socket is this transport's to close.
        self._sock_fd = stream.attach()
        self._server = server
        if server is not None:
            # Since Python 3.13 a server knows which connections it has.
            server._attach(self) if _KNOWS_CONNECTIONS else server._attach()
        # asyncio's order: who reads in connection_made() finds nothing there yet.
        if not stream.begin_soon():
            loop.call_soon(connection_made, self, context=context)
            loop.call_soon(stream.start, context=context)
        if waiter is not None:
            loop.call_soon(settle, waiter, context=context)

    def _addresses(self) -> dict[str, Any]:
        known = self._native.addresses()
        assert known is not None, "of others than accepted ones they are known"
        return {"sockname": known[0], "peername": known[1]}

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

    def abort(self) -> None:
        """Close at once: what the kernel doesn't take now is dropped."""
        self._native.send_what_waits()
        super().abort()

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

    def _lose(self, error: BaseException | None) -> None:
        if self._loop is not None and not self._native.end_soon(error):
            super()._lose(error)

    def _let_go(self) -> None:
        self._native.release()
        self._loop = None
        server: Any = self._server
        if server is not None:
            self._server = None
            server._detach(self) if _KNOWS_CONNECTIONS else server._detach()
        if self._empty_waiter is not None and not self._empty_waiter.done():
            self._empty_waiter.set_exception(ConnectionError("Connection is closed by peer"))


def make_transport(
    loop: asyncio.AbstractEventLoop,
    sock: socket.socket | _cafeloop.Accepted,
    protocol: asyncio.BaseProtocol,
    waiter: asyncio.Future[None] | None,
    tls: _tls.Options | None,
    *,
    extra: dict[str, Any] | None = None,
    server: asyncio.Server | None = None,
    context: Context | None = None,
) -> Any:
    """The transport of a connected socket, with TLS on it if that has options.

    `waiter` is told when the protocol knows of the connection, or why it never will.
    """
    if tls is None:
        return StreamTransport(loop, sock, protocol, waiter, extra, server, context)
    # Who never uses TLS does without the ssl module.
    from ._tls_protocol import make_protocol

    carried = make_protocol(loop, protocol, waiter=waiter, **tls)
    try:
        StreamTransport(loop, sock, carried, None, extra, server, context)
    except:
        carried._mark_closed()
        raise
    return carried._app_transport
