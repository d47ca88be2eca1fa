"""What transports of sockets have in common: what runs once per connection or per error."""

from __future__ import annotations

import socket
import warnings
from asyncio import transports, trsock
from collections.abc import Callable
from typing import Any

from ._transport import ReadingHalf, WritingHalf


class SocketTransport(ReadingHalf, WritingHalf, transports._FlowControlMixin):
    """The loop's side of a socket, which it closes at its end.

    `_native` is made and attached by who derives from it.
    """

    __slots__ = ("_context", "_marks", "_native", "_sock", "_sock_fd")

    # None once it is closed.
    _sock: socket.socket | None
    _sock_fd: int

    def __repr__(self) -> str:
        info = [type(self).__name__]
        if self._sock is None:
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
        sock = getattr(self, "_sock", None)
        if sock is not None:
            warn(f"unclosed transport {self!r}", ResourceWarning, source=self)
            sock.close()

    def _let_go(self) -> None:
        sock, self._sock = self._sock, None
        self._native.release()
        self._loop = None
        if sock is not None:
            sock.close()


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
