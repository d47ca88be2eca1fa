"""Names."""

import asyncio
import socket

from benches.compare.row import Body, Row

LITERAL = ("127.0.0.1", 80)


async def literal(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(count):
        found = await loop.getaddrinfo(*LITERAL, type=socket.SOCK_STREAM)
        assert [address for *_, address in found] == [LITERAL]


ROWS: list[Row] = [
    Body(
        name="getaddrinfo-literal",
        title="getaddrinfo of 127.0.0.1",
        count=3_000,
        per="look-up",
        body=literal,
    ),
]
