"""TLS connections: what runs once per connection, handshake, shutdown or error.

What runs per packet is native, in `_cafeloop.Tls`, which is a connection's state too and
calls the methods here that begin with an underscore.
"""

from __future__ import annotations

import asyncio
import ssl
from asyncio import constants, sslproto
from asyncio.log import logger
from collections.abc import Callable
from typing import Any

from . import _cafeloop
from ._tls_transport import SSLTransport

# What isn't an error: OpenSSL waits for the other side.
_NEEDS_INPUT = (ssl.SSLWantReadError, ssl.SSLSyscallError)
_CLASS: Any = ssl.SSLObject
_OWN_METHODS = (_CLASS.read, _CLASS.write)


class TlsProtocol(_cafeloop.Tls, asyncio.BaseProtocol):
    """The protocol of a transport that carries TLS, which it puts on another transport.

    The handshake begins when the carrier is there; `waiter` is told what came of it.
    `transport` is the user's, from the beginning.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        protocol: asyncio.BaseProtocol,
        session: Any,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        *,
        is_plain: bool,
        is_upgrade: bool,
        sslobject: Any,
        context: ssl.SSLContext,
        waiter: asyncio.Future[None] | None,
        handshake_timeout: float,
        shutdown_timeout: float,
    ) -> None:
        self._loop = loop
        self._sslobj = sslobject
        self._waiter = waiter
        self._incoming = incoming
        self._handshake_timeout = handshake_timeout
        self._shutdown_timeout = shutdown_timeout
        self._handshake_began: float | None = None
        self._handshake_timeout_handle: asyncio.TimerHandle | None = None
        self._shutdown_timeout_handle: asyncio.TimerHandle | None = None
        # More is known after the handshake.
        self._extra: dict[str, Any] = {"sslcontext": context}
        self._transport: Any = None
        self._app_transport: SSLTransport | None = SSLTransport(loop, self)

    def _debug(self, message: str, *details: object, exc_info: bool = False) -> None:
        if self._loop.get_debug():
            logger.debug(message, self, *details, exc_info=exc_info)

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """What is known of the session, or of the carrier."""
        if name in self._extra:
            return self._extra[name]
        if self._transport is not None:
            return self._transport.get_extra_info(name, default)
        return default

    # --- the handshake

    def connection_made(self, transport: Any) -> None:
        """The carrier is there."""
        self._transport = transport
        if not self.begin(transport._native):
            # It was closed before it began.
            transport.abort()
            return
        self._debug("%r starts SSL handshake")
        if self._loop.get_debug():
            self._handshake_began = self._loop.time()
        self._handshake_timeout_handle = self._loop.call_later(
            self._handshake_timeout, self._check_handshake_timeout
        )
        self._shake_hands()

    def _check_handshake_timeout(self) -> None:
        if self.is_shaking_hands():
            text = (
                f"SSL handshake is taking longer than {self._handshake_timeout} seconds: "
                f"aborting the connection"
            )
            self._fatal_error(ConnectionAbortedError(text))

    def _shake_hands(self) -> None:
        try:
            self._sslobj.do_handshake()
        except _NEEDS_INPUT:
            self.send()
        except ssl.SSLError as error:
            self._handshake_failed(error)
        else:
            self._handshake_done()

    def _carrier_ended(self) -> None:
        """The carrier's input has ended in the midst of the handshake."""
        self._handshake_failed(ConnectionResetError())

    def _handshake_failed(self, error: Exception) -> None:
        self._stop_timers()
        self.end()
        text = "SSL handshake failed"
        if isinstance(error, ssl.CertificateError):
            text += " on verifying the certificate"
        self._fatal_error(error, text)
        self._wake_waiter(error)

    def _handshake_done(self) -> None:
        self._stop_timers()
        if not self.open():
            # A callback of the handshake's has ended the connection.
            return
        sslobject = self._sslobj
        try:
            known = {
                "peercert": sslobject.getpeercert(),
                "cipher": sslobject.cipher(),
                "compression": sslobject.compression(),
                "ssl_object": sslobject,
            }
        except Exception as error:
            self._handshake_failed(error)
            return
        if self._handshake_began is not None:
            took = self._loop.time() - self._handshake_began
            self._debug("%r: SSL handshake took %.1f ms", took * 1e3)
        self._extra.update(known)
        protocol: Any = self.get_app_protocol()
        if self.tells_made():
            protocol.connection_made(self._app_transport)
        self._wake_waiter(None)
        # What came behind the handshake, what was written before its end, and what ends
        # it for the other side.
        self.read()
        self.send()

    def _wake_waiter(self, error: BaseException | None) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is None or waiter.cancelled():
            return
        if error is None:
            waiter.set_result(None)
        else:
            waiter.set_exception(error)

    # --- reading

    @property
    def _app_reading_paused(self) -> bool:
        # CPython's own tests look at it.
        return not self.is_reading()

    def _read_again(self) -> None:
        self._loop.call_soon(self.read)

    def _catch_up_soon(self) -> None:
        self._loop.call_soon(self.catch_up)

    def _pause_carrier(self) -> None:
        self._transport.pause_reading()

    def _resume_carrier(self) -> None:
        self._transport.resume_reading()

    def _input_closed(self) -> None:
        """The other side has said its last word."""
        self._tell_eof()
        self.start_shutdown()

    def _tell_eof(self) -> None:
        protocol: Any = self.get_app_protocol()
        try:
            if self.tells_input_ended() and protocol.eof_received():
                logger.warning("returning true from eof_received() has no effect when using ssl")
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._fatal_error(error, "Error calling eof_received()")

    def eof_received(self) -> bool:
        """The carrier's input has ended; true if the carrier is to be kept open."""
        self._debug("%r received EOF")
        try:
            return self.input_ended()
        except Exception:
            self._transport.close()
            raise

    # --- writing

    def _tell(self, method: str) -> None:
        """Have the user's protocol pause or resume writing; what it raises is reported."""
        try:
            getattr(self.get_app_protocol(), method)()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            self._loop.call_exception_handler(
                {
                    "message": f"protocol.{method}() failed",
                    "exception": error,
                    "transport": self._app_transport,
                    "protocol": self,
                }
            )

    # --- the shutdown

    def start_shutdown(self) -> None:
        """Close: deliver what was written, exchange last words, then close the carrier."""
        begins = self.close()
        if begins is None:
            return
        self._mark_closed()
        if not begins:
            self.abort(None)
            return
        self._shutdown_timeout_handle = self._loop.call_later(
            self._shutdown_timeout, self._check_shutdown_timeout
        )
        self._flush()

    def _check_shutdown_timeout(self) -> None:
        if self.is_closing():
            self._transport._force_close(TimeoutError("SSL shutdown timed out"))

    def _flush(self) -> None:
        self.read()
        self.send()
        self._flushed()

    def _flushed(self) -> None:
        if self.flushed():
            self._shut_down()

    def _shut_down(self) -> None:
        try:
            if not self.has_input_ended():
                self._sslobj.unwrap()
        except _NEEDS_INPUT:
            self.send()
        except ssl.SSLError as error:
            self._stop_timers()
            self._fatal_error(error)
        else:
            self.send()
            self._tell_eof()
            self._stop_timers()
            if self._transport is not None:
                self._loop.call_soon(self._transport.close)

    # --- the end

    def abort(self, error: BaseException | None) -> None:
        """Close the carrier at once."""
        self.end()
        if self._transport is not None:
            self._transport._force_close(error)

    def _fatal_error(
        self, error: BaseException, message: str = "Fatal error on transport"
    ) -> None:
        """Close the carrier for an error; one of the network's, or of TLS, is no news."""
        carrier = self._transport
        if carrier is not None:
            carrier._force_close(error)
        if isinstance(error, OSError):
            self._debug("%r: %s", message, exc_info=True)
        elif not isinstance(error, asyncio.CancelledError):
            self._loop.call_exception_handler(
                {
                    "message": message,
                    "exception": error,
                    "transport": carrier,
                    "protocol": self,
                }
            )

    def connection_lost(self, error: BaseException | None) -> None:
        """The carrier is lost: tell the user's protocol, in the next turn."""
        protocol: Any = self.get_app_protocol()
        transport, self._app_transport = self._app_transport, None
        self._transport = None
        if self.lost():
            self._loop.call_soon(protocol.connection_lost, error)
        if transport is not None:
            transport._lost()
        self._wake_waiter(error)
        self._stop_timers()

    def _mark_closed(self) -> None:
        if self._app_transport is not None:
            self._app_transport._closed = True

    def _stop_timers(self) -> None:
        # They refer to this: an ended connection would be kept for a minute.
        for timer in (self._handshake_timeout_handle, self._shutdown_timeout_handle):
            if timer is not None:
                timer.cancel()
        self._handshake_timeout_handle = self._shutdown_timeout_handle = None


def make_protocol(
    loop: asyncio.AbstractEventLoop,
    protocol: asyncio.BaseProtocol,
    context: Any,
    waiter: asyncio.Future[None] | None,
    *,
    server_side: bool = False,
    server_hostname: str | None = None,
    ssl_handshake_timeout: float | None = None,
    ssl_shutdown_timeout: float | None = None,
    is_upgrade: bool = False,
) -> TlsProtocol:
    """What puts TLS on the transport whose protocol it becomes.

    Times are in seconds, by default asyncio's: a minute for a handshake, half of one
    for a shutdown.
    """
    handshake_timeout = _seconds(
        "ssl_handshake_timeout", ssl_handshake_timeout, constants.SSL_HANDSHAKE_TIMEOUT
    )
    shutdown_timeout = _seconds(
        "ssl_shutdown_timeout", ssl_shutdown_timeout, constants.SSL_SHUTDOWN_TIMEOUT
    )
    if not context:
        make_context: Callable[..., Any] = sslproto._create_transport_context
        context = make_context(server_side, server_hostname)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    sslobject = context.wrap_bio(
        incoming,
        outgoing,
        server_side=server_side,
        server_hostname=None if server_side else server_hostname or None,
    )
    is_plain = _is_plain(sslobject)
    return TlsProtocol(
        loop,
        protocol,
        sslobject._sslobj if is_plain else sslobject,
        incoming,
        outgoing,
        is_plain=is_plain,
        is_upgrade=is_upgrade,
        sslobject=sslobject,
        context=context,
        waiter=waiter,
        handshake_timeout=handshake_timeout,
        shutdown_timeout=shutdown_timeout,
    )


def _seconds(name: str, given: float | None, default: float) -> float:
    if given is None:
        return default
    if given <= 0:
        raise ValueError(f"{name} should be a positive number, got {given}")
    return given


def _is_plain(sslobject: Any) -> bool:
    """Whether its methods only hand on to the C object behind it, which may then be called
    in their place; those of a subclass, or that somebody has patched, are honoured.
    """
    return (
        type(sslobject) is _CLASS
        and (_CLASS.read, _CLASS.write) == _OWN_METHODS
        and not {"read", "write"} & vars(sslobject).keys()
        and type(sslobject._sslobj).__module__ == "_ssl"
    )
