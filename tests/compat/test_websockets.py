"""websockets: echoes, a broadcast, pings, closing from either side, a connection that is lost."""

import asyncio
import contextlib
import signal

import pytest
import websockets
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve

pytestmark = pytest.mark.slow


async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)


@contextlib.asynccontextmanager
async def serving(handler, certificate=None):
    """A server, and how to connect with it."""
    context = certificate and certificate.server
    async with serve(handler, "127.0.0.1", 0, ssl=context, max_size=None) as server:
        port = server.sockets[0].getsockname()[1]
        address = f"{'wss' if certificate else 'ws'}://127.0.0.1:{port}"
        trust = {"ssl": certificate.client} if certificate else {}

        def enter(**options):
            return connect(address, max_size=None, proxy=None, **trust, **options)

        yield server, enter


async def talk(enter):
    async with enter() as websocket:
        for message in ("latte", b"mocha", "", "x" * (1 << 20)):
            await websocket.send(message)
            assert await websocket.recv() == message


def test_messages_of_every_size_come_back(run):
    async def main():
        async with serving(echo) as (_, enter):
            await talk(enter)

    run(main)


def test_a_hundred_clients_are_served_at_once(run):
    async def main():
        async with serving(echo) as (_, enter):

            async def ask(number):
                async with enter() as websocket:
                    await websocket.send(f"{number}")
                    return await websocket.recv()

            assert await asyncio.gather(*map(ask, range(100))) == [f"{n}" for n in range(100)]

    run(main)


def test_a_broadcast_reaches_everybody(run):
    async def main():
        async def listen(websocket):
            await websocket.wait_closed()

        async with serving(listen) as (server, enter):
            async with contextlib.AsyncExitStack() as stack:
                guests = [await stack.enter_async_context(enter()) for _ in range(20)]
                websockets.broadcast(server.connections, "last orders")
                assert [await guest.recv() for guest in guests] == ["last orders"] * 20

    run(main)


def test_a_ping_is_answered(run):
    async def main():
        async with serving(echo) as (_, enter):
            async with enter() as websocket:
                assert await (await websocket.ping()) >= 0

    run(main)


def test_the_server_closes_its_clients_when_it_ends(run):
    async def main():
        async with contextlib.AsyncExitStack() as stack:
            async with serving(echo) as (_, enter):
                guests = [await stack.enter_async_context(enter()) for _ in range(10)]
            for guest in guests:
                with pytest.raises(websockets.ConnectionClosedOK):
                    await guest.recv()
                assert guest.close_code == 1001

    run(main)


def test_a_handler_that_fails_closes_its_connection_alone(run, caplog):
    async def main():
        async def spill(websocket):
            if await websocket.recv() == "spill":
                raise ValueError("spilt")
            await websocket.send("served")

        async with serving(spill) as (_, enter):
            async with enter() as unlucky, enter() as lucky:
                await unlucky.send("spill")
                with pytest.raises(websockets.ConnectionClosedError):
                    await unlucky.recv()
                assert unlucky.close_code == 1011
                await lucky.send("latte")
                assert await lucky.recv() == "served"

    run(main)
    assert "ValueError: spilt" in caplog.text


def test_a_connection_that_is_lost_ends_its_handler(run):
    async def main():
        ended = asyncio.get_running_loop().create_future()

        async def listen(websocket):
            try:
                await websocket.recv()
            except websockets.ConnectionClosed as error:
                ended.set_result(error)

        async with serving(listen) as (_, enter):
            async with enter() as websocket:
                websocket.transport.abort()
                assert isinstance(await ended, websockets.ConnectionClosedError)

    run(main)


def test_a_receipt_that_is_cancelled_loses_nothing(run):
    async def main():
        async with serving(echo) as (_, enter):
            async with enter() as websocket:
                receiving = asyncio.create_task(websocket.recv())
                await asyncio.sleep(0)
                receiving.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await receiving
                await websocket.send("latte")
                assert await websocket.recv() == "latte"

    run(main)


PROGRAM = """
import asyncio, signal
from websockets.asyncio.server import serve

async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)
    print("closed with", websocket.close_code, flush=True)

async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, server.close)
        print(server.sockets[0].getsockname()[1], flush=True)
        await server.wait_closed()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    print("interrupted")
"""


# Ctrl-C has no handler there: it cancels the program, which then leaves its server.
@pytest.mark.parametrize(
    ("number", "last_words"), [(signal.SIGTERM, ""), (signal.SIGINT, "interrupted\n")]
)
def test_a_signal_closes_the_connections_of_a_program(
    start_program, launcher, run, tmp_path, number, last_words
):
    (tmp_path / "cafe.py").write_text(PROGRAM)
    program = start_program(*launcher, "cafe")
    port = program.line()

    async def main():
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as websocket:
            await websocket.send("latte")
            assert await websocket.recv() == "latte"
            program.process.send_signal(number)
            with pytest.raises(websockets.ConnectionClosedOK):
                await websocket.recv()

    run(main)
    assert program.end() == (0, f"closed with 1001\n{last_words}")


def test_tls(run, certificate):
    async def main():
        async with serving(echo, certificate) as (_, enter):
            await talk(enter)

    run(main)
