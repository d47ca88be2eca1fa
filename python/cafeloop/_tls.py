"""TLS as the loop's methods have it: options and refusals."""

from __future__ import annotations

import sys
from typing import Any

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
