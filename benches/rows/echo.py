"""TCP echo.

The servers are those that a reader of asyncio's documents would write, without what a benchmark
could do to please one loop.
"""

import asyncio
import contextlib
import socket
from collections.abc import Awaitable, Callable
from typing import Any, cast

from benches.compare.row import BACKLOG, Place, Row, Server

# More than the longest message, so that no interface is given it in halves.
READ_BYTES = 128 * 1024
# What a server that answers in two writes sends first: a header's length.
HEAD_BYTES = 16

#: As names have them, and as readers do.
SIZES = {"64b": "64 B", "1k": "1 KiB", "16k": "16 KiB", "100k": "100 KiB"}
CONNECTIONS = (1, 50, 1000)

#: The server with nothing on top of epoll.
RAW = ("cafeloop-load", "raw", "--tcp", "127.0.0.1:0")


async def listen(place: Place, factory: Callable[[], asyncio.BaseProtocol], **options: Any) -> None:
    """Serves by a protocol, on a port of the kernel's choice."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(factory, "127.0.0.1", 0, backlog=BACKLOG, **options)
    send_unpaced(server.sockets[0])
    place.listening(address(server))
    await place.forever()


def address(server: asyncio.Server) -> str:
    host, port = server.sockets[0].getsockname()
    return f"{host}:{port}"


def send_unpaced(listener: Any) -> None:
    """Has what is sent on its connections wait for no timer.

    As the load program has it, which says why.
    """
    # It needs privileges where the machine's owner doesn't offer it; then it's as it is.
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"cubic")


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)


class EchoInTwo(Echo):
    """As a server does that has a header and a body, and writes the one after the other."""

    def data_received(self, data: bytes) -> None:
        self.transport.write(data[:HEAD_BYTES])
        self.transport.write(data[HEAD_BYTES:])


class BufferedEcho(asyncio.BufferedProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.buffer = bytearray(READ_BYTES)

    def get_buffer(self, sizehint: int) -> bytearray:
        return self.buffer

    def buffer_updated(self, nbytes: int) -> None:
        # A copy: the transport may keep what it can't send, and the buffer is used again.
        self.transport.write(self.buffer[:nbytes])


async def by_protocol(place: Place) -> None:
    await listen(place, Echo)


async def by_buffered_protocol(place: Place) -> None:
    await listen(place, BufferedEcho)


async def in_two_writes(place: Place) -> None:
    await listen(place, EchoInTwo)


async def by_streams(place: Place) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_BYTES):
            writer.write(data)
            await writer.drain()
        writer.close()

    await listen_with_streams(place, echo)


async def by_streams_in_two_writes(place: Place) -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_BYTES):
            writer.write(data[:HEAD_BYTES])
            writer.write(data[HEAD_BYTES:])
            await writer.drain()
        writer.close()

    await listen_with_streams(place, echo)


async def listen_with_streams(
    place: Place,
    serve: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> None:
    server = await asyncio.start_server(serve, "127.0.0.1", 0, backlog=BACKLOG)
    send_unpaced(server.sockets[0])
    place.listening(address(server))
    await place.forever()


async def by_sock(place: Place) -> None:
    loop = asyncio.get_running_loop()
    echoes = set()
    with socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listener:
        listener.setblocking(False)
        send_unpaced(listener)
        host, port = listener.getsockname()
        place.listening(f"{host}:{port}")
        while True:
            connection, _ = await loop.sock_accept(listener)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            echo = asyncio.create_task(echo_by_sock(connection))
            # The loop keeps only weak references.
            echoes.add(echo)
            echo.add_done_callback(echoes.discard)


async def echo_by_sock(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    with connection:
        while data := await loop.sock_recv(connection, READ_BYTES):
            await loop.sock_sendall(connection, data)


def row(
    name: str,
    family: str,
    serve: Callable[[Place], Awaitable[None]],
    size: str = "1k",
    connections: int = 50,
    **options: Any,
) -> Server:
    of_connections = "1 connection" if connections == 1 else f"{connections} connections"
    return Server(
        name=f"echo-{name}-{size}-{connections}",
        title=f"{SIZES[size]}, {of_connections}",
        family=f"TCP echo, {family}",
        serve=serve,
        load=(
            *("echo", "--tcp", "{address}", "--connections", str(connections)),
            *("--bytes", SIZES[size]),
        ),
        limit=RAW,
        **options,
    )


# Of those that are like others a few rounds say enough.
FEW_ROUNDS = 3
INTERFACES: tuple[tuple[str, str, Callable[[Place], Awaitable[None]], dict[str, Any]], ...] = (
    ("protocol", "protocol", by_protocol, {}),
    ("buffered", "buffered protocol", by_buffered_protocol, {"most_rounds": FEW_ROUNDS}),
    ("streams", "streams", by_streams, {"most_rounds": FEW_ROUNDS}),
    ("sock", "sock_*", by_sock, {"most_rounds": FEW_ROUNDS}),
)

ROWS: list[Row] = [
    *(
        row(name, family, serve, size, connections, **options)
        for name, family, serve, options in INTERFACES
        for size in SIZES
        for connections in CONNECTIONS
    ),
    row("two-writes", "protocol, in 2 writes", in_two_writes),
    row("two-writes", "protocol, in 2 writes", in_two_writes, "16k"),
    row("streams-two-writes", "streams, in 2 writes", by_streams_in_two_writes),
]
