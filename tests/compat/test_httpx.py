"""httpx, on anyio's asyncio backend: connections that are kept, streams, limits, cancelling."""

import asyncio
import contextlib
import itertools

import httpx
import pytest

pytestmark = pytest.mark.slow


class Server:
    """As much of an HTTP server as a client has to be tested with."""

    def __init__(self):
        self.connections = 0
        self.waiting = asyncio.Event()
        self.left = asyncio.Event()

    async def serve(self, reader, writer):
        self.connections += 1
        with contextlib.closing(writer):
            while head := await self.read_head(reader):
                method, path, _ = head.split(b" ", 2)
                await getattr(self, path.decode().strip("/"))(head, reader, writer)

    async def read_head(self, reader):
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""

    async def echo(self, head, reader, writer):
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length + body)
        await writer.drain()

    async def drip(self, head, reader, writer):
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for number in itertools.count():
            writer.write(b"%x\r\n%d\r\n" % (len(str(number)), number))
            try:
                await writer.drain()
            except ConnectionError:
                self.left.set()
                raise asyncio.CancelledError from None
            await asyncio.sleep(0)

    async def wait(self, head, reader, writer):
        self.waiting.set()
        assert await reader.read() == b""
        self.left.set()


@contextlib.asynccontextmanager
async def serving(scheme="http", certificate=None, **options):
    """A server, and a client that has its address."""
    theirs = Server()
    context = certificate and certificate.server
    server = await asyncio.start_server(theirs.serve, "127.0.0.1", 0, ssl=context)
    address = "%s://127.0.0.1:%d" % (scheme, server.sockets[0].getsockname()[1])
    verify = certificate.client if certificate else False
    async with server:
        async with httpx.AsyncClient(
            base_url=address, verify=verify, trust_env=False, **options
        ) as client:
            yield theirs, client


def test_a_client_keeps_its_connection(run):
    async def main():
        async with serving() as (server, client):
            for size in (0, 1, 65536, 1 << 20):
                response = await client.post("/echo", content=bytes(size))
                assert response.content == bytes(size)
            assert server.connections == 1

    run(main)


def test_many_requests_share_as_many_connections_as_are_allowed(run):
    async def main():
        limits = httpx.Limits(max_connections=5)
        async with serving(limits=limits) as (server, client):
            words = [b"%d" % number for number in range(100)]
            responses = await asyncio.gather(
                *(client.post("/echo", content=word) for word in words)
            )
            assert [response.content for response in responses] == words
            assert server.connections <= 5

    run(main)


def test_a_stream_may_be_left_before_its_end(run):
    async def main():
        async with serving() as (server, client):
            async with client.stream("GET", "/drip") as response:
                received = b""
                async for chunk in response.aiter_bytes():
                    received += chunk
                    if received.startswith(b"0123456789"):
                        break
            # The connection is given up, and its other end notices.
            await server.left.wait()
            response = await client.post("/echo", content=b"latte")
            assert response.content == b"latte"
            assert server.connections == 2

    run(main)


def test_a_request_that_is_cancelled_gives_its_connection_up(run):
    async def main():
        limits = httpx.Limits(max_connections=1)
        async with serving(limits=limits) as (server, client):
            asking = asyncio.create_task(client.get("/wait"))
            await server.waiting.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await server.left.wait()
            response = await client.post("/echo", content=b"latte")
            assert response.content == b"latte"

    run(main)


def test_a_timeout_is_the_clients_own_error(run):
    async def main():
        async with serving() as (server, client):
            with pytest.raises(httpx.ReadTimeout):
                await client.get("/wait", timeout=httpx.Timeout(None, read=0.001))
            await server.left.wait()

    run(main)


def test_nobody_listening_is_the_clients_own_error(run):
    async def main():
        async with serving() as (_, client):
            address = client.base_url
        async with httpx.AsyncClient(trust_env=False, verify=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(address)

    run(main)


def test_tls(run, certificate):
    async def main():
        async with serving("https", certificate) as (server, client):
            for size in (0, 1, 65536, 1 << 20):
                response = await client.post("/echo", content=bytes(size))
                assert response.content == bytes(size)
            assert server.connections == 1

    run(main)
