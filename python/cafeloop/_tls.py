"""TLS as the loop's methods have it: options, refusals, and how a transport is made."""

from __future__ import annotations

import asyncio
import socket
import sys
from contextvars import Context
from typing import Any

from . import _cafeloop
from ._stream_transport import StreamTransport

# What only has a meaning with `ssl`.
_OPTIONS = ("server_hostname", "ssl_handshake_timeout", "ssl_shutdown_timeout")

Options = dict[str, Any]


def check_options(ssl: object, **options: object) -> None:
    """Refuse options of TLS where it wasn't asked for."""
    for name in _OPTIONS:
        if options.get(name) is not None and not ssl:
            raise ValueError(f"{name} is only meaningful with ssl")


def check_context(ssl: object) -> None:
    """Refuse what a server can't use as its context."""
    if isinstance(ssl, bool):
        raise TypeError("ssl argument must be an SSLContext or None")


def check_plain(sock: Any) -> None:
    """Refuse a socket of the ssl module, which does its own reading and writing."""
    ssl = sys.modules.get("ssl")
    if ssl is not None and isinstance(sock, ssl.SSLSocket):
        raise TypeError("Socket cannot be of type SSLSocket")


def options(ssl: Any, **given: Any) -> Options | None:
    """What a connection's TLS is made with; None if it has none.

    True for `ssl` is the default context, which a client may ask for.
    """
    if not ssl:
        return None
    return {"context": None if isinstance(ssl, bool) else ssl, **given}


def make_transport(
    loop: asyncio.AbstractEventLoop,
    sock: socket.socket | _cafeloop.Accepted,
    protocol: asyncio.BaseProtocol,
    waiter: asyncio.Future[None] | None,
    tls: Options | None,
    *,
    extra: dict[str, Any] | None = None,
    server: asyncio.Server | None = None,
    context: Context | None = None,
) -> Any:
    """The transport of a connected socket, with TLS on it if that has options.

    `waiter` is told when the protocol knows of the connection, or why it never will.
    """
    if tls is None:
        return StreamTransport(loop, sock, protocol, waiter, extra, server, context)
    # Who never uses TLS does without the ssl module.
    from ._tls_protocol import make_protocol

    carried = make_protocol(loop, protocol, waiter=waiter, **tls)
    try:
        StreamTransport(loop, sock, carried, None, extra, server, context)
    except:
        carried._mark_closed()
        raise
    return carried._app_transport
