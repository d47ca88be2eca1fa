"""Servers: their sockets, and the connections that they accept."""

from __future__ import annotations

import asyncio
import errno
import functools
import itertools
import socket
import sys
from asyncio import constants, trsock
from asyncio.log import logger
from collections.abc import Callable, Iterable, Sequence
from contextvars import Context
from typing import TYPE_CHECKING, Any

from . import _cafeloop, _tls
from ._resolve import AddressInfo

if TYPE_CHECKING:
    from ._parts import LoopParts as _Parts
else:
    _Parts = object


class Serving(_Parts):
    """The part of a loop that listens and accepts.

    Servers are the interpreter's own `asyncio.Server`, so that each means by
    `wait_closed` and `close_clients` what that Python does.
    """

    async def create_server(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        host: Any = None,
        port: Any = None,
        *,
        family: int = socket.AF_UNSPEC,
        flags: int = socket.AI_PASSIVE,
        sock: socket.socket | None = None,
        backlog: int = 100,
        ssl: Any = None,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
        keep_alive: bool | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
    ) -> asyncio.Server:
        """Listen on the addresses of a host, of several, or of all ("" or None).

        Or on a socket of the user's, which then belongs to the server.
        """
        _tls.check_context(ssl)
        _tls.check_options(
            ssl,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        if host is not None or port is not None:
            if sock is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            options = [
                (socket.SO_REUSEADDR, reuse_address is None or reuse_address),
                (socket.SO_REUSEPORT, reuse_port),
                (socket.SO_KEEPALIVE, keep_alive),
            ]
            addresses = await self._addresses_of(_hosts(host), port, family, flags)
            sockets = self._bind_all(addresses, [option for option, is_set in options if is_set])
        elif sock is None:
            raise ValueError("Neither host/port nor sock were specified")
        else:
            _tls.check_plain(sock)
            check_stream(sock)
            sockets = [sock]
        times = (ssl_handshake_timeout, ssl_shutdown_timeout)
        server = await self._serve(sockets, protocol_factory, ssl, times, backlog, start_serving)
        if self.get_debug():
            logger.info("%r is serving", server)
        return server

    async def _serve(
        self,
        sockets: list[socket.socket],
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        ssl: Any,
        times: tuple[float | None, float | None],
        backlog: int,
        start_serving: bool,
    ) -> asyncio.Server:
        """A server on sockets that are bound."""
        for sock in sockets:
            sock.setblocking(False)
        server: Any = asyncio.Server(self, sockets, protocol_factory, ssl, backlog, *times)
        if sys.version_info >= (3, 13):
            # In the place of a WeakSet, with what the server asks of it.
            server._clients = _cafeloop.Connections()
        if start_serving:
            await server.start_serving()
        made: asyncio.Server = server
        return made

    async def _addresses_of(
        self, hosts: Iterable[Any], port: Any, family: int, flags: int
    ) -> list[AddressInfo]:
        """All addresses of the hosts, each once."""
        look_ups = [
            self._resolve((host, port), family=family, type=socket.SOCK_STREAM, flags=flags)
            for host in hosts
        ]
        found = await asyncio.gather(*look_ups)
        return list(dict.fromkeys(itertools.chain.from_iterable(found)))

    def _bind_all(
        self, addresses: Sequence[AddressInfo], options: Sequence[int]
    ) -> list[socket.socket]:
        """A socket for each address that this machine has."""
        sockets: list[socket.socket] = []
        try:
            for address in addresses:
                sock = self._open(address, options)
                if sock is not None:
                    sockets.append(sock)
            if not sockets:
                known = [address[4] for address in addresses]
                raise OSError(f"could not bind on any address out of {known!r}")
        except BaseException:
            for sock in sockets:
                sock.close()
            raise
        return sockets

    def _open(self, info: AddressInfo, options: Sequence[int]) -> socket.socket | None:
        """A socket that is bound; None if the machine doesn't know the address."""
        family, kind, protocol, _, address = info
        try:
            sock = socket.socket(family, kind, protocol)
        except OSError:
            # The system has no such family.
            if self.get_debug():
                text = "create_server() failed to create socket.socket(%r, %r, %r)"
                logger.warning(text, family, kind, protocol, exc_info=True)
            return None
        try:
            for option in options:
                set_option(sock, option)
            if family == socket.AF_INET6:
                # Or it would take the IPv4 addresses too, which have their own socket.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, True)
            sock.bind(address)
        except OSError as error:
            sock.close()
            failure = bind_failed(address, error)
            if error.errno == errno.EADDRNOTAVAIL and sys.version_info >= (3, 13):
                if self.get_debug():
                    logger.warning(failure.strerror)
                return None
            raise failure from None
        except BaseException:
            sock.close()
            raise
        return sock

    # --- what asyncio's servers ask of their loop

    def _start_serving(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        sock: socket.socket,
        sslcontext: Any = None,
        server: asyncio.Server | None = None,
        backlog: int = 100,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        context: Context | None = None,
    ) -> None:
        tls = _tls.options(
            sslcontext,
            server_side=True,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        self._start_accepting(sock, backlog, protocol_factory, tls, server, context)

    def _start_accepting(
        self,
        sock: socket.socket,
        backlog: int,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        tls: _tls.Options | None,
        server: asyncio.Server | None,
        context: Context | None,
    ) -> None:
        """Accept all that wait, once a turn, so that the others get theirs."""
        from ._stream_transport import make_transport

        serving = (protocol_factory, tls, server, context)
        acceptor = _cafeloop.Acceptor(
            sock,
            backlog + 1,
            is_tcp(sock),
            functools.partial(self._accepted, make_transport, *serving),
            functools.partial(self._accept_later, sock, backlog, *serving),
        )
        self._add_reader(sock.fileno(), acceptor.accept)

    def _stop_serving(self, sock: socket.socket) -> None:
        self.remove_reader(sock.fileno())
        sock.close()

    def _accept_later(
        self,
        sock: socket.socket,
        backlog: int,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        tls: _tls.Options | None,
        server: asyncio.Server | None,
        context: Context | None,
        error: OSError,
    ) -> None:
        """The kernel would report the same connection again and again: wait a second."""
        self.call_exception_handler(
            {
                "message": "socket.accept() out of system resource",
                "exception": error,
                "socket": trsock.TransportSocket(sock),
            }
        )
        self.remove_reader(sock.fileno())

        def try_again() -> None:
            # The server may have been closed meanwhile.
            if sock.fileno() != -1:
                self._start_accepting(sock, backlog, protocol_factory, tls, server, context)

        self.call_later(constants.ACCEPT_RETRY_DELAY, try_again)

    def _accepted(
        self,
        make_transport: Callable[..., Any],
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        tls: _tls.Options | None,
        server: asyncio.Server | None,
        context: Context | None,
        connection: _cafeloop.Accepted,
    ) -> None:
        """Give a connection its protocol.  In debug mode a failure is reported."""
        protocol = None
        try:
            if self.get_debug():
                address = connection.getpeername()
                logger.debug("%r got a new connection from %r: %r", server, address, connection)
            if context is None:
                protocol = protocol_factory()
            else:
                context = context.copy()
                protocol = context.run(protocol_factory)
            waiter = None if tls is None else self.create_future()
            transport = make_transport(
                self, connection, protocol, waiter, tls, server=server, context=context
            )
        except (SystemExit, KeyboardInterrupt):
            connection.close()
            raise
        except BaseException as error:
            connection.close()
            self._report_accepting(error, protocol=protocol)
        else:
            if waiter is not None:
                watching = self._watch_handshake(waiter, transport, protocol)
                self.create_task(watching, context=context)

    async def _watch_handshake(
        self, waiter: asyncio.Future[None], transport: Any, protocol: asyncio.BaseProtocol
    ) -> None:
        """Close a connection whose handshake fails, or is still going on at the end."""
        try:
            await waiter
        except BaseException as error:
            transport.close()
            # The error refers to this frame, and this would refer to the error.
            del waiter
            if isinstance(error, SystemExit | KeyboardInterrupt):
                raise
            self._report_accepting(error, protocol=protocol, transport=transport)

    def _report_accepting(self, error: BaseException, **known: Any) -> None:
        if self.get_debug():
            message = "Error on transport creation for incoming connection"
            details = {name: thing for name, thing in known.items() if thing is not None}
            self.call_exception_handler({"message": message, "exception": error, **details})


def check_stream(sock: socket.socket) -> None:
    """Refuse a socket that isn't one of a stream."""
    if sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A Stream Socket was expected, got {sock!r}")


def is_tcp(sock: socket.socket) -> bool:
    """Whether what is written to a socket is to go out at once; asyncio's choice."""
    return (
        sock.family in (socket.AF_INET, socket.AF_INET6)
        and sock.type == socket.SOCK_STREAM
        and sock.proto == socket.IPPROTO_TCP
    )


def _hosts(host: Any) -> Iterable[Any]:
    if host == "":
        return [None]
    if isinstance(host, str) or not isinstance(host, Iterable):
        return [host]
    return host


def set_option(sock: socket.socket, option: int) -> None:
    if option == socket.SO_REUSEPORT and sock.family not in (socket.AF_INET, socket.AF_INET6):
        # Linux 6.12 refuses it elsewhere.
        return
    try:
        sock.setsockopt(socket.SOL_SOCKET, option, True)
    except OSError:
        if option != socket.SO_REUSEPORT:
            raise
        raise ValueError(
            "reuse_port not supported by socket module, SO_REUSEPORT defined but not implemented."
        ) from None


def bind_failed(address: Any, error: OSError) -> OSError:
    """Why an address can't be had, as asyncio words it: with the number since Python 3.13."""
    reason = str(error) if sys.version_info >= (3, 13) else error.strerror or ""
    text = f"error while attempting to bind on address {address!r}: {reason.lower()}"
    return OSError(error.errno, text)
