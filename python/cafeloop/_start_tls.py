"""TLS on a connection that is there already."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._parts import LoopParts as _Parts
else:
    _Parts = object


class StartingTls(_Parts):
    """The part of a loop that puts TLS on transports."""

    async def start_tls(
        self,
        transport: Any,
        protocol: asyncio.BaseProtocol,
        sslcontext: Any,
        *,
        server_side: bool = False,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> asyncio.Transport | None:
        """Shake hands on a transport, and return the one that `protocol` has from then on.

        If that fails or is cancelled the connection is closed.  A transport that isn't
        this loop's own is given asyncio's TLS.
        """
        import ssl
        from asyncio import sslproto

        from ._stream_transport import StreamTransport
        from ._tls_protocol import make_protocol
        from ._tls_transport import SSLTransport

        if not isinstance(sslcontext, ssl.SSLContext):
            raise TypeError(
                f"sslcontext is expected to be an instance of ssl.SSLContext, got {sslcontext!r}"
            )
        if not getattr(transport, "_start_tls_compatible", False):
            raise TypeError(f"transport {transport!r} is not supported by start_tls()")
        waiter = self.create_future()
        options: dict[str, Any] = {
            "server_side": server_side,
            "server_hostname": server_hostname,
            "ssl_handshake_timeout": ssl_handshake_timeout,
            "ssl_shutdown_timeout": ssl_shutdown_timeout,
        }
        carried: Any
        if type(transport) in (StreamTransport, SSLTransport) and transport._loop is self:
            carried = make_protocol(self, protocol, sslcontext, waiter, is_upgrade=True, **options)
        else:
            carried = sslproto.SSLProtocol(
                self, protocol, sslcontext, waiter, call_connection_made=False, **options
            )
        # Nothing must come before the handshake has begun.
        transport.pause_reading()
        if server_side:
            _hand_over(protocol, carried._incoming)
        transport.set_protocol(carried)
        begin = self.call_soon(carried.connection_made, transport)
        resume = self.call_soon(transport.resume_reading)
        try:
            await waiter
        except BaseException:
            transport.close()
            begin.cancel()
            resume.cancel()
            raise
        encrypted: asyncio.Transport | None = carried._app_transport
        return encrypted


def _hand_over(protocol: asyncio.BaseProtocol, incoming: Any) -> None:
    """A client that doesn't wait for the server begins its handshake early: of what
    asyncio's streams have read, all that nobody has taken belongs to it.
    """
    reader: Any = getattr(protocol, "_stream_reader", None)
    if isinstance(protocol, asyncio.StreamReaderProtocol) and reader is not None:
        buffer: bytearray = reader._buffer
        if buffer:
            incoming.write(buffer)
            buffer.clear()
