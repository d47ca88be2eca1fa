"""asyncio's streams, which know nothing of the loop below them."""

import asyncio
import socket

import pytest


def serve(run, handle, visit):
    """Runs a server of `handle` and a visitor, and returns what the visitor does."""

    async def main():
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            try:
                return await visit(reader, writer)
            finally:
                writer.close()
                await writer.wait_closed()

    return run(main)


async def echo(reader, writer):
    while line := await reader.readline():
        writer.write(line.upper())
        await writer.drain()
    writer.close()
    await writer.wait_closed()


def test_lines_go_there_and_back(run):
    async def visit(reader, writer):
        answers = []
        for order in (b"mocha\n", b"latte\n"):
            writer.write(order)
            await writer.drain()
            answers.append(await reader.readline())
        writer.write_eof()
        assert await reader.read() == b""
        return answers

    assert serve(run, echo, visit) == [b"MOCHA\n", b"LATTE\n"]


def test_much_goes_through_with_bounded_buffers(run):
    sizes = []

    async def pour(_reader, writer):
        for _ in range(64):
            writer.write(bytes(65536))
            await writer.drain()
            sizes.append(writer.transport.get_write_buffer_size())
        writer.close()
        await writer.wait_closed()

    async def visit(reader, _writer):
        received = 0
        while data := await reader.read(65536):
            received += len(data)
        return received

    assert serve(run, pour, visit) == 64 * 65536
    assert max(sizes) <= 2 * 65536


def test_many_visitors_are_served_at_once(run):
    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0, backlog=200)
        address = server.sockets[0].getsockname()

        async def visit(number):
            reader, writer = await asyncio.open_connection(*address)
            writer.write(b"%d\n" % number)
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
            return int(answer)

        async with server:
            answers = await asyncio.gather(*map(visit, range(200)))
        assert answers == list(range(200))

    run(main)


def test_a_reader_is_told_of_a_reset(run):
    async def main():
        near, far = socket.socketpair()
        with far:
            reader, writer = await asyncio.open_connection(sock=near)
            far.send(b"cof")
            writer.write(bytes(1 << 22))
            far.close()
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await reader.readexactly(6)
            writer.close()
            with pytest.raises(ConnectionError):
                await writer.wait_closed()

    run(main)


def test_a_connection_that_is_closed_ends_its_drain(run):
    async def main():
        near, far = socket.socketpair()
        with far:
            _, writer = await asyncio.open_connection(sock=near)
            writer.write(bytes(1 << 22))
            draining = asyncio.ensure_future(writer.drain())
            await asyncio.sleep(0)
            assert not draining.done()
            writer.transport.abort()
            await draining
            with pytest.raises(ConnectionError):
                await writer.drain()

    run(main)
