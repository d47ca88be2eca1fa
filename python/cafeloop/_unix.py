"""Unix sockets: connections, servers, and the files that these leave behind."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
import sys
from asyncio.log import logger
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from . import _tls

if TYPE_CHECKING:
    from ._parts import LoopParts as _Parts
else:
    _Parts = object

_Protocol = TypeVar("_Protocol", bound=asyncio.BaseProtocol)
_Path = str | bytes | os.PathLike[Any]


class UnixSockets(_Parts):
    """The part of a loop for Unix sockets."""

    async def create_unix_connection(
        self,
        protocol_factory: Callable[[], _Protocol],
        path: _Path | None = None,
        *,
        ssl: Any = None,
        sock: socket.socket | None = None,
        server_hostname: str | None = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
    ) -> tuple[asyncio.Transport, _Protocol]:
        """Connect to a path, or use a socket that is connected."""
        _tls.check_options(
            ssl,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        if ssl and server_hostname is None:
            raise ValueError("you have to pass server_hostname when using ssl")
        tls = _tls.options(
            ssl,
            server_hostname=server_hostname,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        is_users = sock is not None
        if path is not None:
            if sock is not None:
                raise ValueError("path and sock can not be specified at the same time")
            path = os.fspath(path)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                sock.setblocking(False)
                await self.sock_connect(sock, path)
            except:
                sock.close()
                raise
        elif sock is None:
            raise ValueError("no path and sock were specified")
        else:
            _check_unix_stream(sock)
        transport, protocol = await self._make_connection(
            sock, protocol_factory, tls, is_users=is_users
        )
        return transport, protocol

    async def create_unix_server(
        self,
        protocol_factory: Callable[[], asyncio.BaseProtocol],
        path: _Path | None = None,
        *,
        sock: socket.socket | None = None,
        backlog: int = 100,
        ssl: Any = None,
        ssl_handshake_timeout: float | None = None,
        ssl_shutdown_timeout: float | None = None,
        start_serving: bool = True,
        cleanup_socket: bool = sys.version_info >= (3, 13),
    ) -> asyncio.Server:
        """Listen on a path, whose stale socket is replaced, or on a bound socket.

        With `cleanup_socket` the path is removed when the server is closed, if it is
        still the server's.
        """
        _tls.check_context(ssl)
        _tls.check_options(
            ssl,
            ssl_handshake_timeout=ssl_handshake_timeout,
            ssl_shutdown_timeout=ssl_shutdown_timeout,
        )
        if path is not None:
            if sock is not None:
                raise ValueError("path and sock can not be specified at the same time")
            sock = _bind(os.fspath(path))
        elif sock is None:
            raise ValueError("path was not specified, and no sock specified")
        else:
            _check_unix_stream(sock)
        if cleanup_socket:
            self._remember_file(sock)
        times = (ssl_handshake_timeout, ssl_shutdown_timeout)
        return await self._serve([sock], protocol_factory, ssl, times, backlog, start_serving)

    def _remember_file(self, sock: socket.socket) -> None:
        """Note which file is the server's, to remove no other in its place."""
        path = sock.getsockname()
        if not is_abstract(path):
            try:
                self._unix_server_files[sock] = os.stat(path).st_ino
            except FileNotFoundError:
                pass

    def _stop_serving(self, sock: socket.socket) -> None:
        inode = self._unix_server_files.pop(sock, None)
        path = None if inode is None else sock.getsockname()
        super()._stop_serving(sock)
        if path is None:
            return
        try:
            if os.stat(path).st_ino == inode:
                os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            logger.error("Unable to clean up listening UNIX socket %r: %r", path, error)


def is_abstract(path: str | bytes) -> bool:
    """Whether it is a name of the kernel's, behind which there is no file."""
    return path[:1] in ("", b"", "\0", b"\0")


def _bind(path: str | bytes) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if not is_abstract(path):
            remove_stale(path)
        sock.bind(path)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRINUSE:
            raise OSError(error.errno, f"Address {path!r} is already in use") from None
        raise
    except:
        sock.close()
        raise
    return sock


def remove_stale(path: str | bytes) -> None:
    """Remove the socket that another server has left; anything else stays."""
    try:
        if stat.S_ISSOCK(os.stat(path).st_mode):
            os.remove(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        logger.error("Unable to check or remove stale UNIX socket %r: %r", path, error)


def _check_unix_stream(sock: socket.socket) -> None:
    if sock.family != socket.AF_UNIX or sock.type != socket.SOCK_STREAM:
        raise ValueError(f"A UNIX Domain Stream Socket was expected, got {sock!r}")
