"""Operations on the user's own sockets.

Each is tried at once, and again whenever the socket is ready.  The socket stays the
user's: it is watched only while an operation waits, and asked for its descriptor each
time.  What runs per packet is native (`event_loop/operation.rs`) for plain sockets, and
answers None for others.
"""

from __future__ import annotations

import asyncio
import functools
import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from . import _tls

if TYPE_CHECKING:
    from ._parts import LoopParts as _Parts
else:
    _Parts = object

_T = TypeVar("_T")

# The kernel isn't ready, or a signal came: it is tried again, outside of the handler, or
# whatever is raised later would have come "during the handling" of this.
_NOT_NOW = (BlockingIOError, InterruptedError)
# The families whose addresses may be names.
_INTERNET = (socket.AF_INET, socket.AF_INET6)


class SocketOperations(_Parts):
    """The part of a loop with the `sock_*` methods."""

    async def sock_recv(self, sock: socket.socket, n: int) -> bytes:
        """Receive at most `n` bytes; b"" is the end."""
        received = self._receive(sock, n)
        if received is not None:
            try:
                return await received
            except BaseException:
                self._stop_receiving(sock, received)
                raise
        self._check_socket(sock)
        try:
            return sock.recv(n)
        except _NOT_NOW:
            pass
        return await self._read(sock, lambda: sock.recv(n))

    async def sock_recv_into(self, sock: socket.socket, buf: Any) -> int:
        """Receive into a buffer, and return how many bytes."""
        received = self._receive_into(sock, buf)
        if received is not None:
            try:
                return await received
            except BaseException:
                self._stop_receiving(sock, received)
                raise
        self._check_socket(sock)
        try:
            return sock.recv_into(buf)
        except _NOT_NOW:
            pass
        return await self._read(sock, lambda: sock.recv_into(buf))

    async def sock_recvfrom(self, sock: socket.socket, bufsize: int) -> tuple[bytes, Any]:
        """Receive a datagram, and return it with its sender's address."""
        self._check_socket(sock)
        try:
            return sock.recvfrom(bufsize)
        except _NOT_NOW:
            pass
        return await self._read(sock, lambda: sock.recvfrom(bufsize))

    async def sock_recvfrom_into(
        self, sock: socket.socket, buf: Any, nbytes: int = 0
    ) -> tuple[int, Any]:
        """Receive a datagram into a buffer, and return its length and sender."""
        self._check_socket(sock)
        nbytes = nbytes or len(buf)
        try:
            return sock.recvfrom_into(buf, nbytes)
        except _NOT_NOW:
            pass
        return await self._read(sock, lambda: sock.recvfrom_into(buf, nbytes))

    async def sock_sendall(self, sock: socket.socket, data: Any) -> None:
        """Send all of `data`.  How much was sent if it fails can't be known."""
        sent = self._send(sock, data)
        if sent is None:
            self._check_socket(sock)
            try:
                sent = sock.send(data)
            except _NOT_NOW:
                sent = 0
        if sent == len(data):
            return
        view = memoryview(data)[sent:]
        while view:
            sent = await self._write(sock, functools.partial(sock.send, view))
            view = view[sent:]

    async def sock_sendto(self, sock: socket.socket, data: Any, address: Any) -> int:
        """Send a datagram, and return how many bytes were sent."""
        self._check_socket(sock)
        try:
            return sock.sendto(data, address)
        except _NOT_NOW:
            pass
        return await self._write(sock, lambda: sock.sendto(data, address))

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        """Connect; a name in the address is looked up first."""
        self._check_socket(sock)
        # Asked once: a socket makes an enumeration of it each time.
        family = sock.family
        if family in _INTERNET:
            found = await self._resolve(address, family=family, type=sock.type, proto=sock.proto)
            address = found[0][4]
        try:
            sock.connect(address)
            return
        except _NOT_NOW:
            # After a signal, too, the kernel goes on connecting (`connect(2)`).
            pass
        await self._write(sock, lambda: _connected(sock, address))

    async def sock_accept(self, sock: socket.socket) -> tuple[socket.socket, Any]:
        """Accept a connection, and return it with the other side's address."""
        self._check_socket(sock)
        try:
            return _accept(sock)
        except _NOT_NOW:
            pass
        return await self._read(sock, lambda: _accept(sock))

    def _check_socket(self, sock: socket.socket) -> None:
        _tls.check_plain(sock)
        if self.get_debug() and sock.gettimeout() != 0:
            raise ValueError("the socket must be non-blocking")

    async def _read(self, sock: socket.socket, attempt: Callable[[], _T]) -> _T:
        """Make an attempt whenever the socket is readable, until it is done."""
        done: asyncio.Future[_T] = self.create_future()
        number = sock.fileno()
        handle = self._add_reader(number, _try, done, attempt)
        try:
            return await done
        finally:
            if not handle.cancelled():
                self.remove_reader(number)
            # Its error refers to this frame, and this would refer to the error.
            del done

    async def _write(self, sock: socket.socket, attempt: Callable[[], _T]) -> _T:
        """Make an attempt whenever the socket is writable, until it is done."""
        done: asyncio.Future[_T] = self.create_future()
        number = sock.fileno()
        handle = self._add_writer(number, _try, done, attempt)
        try:
            return await done
        finally:
            if not handle.cancelled():
                self.remove_writer(number)
            # Its error refers to this frame, and this would refer to the error.
            del done


def _try(done: asyncio.Future[_T], attempt: Callable[[], _T]) -> None:
    if done.done():
        # Cancelled, and whoever waits for it hasn't run yet.
        return
    try:
        result = attempt()
    except _NOT_NOW:
        pass
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        done.set_exception(error)
    else:
        done.set_result(result)
    finally:
        # As in those who wait.
        del done


def _connected(sock: socket.socket, address: Any) -> None:
    """How connecting has ended."""
    number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number != 0:
        raise OSError(number, f"Connect call failed {address}")


def _accept(sock: socket.socket) -> tuple[socket.socket, Any]:
    connection, address = sock.accept()
    connection.setblocking(False)
    return connection, address
