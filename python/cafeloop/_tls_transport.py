"""The transport that users of a TLS connection have."""

from __future__ import annotations

import asyncio
import sys
import warnings
from asyncio import constants, sslproto, transports
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._tls_protocol import TlsProtocol

# The native methods of the protocol that a transport has as they are.
_NATIVE = (
    "get_write_buffer_size",
    "is_reading",
    "pause_reading",
    "write",
    "writelines",
)


class _Ended:
    """Stands in for a connection that is over and whose transport was closed twice: it is
    known then that nobody asks about it, and its context may go.  asyncio's transport has
    None in that place, and fails when it is asked.
    """

    _transport = None

    def get_extra_info(self, _name: str, default: Any = None) -> Any:
        return default

    def get_app_protocol(self) -> None:
        return None

    def get_write_buffer_size(self) -> int:
        return 0

    def is_reading(self) -> bool:
        return False

    def ignore(self, *_args: object) -> None:
        pass

    abort = pause_reading = set_app_protocol = write = writelines = ignore
    set_incoming_marks = set_outgoing_marks = is_paused = resume_reading = ignore


class SSLTransport(transports._FlowControlMixin):
    """A connection inside of another, encrypted.  Programs look for "SSL" in its name.

    Half of it can't be closed: `write_eof` raises NotImplementedError, as asyncio's.
    """

    __slots__ = (
        *_NATIVE,
        "__dict__",
        "__weakref__",
        "_closed",
        "_marks",
        "_ssl_protocol",
        "_was_closed_again",
    )

    _start_tls_compatible = True
    _sendfile_compatible = constants._SendfileMode.FALLBACK

    def __init__(self, loop: asyncio.AbstractEventLoop, protocol: TlsProtocol) -> None:
        self._loop = loop
        self._closed = False
        self._was_closed_again = False
        self._marks: dict[str, tuple[int, int]] = {}
        self._use(protocol)

    def _use(self, protocol: Any) -> None:
        self._ssl_protocol = protocol
        for name in _NATIVE:
            setattr(self, name, getattr(protocol, name))

    def __del__(self, warn: Callable[..., object] = warnings.warn) -> None:
        # Nothing is there if making it has failed.
        if not getattr(self, "_closed", True):
            self._closed = True
            warn(f"unclosed transport {self!r}", ResourceWarning, source=self)

    @property
    def _native(self) -> TlsProtocol:
        """What encrypted bytes are written to, where this transport carries TLS itself."""
        protocol: TlsProtocol = self._ssl_protocol
        return protocol

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the session or, if that knows nothing, of the carrier."""
        return self._ssl_protocol.get_extra_info(name, default)

    # --- the protocol

    def get_protocol(self) -> Any:
        """The protocol that is told what comes; None after the end."""
        return self._ssl_protocol.get_app_protocol()

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Have `protocol` told from now on."""
        self._ssl_protocol.set_app_protocol(protocol)

    # --- reading

    def resume_reading(self) -> None:
        """Have the protocol given what comes again, from the next turn on."""
        if self._ssl_protocol.resume_reading():
            self._ssl_protocol._catch_up_soon()

    def get_read_buffer_size(self) -> int:
        """Bytes that came and aren't decrypted."""
        incoming = getattr(self._ssl_protocol, "_incoming", None)
        return 0 if incoming is None else incoming.pending

    def get_read_buffer_limits(self) -> tuple[int, int]:
        """The low and the high mark, in bytes."""
        return self._marks.get("read") or _default_marks(constants.FLOW_CONTROL_HIGH_WATER_SSL_READ)

    def set_read_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Stop reading from the carrier from `high` bytes that wait, until `low` do."""
        kilobytes = constants.FLOW_CONTROL_HIGH_WATER_SSL_READ
        high, low = sslproto.add_flowcontrol_defaults(high, low, kilobytes)
        self._marks["read"] = (low, high)
        self._ssl_protocol.set_incoming_marks(_size(high), _size(low))

    # --- writing

    @property
    def _protocol_paused(self) -> bool:
        # sendfile() asks.
        is_paused: bool = self._ssl_protocol.is_paused()
        return is_paused

    def get_write_buffer_limits(self) -> tuple[int, int]:
        """The low and the high mark, in bytes."""
        return self._marks.get("write") or _default_marks(
            constants.FLOW_CONTROL_HIGH_WATER_SSL_WRITE
        )

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Have the protocol pause from `high` bytes that wait, and resume at `low`."""
        kilobytes = constants.FLOW_CONTROL_HIGH_WATER_SSL_WRITE
        high, low = sslproto.add_flowcontrol_defaults(high, low, kilobytes)
        self._marks["write"] = (low, high)
        self._ssl_protocol.set_outgoing_marks(_size(high), _size(low))

    def can_write_eof(self) -> bool:
        """Whether one side can end before the other: not with asyncio's TLS."""
        return False

    def write_eof(self) -> None:
        """Raise NotImplementedError: half of it can't be closed."""
        raise NotImplementedError

    # --- the end

    def is_closing(self) -> bool:
        """Whether it is closed, or its carrier is."""
        carrier = self._ssl_protocol._transport
        return self._closed or (carrier is not None and carrier.is_closing())

    def close(self) -> None:
        """Deliver what was written, exchange last words, then close the carrier."""
        if not self._closed:
            self._closed = True
            self._ssl_protocol.start_shutdown()
        else:
            self._was_closed_again = True
            if self._ssl_protocol._transport is None:
                self._lost()

    def _lost(self) -> None:
        """The carrier is lost."""
        self._closed = True
        if self._was_closed_again:
            self._use(_Ended())

    def abort(self) -> None:
        """Close at once: what the carrier hasn't sent is dropped."""
        # In asyncio all that was written is with the carrier by now.
        self.get_write_buffer_size()
        self._force_close(None)

    def _force_close(self, error: BaseException | None) -> None:
        self._closed = True
        self._ssl_protocol.abort(error)


def _default_marks(kilobytes: int) -> tuple[int, int]:
    high = kilobytes * 1024
    return high // 4, high


def _size(mark: int) -> int:
    return int(min(mark, sys.maxsize))
