"""Endpoints of datagrams: their sockets and addresses."""

from __future__ import annotations

import asyncio
import socket
import sys
from asyncio.log import logger
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, TypeVar

from ._serve import set_option
from ._unix import is_abstract, remove_stale

if TYPE_CHECKING:
    from ._parts import LoopParts as _Parts
else:
    _Parts = object

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)

# A family and a protocol of sockets, with the local and the remote address in it.
_Candidate = tuple[int, int, Any, Any]


class Datagrams(_Parts):
    """The part of a loop for datagrams."""

    # Type checkers know of `reuse_address`, which asyncio has taken no more since 3.11.
    async def create_datagram_endpoint(  # type: ignore[override]
        self,
        protocol_factory: Callable[[], _Protocol],
        local_addr: Any = None,
        remote_addr: Any = None,
        *,
        family: int = 0,
        proto: int = 0,
        flags: int = 0,
        reuse_port: bool | None = None,
        allow_broadcast: bool | None = None,
        sock: socket.socket | None = None,
    ) -> tuple[asyncio.DatagramTransport, _Protocol]:
        """Bind to a local address, send to a remote one only, or use a socket.

        Addresses are pairs of host and port; of a Unix socket (`family=AF_UNIX`) they
        are paths, of which a stale socket is replaced.
        """
        remote = None
        is_users = sock is not None
        if sock is not None:
            _check_datagram(sock)
            _refuse_options(
                local_addr=local_addr,
                remote_addr=remote_addr,
                family=family,
                proto=proto,
                flags=flags,
                reuse_port=reuse_port,
                allow_broadcast=allow_broadcast,
            )
            sock.setblocking(False)
        else:
            candidates = await self._candidates(local_addr, remote_addr, family, proto, flags)
            options = [
                option
                for option, is_set in (
                    (socket.SO_REUSEPORT, reuse_port),
                    (socket.SO_BROADCAST, allow_broadcast),
                )
                if is_set
            ]
            sock, remote = await self._open_first(candidates, options)
        from ._datagram_transport import DatagramTransport

        try:
            protocol = protocol_factory()
            waiter = self.create_future()
            transport = DatagramTransport(self, sock, protocol, remote, waiter)
        except:
            if not is_users:
                sock.close()
            raise
        if self.get_debug():
            self._log_endpoint(local_addr, remote_addr, transport, protocol)
        try:
            await waiter
        except:
            transport.close()
            raise
        return transport, protocol

    async def _candidates(
        self, local: Any, remote: Any, family: int, proto: int, flags: int
    ) -> list[_Candidate]:
        """What the addresses stand for, in the order in which to try it."""
        if not (local or remote):
            if family == 0:
                raise ValueError("unexpected address family")
            return [(family, proto, None, None)]
        if family == socket.AF_UNIX:
            for path in (local, remote):
                if path is not None and not isinstance(path, str):
                    raise TypeError("string is expected")
            if local and not is_abstract(local):
                remove_stale(local)
            return [(family, proto, local, remote)]
        by_kind: dict[tuple[int, int], dict[str, Any]] = {}
        for side, address in (("local", local), ("remote", remote)):
            if address is None:
                continue
            if not (isinstance(address, tuple) and len(address) == 2):
                raise TypeError("2-tuple is expected")
            found = await self._resolve(
                address, family=family, type=socket.SOCK_DGRAM, proto=proto, flags=flags
            )
            for kind, _, protocol, _, known in found:
                by_kind.setdefault((kind, protocol), {})[side] = known
        wanted = [side for side, address in (("local", local), ("remote", remote)) if address]
        candidates = [
            (*kind, sides.get("local"), sides.get("remote"))
            for kind, sides in by_kind.items()
            if all(side in sides for side in wanted)
        ]
        if not candidates:
            raise ValueError("can not get address information")
        return candidates

    async def _open_first(
        self, candidates: Iterable[_Candidate], options: Iterable[int]
    ) -> tuple[socket.socket, Any]:
        """The first socket that can be had, and to whom it sends only."""
        failure: OSError | None = None
        try:
            for candidate in candidates:
                try:
                    return await self._open_endpoint(candidate, options), candidate[3]
                except OSError as error:
                    failure = failure or error
            assert failure is not None
            raise failure
        finally:
            # The error refers to this frame: it must not refer to the error.
            failure = None

    async def _open_endpoint(
        self, candidate: _Candidate, options: Iterable[int]
    ) -> socket.socket:
        family, proto, local, remote = candidate
        sock = socket.socket(family, socket.SOCK_DGRAM, proto)
        try:
            for option in options:
                set_option(sock, option)
            sock.setblocking(False)
            if local:
                sock.bind(local)
            # Who may broadcast isn't connected, so that anybody may answer.
            if remote and socket.SO_BROADCAST not in options:
                await self.sock_connect(sock, remote)
        except:
            sock.close()
            raise
        return sock

    def _log_endpoint(self, local: Any, remote: Any, transport: object, protocol: object) -> None:
        if local:
            text = "Datagram endpoint local_addr=%r remote_addr=%r created: (%r, %r)"
            logger.info(text, local, remote, transport, protocol)
        else:
            text = "Datagram endpoint remote_addr=%r created: (%r, %r)"
            logger.debug(text, remote, transport, protocol)


def _check_datagram(sock: socket.socket) -> None:
    """Refuse a stream; before Python 3.13, all but datagrams."""
    if sys.version_info >= (3, 13):
        if sock.type == socket.SOCK_STREAM:
            raise ValueError(f"A datagram socket was expected, got {sock!r}")
    elif sock.type != socket.SOCK_DGRAM:
        raise ValueError(f"A UDP Socket was expected, got {sock!r}")


def _refuse_options(**options: Any) -> None:
    """Refuse what only makes sense for a socket that is to be made."""
    problems = ", ".join(f"{name}={value}" for name, value in options.items() if value)
    if problems:
        raise ValueError(
            "socket modifier keyword arguments can not be used "
            f"when sock is specified. ({problems})"
        )
