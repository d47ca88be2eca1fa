"""aiohttp's server and client: connections that are kept, streams, cancelling, files, an end."""

import asyncio
import contextlib
import http.client
import io
import os
import signal

import aiohttp
import pytest
from aiohttp import web

pytestmark = pytest.mark.slow


@contextlib.asynccontextmanager
async def serving(*routes, path="", **options):
    """A server of some routes, and a client's session with it."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, **options)
    await runner.setup()
    try:
        if path:
            site, connector = web.UnixSite(runner, path), aiohttp.UnixConnector(path)
        else:
            site, connector = web.TCPSite(runner, "127.0.0.1", 0), None
        await site.start()
        address = "http://cafe" if path else "http://%s:%d" % runner.addresses[0]
        async with aiohttp.ClientSession(address, connector=connector) as session:
            yield session
    finally:
        await runner.cleanup()


async def echo(request):
    return web.Response(body=await request.read())


@pytest.mark.parametrize("family", ["TCP", "Unix"])
def test_a_session_keeps_its_connection(run, family, tmp_path):
    peers = set()

    async def note(request):
        peers.add(id(request.transport))
        return await echo(request)

    async def main():
        path = str(tmp_path / "socket") if family == "Unix" else ""
        async with serving(web.post("/", note), path=path) as session:
            for size in (0, 1, 65536, 1_000_000):
                async with session.post("/", data=io.BytesIO(bytes(size))) as response:
                    assert await response.read() == bytes(size)

    run(main)
    assert len(peers) == 1


def test_many_requests_at_once_are_all_answered(run):
    async def main():
        async with serving(web.post("/", echo)) as session:

            async def ask(number):
                async with session.post("/", data=b"%d" % number) as response:
                    return await response.read()

            answers = await asyncio.gather(*map(ask, range(200)))
            assert answers == [b"%d" % number for number in range(200)]

    run(main)


def test_an_answer_is_read_while_it_is_written(run):
    async def main():
        read = asyncio.Event()

        async def drip(request):
            response = web.StreamResponse()
            await response.prepare(request)
            await response.write(b"one")
            await read.wait()
            await response.write(b"two")
            return response

        async with serving(web.get("/", drip)) as session:
            async with session.get("/") as response:
                assert await response.content.readany() == b"one"
                read.set()
                assert await response.content.read() == b"two"

    run(main)


def test_a_request_is_read_while_it_is_written(run):
    async def main():
        heard = asyncio.Queue()

        async def listen(request):
            async for chunk in request.content.iter_any():
                heard.put_nowait(chunk)
            return web.Response(text="heard")

        async def speak():
            for word in (b"one", b"two"):
                yield word
                assert await heard.get() == word

        async with serving(web.post("/", listen)) as session:
            async with session.post("/", data=speak()) as response:
                assert await response.text() == "heard"

    run(main)


def test_a_slow_reader_holds_its_writer_back(run):
    async def main():
        stuck, sent = asyncio.Event(), 0

        async def pour(request):
            nonlocal sent
            response = web.StreamResponse()
            await response.prepare(request)
            while sent < 1 << 26:
                writing = asyncio.ensure_future(response.write(bytes(1 << 20)))
                await asyncio.sleep(0)
                if not writing.done():
                    stuck.set()
                await writing
                sent += 1 << 20
            return response

        async with serving(web.get("/", pour)) as session:
            async with session.get("/") as response:
                await stuck.wait()
                assert sent < 1 << 26
                received = 0
                async for chunk in response.content.iter_any():
                    received += len(chunk)
                assert received == sent == 1 << 26

    run(main)


def test_websockets_echo_and_are_closed(run):
    codes = []

    async def talk(request):
        websocket = web.WebSocketResponse(max_msg_size=0)
        await websocket.prepare(request)
        async for message in websocket:
            await (
                websocket.send_bytes(message.data)
                if message.type == aiohttp.WSMsgType.BINARY
                else websocket.send_str(message.data)
            )
        codes.append(websocket.close_code)
        return websocket

    async def main():
        async with serving(web.get("/", talk)) as session:
            async with session.ws_connect("/", max_msg_size=0) as websocket:
                for word in ("latte", "", "x" * (1 << 20)):
                    await websocket.send_str(word)
                    assert await websocket.receive_str() == word
                await websocket.send_bytes(b"mocha")
                assert await websocket.receive_bytes() == b"mocha"

    run(main)
    assert codes == [aiohttp.WSCloseCode.OK]


def test_a_client_that_gives_up_cancels_the_handler_that_wants_it(run):
    async def main():
        begun, ended = asyncio.Event(), asyncio.Event()

        async def brood(request):
            begun.set()
            try:
                await asyncio.Event().wait()
            finally:
                ended.set()

        async with serving(web.get("/", brood), handler_cancellation=True) as session:
            asking = asyncio.create_task(session.get("/"))
            await begun.wait()
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
            await ended.wait()

    run(main)


def test_a_timeout_ends_a_request_and_leaves_the_session_usable(run):
    async def main():
        over = asyncio.Event()

        async def brood(request):
            await over.wait()
            return web.Response()

        async with serving(web.get("/brood", brood), web.post("/", echo)) as session:
            with pytest.raises(TimeoutError):
                await session.get("/brood", timeout=aiohttp.ClientTimeout(total=0.001))
            async with session.post("/", data=b"latte") as response:
                assert await response.read() == b"latte"
            over.set()

    run(main)


def test_files_are_sent_whole_and_in_parts(run, tmp_path):
    file = tmp_path / "menu"
    file.write_bytes(os.urandom(1 << 20))

    async def main():
        async def menu(request):
            return web.FileResponse(file)

        async with serving(web.get("/", menu)) as session:
            async with session.get("/") as response:
                assert await response.read() == file.read_bytes()
            async with session.get("/", headers={"Range": "bytes=1000-1999"}) as response:
                assert response.status == 206
                assert await response.read() == file.read_bytes()[1000:2000]

    run(main)


def test_nobody_listening_is_the_clients_own_error(run):
    async def main():
        async with serving(web.post("/", echo)) as session:
            address = session._base_url
        async with aiohttp.ClientSession() as session:
            with pytest.raises(aiohttp.ClientConnectorError):
                await session.post(address)

    run(main)


def test_a_handler_that_fails_is_an_answer_and_the_connection_goes_on(run):
    async def fail(request):
        raise ValueError("spilt")

    async def main():
        async with serving(web.get("/fail", fail), web.post("/", echo)) as session:
            async with session.get("/fail") as response:
                assert response.status == 500
            async with session.post("/", data=b"latte") as response:
                assert await response.read() == b"latte"

    run(main)


PROGRAM = """
import asyncio, sys
from aiohttp import web

closing = asyncio.Event()

async def wait(request):
    print("begun", flush=True)
    await closing.wait()
    return web.Response(text="last orders")

async def close(app):
    closing.set()

async def last(app):
    print("cleaned up", flush=True)

app = web.Application()
app.router.add_get("/", wait)
app.on_shutdown.append(close)
app.on_cleanup.append(last)
web.run_app(app, host="127.0.0.1", port=0, print=lambda line: print(line, file=sys.stderr))
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_when_the_last_request_is_answered(
    start_program, launcher, number, tmp_path
):
    (tmp_path / "cafe.py").write_text(PROGRAM)
    program = start_program(*launcher, "cafe")
    port = int(program.wait_for(r"Running on http://127\.0\.0\.1:(\d+)")[1])
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    assert program.line() == "begun"
    program.process.send_signal(number)
    assert connection.getresponse().read() == b"last orders"
    connection.close()
    assert program.end() == (0, "cleaned up\n")


def test_https_and_secure_websockets(run, certificate):
    async def main():
        app = web.Application()
        app.add_routes([web.post("/", echo)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=certificate.server)
        await site.start()
        address = "https://%s:%d" % runner.addresses[0]
        connector = aiohttp.TCPConnector(ssl=certificate.client)
        async with aiohttp.ClientSession(address, connector=connector) as session:
            for size in (0, 1, 1_000_000):
                async with session.post("/", data=io.BytesIO(bytes(size))) as response:
                    assert await response.read() == bytes(size)
        async with aiohttp.ClientSession(address) as session:
            with pytest.raises(aiohttp.ClientConnectorCertificateError):
                await session.post("/")
        await runner.cleanup()

    run(main)
