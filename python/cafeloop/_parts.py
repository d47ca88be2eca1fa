"""What the parts of a loop know of each other: for type checkers, never imported."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ._cafeloop import Holding

_T = TypeVar("_T")


class LoopParts(asyncio.BaseEventLoop):
    """A loop, as its parts in other files see it."""

    _unix_server_files: dict[socket.socket, int]

    def _add_reader(
        self, fd: int, callback: Callable[..., object], *args: Any
    ) -> asyncio.Handle:
        raise NotImplementedError

    def _add_writer(
        self, fd: int, callback: Callable[..., object], *args: Any
    ) -> asyncio.Handle:
        raise NotImplementedError

    def _receive(self, sock: socket.socket, n: int, /) -> asyncio.Future[bytes] | None:
        raise NotImplementedError

    def _receive_into(self, sock: socket.socket, buf: Any, /) -> asyncio.Future[int] | None:
        raise NotImplementedError

    def _stop_receiving(self, sock: socket.socket, future: asyncio.Future[Any]) -> None:
        raise NotImplementedError

    def _send(self, sock: socket.socket, data: Any, /) -> int | None:
        raise NotImplementedError

    def _expect(self, what: str) -> Holding:
        raise NotImplementedError

    async def _resolve(
        self,
        address: Sequence[Any],
        *,
        family: int = 0,
        type: int = 0,
        proto: int = 0,
        flags: int = 0,
    ) -> list[Any]:
        raise NotImplementedError

    def _check_socket(self, sock: socket.socket) -> None:
        raise NotImplementedError

    async def _write(self, sock: socket.socket, attempt: Callable[[], _T]) -> _T:
        raise NotImplementedError

    async def _make_connection(
        self,
        sock: socket.socket,
        protocol_factory: Callable[[], Any],
        tls: dict[str, Any] | None,
        *,
        is_users: bool,
    ) -> tuple[Any, Any]:
        raise NotImplementedError

    async def _serve(
        self,
        sockets: list[socket.socket],
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        ssl: Any,
        times: tuple[float | None, float | None],
        backlog: int,
        start_serving: bool,
    ) -> asyncio.Server:
        raise NotImplementedError

    def _stop_serving(self, sock: socket.socket) -> None:
        raise NotImplementedError
