"""Transports of datagram sockets: what runs once per endpoint or per error."""

from __future__ import annotations

import asyncio
import socket
from asyncio import transports
from typing import Any

from . import _cafeloop
from ._socket_transport import SocketTransport, addresses
from ._transport import settle


class DatagramTransport(SocketTransport, transports.DatagramTransport):
    """An endpoint of datagrams, UDP or Unix; `remote` if all go to the same.

    `connection_made` is called in the loop's next turn, then receiving begins, then
    `waiter` is told.  The socket is closed when the endpoint is lost.
    """

    # What is called most, each transport has as a native method of its own.
    __slots__ = ("sendto",)

    _native: _cafeloop.Datagram

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        sock: socket.socket,
        protocol: asyncio.BaseProtocol,
        remote: Any,
        waiter: asyncio.Future[None],
    ) -> None:
        self._loop = loop
        self._known = addresses(sock, None)
        is_connected = bool(self._known["peername"])
        self._native = native = _cafeloop.Datagram(
            loop, self, sock, protocol, remote or None, is_connected
        )
        self.sendto = native.sendto  # type: ignore[method-assign]
        # From here on the socket is this transport's to close.
        self._sock_fd = native.attach()
        # asyncio's order: who reads in connection_made() finds nothing there yet.
        loop.call_soon(protocol.connection_made, self)
        loop.call_soon(native.start)
        loop.call_soon(settle, waiter)

    # By these names what the protocol raises is reported.

    def _read_ready(self) -> None:
        self._native.read_ready()

    def _sendto_ready(self) -> None:
        self._native.sendto_ready()
