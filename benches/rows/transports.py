"""Echo over TLS, Unix sockets and UDP."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, cast

from benches.compare.row import Place, Row, Server
from benches.rows.echo import SIZES, Echo, listen

CERTIFICATE = Path(__file__).parent.parent / "load" / "localhost.pem"


async def over_tls(place: Place) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    await listen(place, Echo, ssl=context)


async def over_unix(place: Place) -> None:
    path = str(place.folder / "echo.sock")
    await asyncio.get_running_loop().create_unix_server(Echo, path)
    place.listening(path)
    await place.forever()


class DatagramEcho(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's class derives from no other than BaseTransport.
        self.transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        self.transport.sendto(data, addr)


async def over_udp(place: Place) -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(
        DatagramEcho, local_addr=("127.0.0.1", 0)
    )
    host, port = transport.get_extra_info("sockname")
    place.listening(f"{host}:{port}")
    await place.forever()


def row(
    kind: str,
    title: str,
    serve: Callable[[Place], Awaitable[None]],
    size: str,
    limit: tuple[str, ...] | None,
) -> Server:
    trust = ("--insecure",) if kind == "tls" else ()
    return Server(
        name=f"echo-{kind}-{size}-50",
        title=f"{title}, {SIZES[size]}, 50 connections",
        serve=serve,
        load=(
            *("echo", f"--{kind}", "{address}", *trust),
            *("--connections", "50", "--bytes", SIZES[size]),
        ),
        limit=limit,
    )


#: Of the limit, which shares a folder with nobody.
RAW_UNIX = ("cafeloop-load", "raw", "--unix", "{folder}/raw.sock")
RAW_UDP = ("cafeloop-load", "raw", "--udp", "127.0.0.1:0")

ROWS: list[Row] = [
    # What TLS costs on the server's side is OpenSSL's, and no limit of a loop.
    *(row("tls", "TLS", over_tls, size, None) for size in ("64b", "1k", "100k")),
    *(row("unix", "Unix", over_unix, size, RAW_UNIX) for size in ("64b", "1k", "100k")),
    *(row("udp", "UDP", over_udp, size, RAW_UDP) for size in ("64b", "1k")),
]
