"""What transports of sockets have in common: what runs once per connection or per error."""

from __future__ import annotations

import socket
import warnings
from asyncio import transports, trsock
from collections.abc import Callable
from contextvars import Context
from typing import Any

from ._transport import ReadingHalf, WritingHalf


class SocketTransport(ReadingHalf, WritingHalf, transports._FlowControlMixin):
    """The loop's side of a socket, which it closes at its end.

    `_native` is made and attached by who derives from it.
    """

    __slots__ = ("_native", "_sock_fd")

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

    def _let_go(self) -> None:
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
