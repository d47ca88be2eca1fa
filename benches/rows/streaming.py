"""Streaming, in and out.

In: a length of eight bytes and so many bytes; the server answers with how many have arrived, in
eight bytes.  Out: a length; the server answers with so many bytes, which are 0 to 250 again and
again, so that the load can tell whether one is missing.
"""

import asyncio
from typing import cast

from benches.compare.row import Place, Row, Server
from benches.rows.echo import READ_BYTES, listen, listen_with_streams

LENGTH_BYTES = 8
PERIOD = 251
# What one write offers: about 64 KiB, in whole periods.
PIECE = bytes(range(PERIOD)) * (65536 // PERIOD)


class Count:
    """Uploads, as their bytes arrive in pieces: of one the next begins when it's answered."""

    def __init__(self) -> None:
        self.head = b""
        self.left = 0

    def take(self, data: bytes | memoryview) -> bytes:
        """Counts what has arrived, and returns the answer that is due, if one is."""
        arrived = len(data)
        if not self.left:
            head = bytes(data[: LENGTH_BYTES - len(self.head)])
            arrived -= len(head)
            self.head += head
            if len(self.head) < LENGTH_BYTES:
                return b""
            self.left = int.from_bytes(self.head)
        self.left -= arrived
        if self.left:
            return b""
        answer, self.head = self.head, b""
        return answer


class Sink(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.count = Count()

    def data_received(self, data: bytes) -> None:
        if answer := self.count.take(data):
            self.transport.write(answer)


class BufferedSink(asyncio.BufferedProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.count = Count()
        self.buffer = memoryview(bytearray(READ_BYTES))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        if answer := self.count.take(self.buffer[:nbytes]):
            self.transport.write(answer)


class Source(asyncio.Protocol):
    """Sends as much as was asked for, as fast as the transport takes it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.length = b""
        self.left = 0
        self.is_paused = False

    def data_received(self, data: bytes) -> None:
        self.length += data
        if len(self.length) == LENGTH_BYTES:
            self.left = int.from_bytes(self.length)
            self.length = b""
            self.send()

    def send(self) -> None:
        while self.left and not self.is_paused:
            piece = PIECE if self.left >= len(PIECE) else PIECE[: self.left]
            self.left -= len(piece)
            self.transport.write(piece)

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        self.send()


async def in_by_protocol(place: Place) -> None:
    await listen(place, Sink)


async def in_by_buffered_protocol(place: Place) -> None:
    await listen(place, BufferedSink)


async def in_by_streams(place: Place) -> None:
    async def sink(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            left = int.from_bytes(head)
            while left and (data := await reader.read(min(left, READ_BYTES))):
                left -= len(data)
            writer.write(head)
            await writer.drain()
        writer.close()

    await listen_with_streams(place, sink)


async def read_head(reader: asyncio.StreamReader) -> bytes:
    """The length that a transfer begins with; empty at the end."""
    try:
        return await reader.readexactly(LENGTH_BYTES)
    except asyncio.IncompleteReadError:
        return b""


async def out_by_protocol(place: Place) -> None:
    await listen(place, Source)


async def out_by_streams(place: Place) -> None:
    async def source(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await read_head(reader):
            left = int.from_bytes(head)
            while left:
                piece = PIECE if left >= len(PIECE) else PIECE[:left]
                left -= len(piece)
                writer.write(piece)
                await writer.drain()
        writer.close()

    await listen_with_streams(place, source)


ROWS: list[Row] = [
    Server(
        name=f"{kind}-{interface}",
        title=f"{direction}, {interface}",
        serve=serve,
        load=(kind, "--tcp", "{address}", "--connections", "1", "--bytes", "4MiB"),
        limit=("cafeloop-load", "raw", "--tcp", "127.0.0.1:0", "--service", kind),
        per="MiB",
    )
    for kind, direction, interface, serve in (
        ("upload", "in", "protocol", in_by_protocol),
        ("upload", "in", "buffered", in_by_buffered_protocol),
        ("upload", "in", "streams", in_by_streams),
        ("download", "out", "protocol", out_by_protocol),
        ("download", "out", "streams", out_by_streams),
    )
]
