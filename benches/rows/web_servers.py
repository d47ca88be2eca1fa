"""HTTP servers that say hello.

As their users run them, but for access logs: no loop makes writing those faster.
"""

import socket
from typing import Any

from benches.compare.row import Place, Row, Server
from benches.rows.echo import address

HELLO = b"Hello, World!"


async def by_uvicorn(place: Place) -> None:
    import uvicorn

    start = {
        "type": "http.response.start",
        "status": 200,
        "headers": [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(HELLO))],
    }
    body = {"type": "http.response.body", "body": HELLO}

    async def hello(scope: Any, receive: Any, send: Any) -> None:
        await send(start)
        await send(body)

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            place.listening(address(self.servers[0]))

    # The address is left to uvicorn: of a socket that it's given asyncio may not know that it
    # is TCP, and then doesn't switch Nagle's algorithm off.
    config = uvicorn.Config(
        hello,
        host="127.0.0.1",
        port=0,
        http="httptools",
        lifespan="off",
        access_log=False,
        log_level="warning",
    )
    await Announcing(config).serve()


async def by_aiohttp(place: Place) -> None:
    from aiohttp import web

    async def hello(request: web.Request) -> web.Response:
        return web.Response(body=HELLO, content_type="text/plain")

    application = web.Application()
    application.router.add_get("/", hello)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0]
    place.listening(f"{host}:{port}")
    await place.forever()


ROWS: list[Row] = [
    Server(
        name=f"http-{name}",
        title=title,
        serve=serve,
        load=(
            *("http", "--tcp", "{address}", "--connections", "50"),
            *("--path", "/", "--body", HELLO.decode()),
        ),
        limit=("cafeloop-load", "raw", "--tcp", "127.0.0.1:0", "--service", "http"),
        requires=requires,
    )
    for name, title, serve, requires in (
        ("uvicorn", "uvicorn, httptools", by_uvicorn, ("uvicorn", "httptools")),
        ("aiohttp", "aiohttp", by_aiohttp, ("aiohttp",)),
    )
]
