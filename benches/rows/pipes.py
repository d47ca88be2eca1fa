"""Pipes.

Both ends are the loop's, and one message at a time goes through: what a message costs that is
written, waited for and read.
"""

import asyncio
import functools
import os

from benches.compare.row import Body, Row


class Counting(asyncio.Protocol):
    """Writes a message when the one before has come."""

    def __init__(self, message: bytes, count: int) -> None:
        self.message = message
        self.left = count
        self.missing = len(message)
        self.done = asyncio.get_running_loop().create_future()

    def begin(self, writer: asyncio.WriteTransport) -> None:
        self.writer = writer
        writer.write(self.message)

    def data_received(self, data: bytes) -> None:
        self.missing -= len(data)
        if self.missing:
            return
        self.missing = len(self.message)
        self.left -= 1
        if self.left:
            self.writer.write(self.message)
        else:
            self.done.set_result(None)


async def send(count: int, *, size: int) -> None:
    loop = asyncio.get_running_loop()
    reading, writing = os.pipe()
    reader, protocol = await loop.connect_read_pipe(
        functools.partial(Counting, bytes(size), count), open(reading, "rb", 0)
    )
    writer, _ = await loop.connect_write_pipe(asyncio.Protocol, open(writing, "wb", 0))
    protocol.begin(writer)
    await protocol.done
    writer.close()
    reader.close()


ROWS: list[Row] = [
    Body(
        name=f"pipe-{name}",
        title=f"{title} through a pipe",
        count=count,
        per="message",
        body=functools.partial(send, size=size),
    )
    for name, title, size, count in (
        ("64b", "64 bytes", 64, 20_000),
        ("1k", "1 KiB", 1024, 20_000),
        ("64k", "64 KiB", 65536, 3_000),
    )
]
