"""Names and addresses: looked up by threads, literals without any."""

from __future__ import annotations

import socket
import sys
from asyncio.log import logger
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asyncio import BaseEventLoop as _Loop
else:
    _Loop = object

# Family, type, protocol, canonical name and address: what getaddrinfo() returns.
AddressInfo = tuple[int, int, int, str, tuple[Any, ...]]


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
        """`socket.getaddrinfo`: at once for a literal, else in the default executor."""
        look_up: Callable[..., list[Any]]
        if self.get_debug():
            look_up = self._getaddrinfo_timed
        else:
            look_up = socket.getaddrinfo
            known = _known(look_up, host, port, family, type, proto, flags)
            if known is not None:
                return [known]
        return await self.run_in_executor(None, look_up, host, port, family, type, proto, flags)

    def _getaddrinfo_timed(self, host: Any, port: Any, *options: int) -> list[Any]:
        """In a thread, in debug mode: say what is looked up, and what took how long."""
        named = zip(("family", "type", "proto", "flags"), options, strict=True)
        wanted = [f"{host}:{port!r}", *(f"{name}={it!r}" for name, it in named if it)]
        what = ", ".join(wanted)
        logger.debug("Get address info %s", what)
        began = self.time()
        found = socket.getaddrinfo(host, port, *options)
        took = self.time() - began
        level = logger.info if took >= self.slow_callback_duration else logger.debug
        level("Getting address info %s took %.3fms: %r", what, took * 1e3, found)
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


# By number, as whoever asks may have it: the kind, and its protocol.
_KINDS: dict[int, tuple[socket.SocketKind, int]] = {
    socket.SOCK_STREAM: (socket.SOCK_STREAM, socket.IPPROTO_TCP),
    socket.SOCK_DGRAM: (socket.SOCK_DGRAM, socket.IPPROTO_UDP),
}
_NO_KIND: tuple[None, int] = (None, 0)
_KNOWN_PROTOCOLS = frozenset({0, socket.IPPROTO_TCP, socket.IPPROTO_UDP})

_INET, _INET6 = socket.AF_INET, socket.AF_INET6
_LAST_PORT = 65535
# All but those that mean nothing where nothing has to be looked up.
_OTHER_FLAGS = ~int(socket.AI_PASSIVE | socket.AI_NUMERICHOST | socket.AI_NUMERICSERV)


def _known(
    look_up: Any, host: Any, port: Any, family: int, type: int, proto: int, flags: int
) -> AddressInfo | None:
    """What `look_up`, if it is the standard library's, will say; None if it isn't known."""
    if flags and int(flags) & _OTHER_FLAGS:
        return None
    kind, protocol = _KINDS.get(type, _NO_KIND)
    if kind is None or (proto and proto != protocol) or host.__class__ is not str:
        return None
    if port.__class__ is int:
        number = port
    elif port is None:
        number = 0
    elif port.__class__ is str and len(port) <= 5 and port.isascii() and port.isdigit():
        number = int(port)
    else:
        return None
    if not 0 <= number <= _LAST_PORT or getattr(look_up, "__globals__", None) is not _SOCKET:
        return None
    # No scope: which of the system's interfaces it names isn't known here.
    candidate = _INET6 if ":" in host else _INET
    if family and family != candidate:
        return None
    try:
        packed = socket.inet_pton(candidate, host)
    except (OSError, ValueError):
        return None
    sys.audit("socket.getaddrinfo", host, port, family, type, proto)
    if candidate is _INET:
        return _INET, kind, protocol, "", (host, number)
    return _INET6, kind, protocol, "", (socket.inet_ntop(_INET6, packed), number, 0, 0)


# Somebody else's function, as tests put it there, has other globals.
_SOCKET = vars(socket)


def literal(address: Sequence[Any], family: int, type: int, proto: int) -> AddressInfo | None:
    """The only thing that an address can stand for, unless it has to be looked up."""
    host, port = address[:2]
    number = port if port.__class__ is int else _port(port)
    kind, protocol = _KINDS.get(type, _NO_KIND)
    if host is None or number is None or kind is None or proto not in _KNOWN_PROTOCOLS:
        return None
    if isinstance(host, bytes):
        host = host.decode("idna")
    if "%" in host:
        # A scope that is named is for the system to know.
        return None
    candidate = _INET6 if ":" in host else _INET
    if family and family != candidate:
        return None
    try:
        socket.inet_pton(candidate, host)
    except OSError:
        return None
    rest = (*address[2:], 0, 0)[:2] if candidate is _INET6 else ()
    return candidate, type, protocol, "", (host, number, *rest)


def _port(port: Any) -> int | None:
    """A port's number; None for a service, which has to be looked up."""
    if port is None or port in ("", b""):
        return 0
    try:
        return int(port)
    except (TypeError, ValueError):
        return None
