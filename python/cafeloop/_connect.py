"""Connections that the loop makes, or is handed."""

from __future__ import annotations

import asyncio
import collections
import itertools
import socket
import sys
from asyncio import staggered
from asyncio.log import logger
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from . import _tls
from ._resolve import AddressInfo
from ._serve import bind_failed, check_stream

if TYPE_CHECKING:
    from ._parts import LoopParts as _Parts
else:
    _Parts = object

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)


class Connecting(_Parts):
    """The part of a loop that makes connections."""

    async def create_connection(
        self,
        protocol_factory: Callable[[], _Protocol],
        host: Any = None,
        port: Any = None,
        *,
        ssl: Any = None,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        sock: socket.socket | None = None,
        local_addr: tuple[Any, Any] | None = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        happy_eyeballs_delay: float | None = None,
        interleave: int | None = None,
        all_errors: bool = False,
    ) -> tuple[asyncio.Transport, _Protocol]:
        """Connect to a host and port, or use a socket that is connected.

        Of a name's addresses each is tried in turn; with `happy_eyeballs_delay` the
        next is tried too when one has taken so many seconds.
        """
        _tls.check_options(
            ssl,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        if ssl and server_hostname is None:
            if not host:
                raise ValueError("You must set server_hostname when using ssl without a host")
            server_hostname = host
        tls = _tls.options(
            ssl,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        is_users = sock is not None
        if host is not None or port is not None:
            if sock is not None:
                raise ValueError("host/port and sock can not be specified at the same time")
            options = {"family": family, "type": socket.SOCK_STREAM, "proto": proto, "flags": flags}
            targets = await self._resolve((host, port), **options)
            sources = await self._resolve(local_addr, **options) if local_addr is not None else None
            if happy_eyeballs_delay is not None and interleave is None:
                interleave = 1
            if interleave:
                targets = interleaved(targets, interleave)
            sock = await self._connect(targets, sources, happy_eyeballs_delay, all_errors)
        elif sock is None:
            raise ValueError("host and port was not specified and no sock specified")
        else:
            _tls.check_plain(sock)
            check_stream(sock)
        transport, protocol = await self._make_connection(
            sock, protocol_factory, tls, is_users=is_users
        )
        if self.get_debug():
            carrier = transport.get_extra_info("socket")
            logger.debug(
                "%r connected to %s:%r: (%r, %r)", carrier, host, port, transport, protocol
            )
        return transport, protocol

    async def connect_accepted_socket(
        self,
        protocol_factory: Callable[[], _Protocol],
        sock: socket.socket,
        *,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> tuple[asyncio.Transport, _Protocol]:
        """Serve a connection that was accepted outside of the loop."""
        check_stream(sock)
        _tls.check_options(
            ssl,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        _tls.check_plain(sock)
        tls = _tls.options(
            ssl,
            server_side=True,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        transport, protocol = await self._make_connection(
            sock, protocol_factory, tls, is_users=True
        )
        if self.get_debug():
            carrier = transport.get_extra_info("socket")
            logger.debug("%r handled: (%r, %r)", carrier, transport, protocol)
        return transport, protocol

    async def _make_connection(
        self,
        sock: socket.socket,
        protocol_factory: Callable[[], Any],
        tls: _tls.Options | None,
        *,
        is_users: bool,
    ) -> tuple[Any, Any]:
        """Give a connected socket its protocol, and wait until that knows."""
        from ._stream_transport import make_transport

        try:
            sock.setblocking(False)
            protocol = protocol_factory()
            waiter = self.create_future()
            transport = make_transport(self, sock, protocol, waiter, tls)
        except:
            # A socket of the user's is closed by asyncio since Python 3.14.
            if not is_users or sys.version_info >= (3, 14):
                sock.close()
            raise
        try:
            await waiter
        except:
            transport.close()
            raise
        return transport, protocol

    async def _connect(
        self,
        targets: Sequence[AddressInfo],
        sources: Sequence[AddressInfo] | None,
        delay: float | None,
        all_errors: bool,
    ) -> socket.socket:
        """The socket that is connected first, or an error that says why none is."""
        failures: list[list[OSError]] = []

        def attempt(target: AddressInfo) -> Any:
            failures.append([])
            return self._connect_to(target, sources, failures[-1])

        try:
            sock: socket.socket | None = None
            if delay is None:
                for target in targets:
                    try:
                        sock = await attempt(target)
                        break
                    except OSError:
                        continue
            else:
                attempts = [lambda target=target: attempt(target) for target in targets]
                # Unpacked, it would keep the errors, and those this frame.
                sock = (await staggered.staggered_race(attempts, delay, loop=self))[0]
            if sock is None:
                raise _failure(list(itertools.chain.from_iterable(failures)), all_errors)
            return sock
        finally:
            # Errors refer to this frame: it must not refer to them.
            failures.clear()

    async def _connect_to(
        self,
        target: AddressInfo,
        sources: Sequence[AddressInfo] | None,
        failures: list[OSError],
    ) -> socket.socket:
        """A socket that is connected to one address, from one of `sources`."""
        family, kind, protocol, _, address = target
        sock = None
        try:
            sock = socket.socket(family, kind, protocol)
            sock.setblocking(False)
            if sources is not None:
                _bind(sock, [source[4] for source in sources if source[0] == family], failures)
            await self.sock_connect(sock, address)
            return sock
        except BaseException as error:
            if isinstance(error, OSError):
                failures.append(error)
            if sock is not None:
                sock.close()
            raise
        finally:
            # The error refers to this frame, and this would refer to the error.
            failures = []


def _bind(sock: socket.socket, sources: Iterable[Any], failures: list[OSError]) -> None:
    """Bind to the first of the addresses that can be had."""
    for source in sources:
        try:
            sock.bind(source)
        except OSError as error:
            failures.append(bind_failed(source, error))
        else:
            return
    if failures:
        raise failures.pop()
    raise OSError(f"no matching local address with family={sock.family!r} found")


def _failure(errors: list[OSError], all_errors: bool) -> Exception:
    """Why no connection was made, in one exception."""
    if all_errors:
        return ExceptionGroup("create_connection failed", errors)
    if not errors:
        return TimeoutError("create_connection failed")
    texts = {str(error) for error in errors}
    if len(texts) == 1:
        return errors[0]
    return OSError(f"Multiple exceptions: {', '.join(str(error) for error in errors)}")


def interleaved(targets: Sequence[AddressInfo], first_count: int) -> list[AddressInfo]:
    """Addresses with the families in turn, after `first_count` of the first (RFC 8305)."""
    by_family: dict[int, list[AddressInfo]] = collections.defaultdict(list)
    for target in targets:
        by_family[target[0]].append(target)
    first, *others = by_family.values()
    head, rest = first[: first_count - 1], first[first_count - 1 :]
    rounds = itertools.zip_longest(rest, *others)
    in_turn = itertools.chain.from_iterable(rounds)
    return [*head, *(target for target in in_turn if target is not None)]
