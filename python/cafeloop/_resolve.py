"""Names and addresses: looked up by threads, literals without any."""

from __future__ import annotations

import socket
from asyncio.log import logger
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import BaseEventLoop as _Loop
else:
    _Loop = object

# Family, type, protocol, canonical name and address: what getaddrinfo() returns.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]

_PROTOCOLS: dict[int, int] = {
    socket.SOCK_STREAM: socket.IPPROTO_TCP,
    socket.SOCK_DGRAM: socket.IPPROTO_UDP,
}


class Resolving(_Loop):
    """The part of a loop that looks up names."""

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        """`socket.getaddrinfo` in the default executor."""
        look_up = self._getaddrinfo_timed if self.get_debug() else socket.getaddrinfo
        return await self.run_in_executor(None, look_up, host, port, family, type, proto, flags)

    def _getaddrinfo_timed(self, host: Any, port: Any, *options: int) -> list[Any]:
        """In a thread, in debug mode: say what took how long."""
        began = self.time()
        found = socket.getaddrinfo(host, port, *options)
        took = self.time() - began
        level = logger.info if took >= self.slow_callback_duration else logger.debug
        level("Getting address info %s:%r took %.3fms: %r", host, port, took * 1e3, found)
        return found

    async def getnameinfo(
        self, sockaddr: tuple[str, int] | tuple[str, int, int, int], flags: int = 0
    ) -> tuple[str, str]:
        """`socket.getnameinfo` in the default executor."""
        return await self.run_in_executor(None, socket.getnameinfo, sockaddr, flags)

    async def _resolve(
        self, address: Sequence[Any], *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> list[Any]:
        """What an address stands for: of a literal itself, without a look-up."""
        known = literal(address, family, type, proto)
        if known is not None:
            return [known]
        host, port = address[:2]
        found = await self.getaddrinfo(
            host, port, family=family, type=type, proto=proto, flags=flags
        )
        if not found:
            raise OSError(f"getaddrinfo({host!r}) returned empty list")
        return found


def literal(address: Sequence[Any], family: int, type: int, proto: int) -> AddressInfo | None:
    """The only thing that an address can stand for, unless it has to be looked up."""
    host, port, *scope = address
    number = _port(port)
    if host is None or number is None or type not in _PROTOCOLS:
        return None
    if proto not in (0, socket.IPPROTO_TCP, socket.IPPROTO_UDP):
        return None
    if isinstance(host, bytes):
        host = host.decode("idna")
    if "%" in host:
        # A scope that is named is for the system to know.
        return None
    families = (socket.AF_INET, socket.AF_INET6) if family == socket.AF_UNSPEC else (family,)
    for candidate in families:
        try:
            socket.inet_pton(candidate, host)
        except OSError:
            continue
        rest = (*scope, 0, 0)[:2] if candidate == socket.AF_INET6 else ()
        return candidate, type, _PROTOCOLS[type], "", (host, number, *rest)
    return None


def _port(port: Any) -> int | None:
    """A port's number; None for a service, which has to be looked up."""
    if port is None or port in ("", b""):
        return 0
    try:
        return int(port)
    except (TypeError, ValueError):
        return None
