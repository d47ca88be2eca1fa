"""Pipes: their transports are made here."""

from __future__ import annotations

import asyncio
from asyncio.log import logger
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from ._pipe_transport import ReadPipeTransport, WritePipeTransport
    from ._parts import LoopParts as _Parts
else:
    _Parts = object

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)


class Pipes(_Parts):
    """The part of a loop for pipes."""

    async def connect_read_pipe(
        self, protocol_factory: Callable[[], _Protocol], pipe: Any
    ) -> tuple[asyncio.ReadTransport, _Protocol]:
        """Read a pipe: anything with a `fileno()` that is a pipe, a socket or a device.

        It is put into non-blocking mode, and belongs to the transport.
        """
        from ._pipe_transport import ReadPipeTransport

        protocol = protocol_factory()
        waiter = self.create_future()
        transport = ReadPipeTransport(self, pipe, protocol, waiter)
        await _connected(transport, waiter)
        if self.get_debug():
            logger.debug(
                "Read pipe %r connected: (%r, %r)", pipe.fileno(), transport, protocol
            )
        return transport, protocol

    async def connect_write_pipe(
        self, protocol_factory: Callable[[], _Protocol], pipe: Any
    ) -> tuple[asyncio.WriteTransport, _Protocol]:
        """Write to a pipe, as above."""
        from ._pipe_transport import WritePipeTransport

        protocol = protocol_factory()
        waiter = self.create_future()
        transport = WritePipeTransport(self, pipe, protocol, waiter)
        await _connected(transport, waiter)
        if self.get_debug():
            logger.debug(
                "Write pipe %r connected: (%r, %r)", pipe.fileno(), transport, protocol
            )
        return transport, protocol


async def _connected(
    transport: ReadPipeTransport | WritePipeTransport, waiter: asyncio.Future[None]
) -> None:
    try:
        await waiter
    except BaseException:
        transport.close()
        raise
