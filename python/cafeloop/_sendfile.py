"""Files sent to sockets: by the kernel where it can, else by reading and writing."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import socket
import sys
from asyncio import constants, transports
from asyncio.exceptions import SendfileNotAvailableError
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ._parts import LoopParts as _Parts
else:
    _Parts = object

# Bytes read at a time where the kernel doesn't send by itself; asyncio's own.
_READ_SIZE = constants.SENDFILE_FALLBACK_READBUFFER_SIZE
_READ_SIZE_FOR_TRANSPORTS = 16 * 1024
# The most that sendfile(2) takes at once.
_MOST_AT_ONCE = 0x7FFFF000
# Whether a file of which nothing was sent stands at `offset` afterwards.
_MOVES_ALWAYS = sys.version_info >= (3, 14)


class SendingFiles(_Parts):
    """The part of a loop that sends files."""

    async def sock_sendfile(
        self,
        sock: socket.socket,
        file: IO[bytes],
        offset: int = 0,
        count: int | None = None,
        *,
        fallback: bool | None = True,
    ) -> int:
        """Send a file, or `count` bytes of it from `offset` on; return how many bytes.

        The file's position is then behind what was sent, also after an error; if that is
        nothing, where it was before Python 3.14, and at `offset` since.
        """
        self._check_socket(sock)
        _check(sock, file, offset, count)
        try:
            return await self._sock_sendfile_native(sock, file, offset, count)
        except SendfileNotAvailableError:
            if not fallback:
                raise
        return await self._sock_sendfile_fallback(sock, file, offset, count)

    async def _sock_sendfile_native(
        self, sock: socket.socket, file: IO[bytes], offset: int, count: int | None
    ) -> int:
        try:
            number = file.fileno()
            size = os.fstat(number).st_size
        except (AttributeError, io.UnsupportedOperation, OSError) as error:
            raise SendfileNotAvailableError("not a regular file") from error
        wanted = count or size
        sent = 0
        try:
            while wanted and (count is None or sent < count):
                most = min(wanted - sent if count else wanted, _MOST_AT_ONCE)
                taken = await self._sendfile_once(sock, number, offset + sent, most, sent > 0)
                if taken == 0:
                    break
                sent += taken
        except OSError as error:
            if sent == 0:
                # Most likely the file isn't one that the kernel sends.
                raise SendfileNotAvailableError("os.sendfile call failed") from error
            if error.errno == errno.ENOTCONN and type(error) is not ConnectionError:
                raise ConnectionError("socket is not connected", errno.ENOTCONN) from error
            raise
        finally:
            if sent > 0 or wanted and _MOVES_ALWAYS:
                os.lseek(number, offset + sent, os.SEEK_SET)
        return sent

    async def _sendfile_once(
        self, sock: socket.socket, number: int, offset: int, most: int, waits: bool
    ) -> int:
        def attempt() -> int:
            return os.sendfile(sock.fileno(), number, offset, most)

        # After the first time it waits for its turn, even if there is room.
        if not waits:
            try:
                return attempt()
            except (BlockingIOError, InterruptedError):
                pass
        return await self._write(sock, attempt)

    async def _sock_sendfile_fallback(
        self, sock: socket.socket, file: IO[bytes], offset: int, count: int | None
    ) -> int:
        return await self._copy(
            file, offset, count, _READ_SIZE, lambda view: self.sock_sendall(sock, view)
        )

    async def _copy(
        self, file: Any, offset: int, count: int | None, block: int, send: Any
    ) -> int:
        """Read blocks of a file in a thread, and send each."""
        if hasattr(file, "seek"):
            file.seek(offset)
        buffer = memoryview(bytearray(min(count or block, block)))
        sent = 0
        try:
            while count is None or sent < count:
                room = buffer if count is None else buffer[: count - sent]
                length = await self.run_in_executor(None, file.readinto, room)
                if not length:
                    break
                await send(room[:length])
                sent += length
        finally:
            if hasattr(file, "seek"):
                file.seek(offset + sent)
        return sent

    async def sendfile(
        self,
        transport: Any,
        file: IO[bytes],
        offset: int = 0,
        count: int | None = None,
        *,
        fallback: bool = True,
    ) -> int:
        """Send a file to a transport, which takes no writes meanwhile."""
        if transport.is_closing():
            raise RuntimeError("Transport is closing")
        unsupported = constants._SendfileMode.UNSUPPORTED
        mode = getattr(transport, "_sendfile_compatible", unsupported)
        if mode is unsupported:
            raise RuntimeError(f"sendfile is not supported for transport {transport!r}")
        if mode is constants._SendfileMode.TRY_NATIVE:
            try:
                return await self._sendfile_native(transport, file, offset, count)
            except SendfileNotAvailableError:
                if not fallback:
                    raise
        if not fallback:
            raise RuntimeError(
                f"fallback is disabled and native sendfile is not supported for "
                f"transport {transport!r}"
            )
        return await self._sendfile_fallback(transport, file, offset, count)

    async def _sendfile_native(
        self, transport: Any, file: IO[bytes], offset: int, count: int | None
    ) -> int:
        was_reading = transport.is_reading()
        transport.pause_reading()
        await transport._make_empty_waiter()
        try:
            return await self.sock_sendfile(transport._sock, file, offset, count, fallback=False)
        finally:
            transport._reset_empty_waiter()
            if was_reading:
                transport.resume_reading()

    async def _sendfile_fallback(
        self, transport: Any, file: IO[bytes], offset: int, count: int | None
    ) -> int:
        protocol = _Draining(transport)

        async def send(view: memoryview) -> None:
            await protocol.drain()
            # The buffer is read into again.
            transport.write(bytes(view))

        try:
            return await self._copy(file, offset, count, _READ_SIZE_FOR_TRANSPORTS, send)
        finally:
            protocol.restore()


class _Draining(asyncio.Protocol):
    """Takes a protocol's place while a file is sent, and knows when there is room."""

    def __init__(self, transport: Any) -> None:
        is_one_of_a_loop = isinstance(transport, transports._FlowControlMixin)
        if not is_one_of_a_loop:
            raise TypeError("transport should be _FlowControlMixin instance")
        self._transport: Any = transport
        self._protocol: Any = self._transport.get_protocol()
        self._was_reading = self._transport.is_reading()
        self._was_paused: bool = self._transport._protocol_paused
        self._room: asyncio.Future[None] | None = None
        self._transport.pause_reading()
        self._transport.set_protocol(self)
        if self._was_paused:
            self.pause_writing()

    async def drain(self) -> None:
        if self._transport.is_closing():
            raise ConnectionError("Connection closed by peer")
        if self._room is not None:
            await self._room

    def restore(self) -> None:
        """Give the place back."""
        self._transport.set_protocol(self._protocol)
        if self._was_reading:
            self._transport.resume_reading()
        if self._room is not None:
            # Nobody waits for it any more.
            self._room.cancel()
        if self._was_paused:
            self._protocol.resume_writing()

    def connection_lost(self, error: Exception | None) -> None:
        if self._room is not None and not self._room.done():
            # The file isn't sent: that is an error, whatever the connection says.
            self._room.set_exception(error or ConnectionError("Connection is closed by peer"))
        self._protocol.connection_lost(error)

    def pause_writing(self) -> None:
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)


def _check(sock: socket.socket, file: Any, offset: Any, count: Any) -> None:
    if "b" not in getattr(file, "mode", "b"):
        raise ValueError("file should be opened in binary mode")
    if sock.type != socket.SOCK_STREAM:
        raise ValueError("only SOCK_STREAM type sockets are supported")
    if count is not None:
        text = f"count must be a positive integer (got {count!r})"
        if not isinstance(count, int):
            raise TypeError(text)
        if count <= 0:
            raise ValueError(text)
    text = f"offset must be a non-negative integer (got {offset!r})"
    if not isinstance(offset, int):
        raise TypeError(text)
    if offset < 0:
        raise ValueError(text)
