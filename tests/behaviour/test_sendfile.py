"""Files sent to sockets and transports, by the kernel or by reading and writing."""

import asyncio
import io
import socket

import pytest

DATA = bytes(range(256)) * 4096


@pytest.fixture
def file(tmp_path):
    (tmp_path / "beans").write_bytes(DATA)
    with open(tmp_path / "beans", "rb") as file:
        yield file


@pytest.fixture
def memory():
    """A file that the kernel knows nothing of."""
    return io.BytesIO(DATA)


async def read_all(loop, sock, length):
    received = bytearray()
    while len(received) < length:
        received += await loop.sock_recv(sock, 1 << 20)
    return bytes(received)


PARTS = [(0, None), (1000, None), (0, 5000), (1000, 5000), (len(DATA) - 10, 100)]


def part(offset, count):
    return DATA[offset:] if count is None else DATA[offset : offset + count]


@pytest.mark.parametrize("kind", ["file", "memory"])
@pytest.mark.parametrize(("offset", "count"), PARTS)
def test_a_part_of_a_file_is_sent_to_a_socket(request, run, kind, offset, count):
    file = request.getfixturevalue(kind)
    expected = part(offset, count)

    async def main():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            far.setblocking(False)
            reading = loop.create_task(read_all(loop, far, len(expected)))
            sent = await loop.sock_sendfile(near, file, offset, count)
            assert sent == len(expected)
            assert await reading == expected
            assert file.tell() == offset + sent

    run(main)


@pytest.mark.parametrize("kind", ["file", "memory"])
@pytest.mark.parametrize(("offset", "count"), PARTS)
def test_a_part_of_a_file_is_sent_to_a_transport(request, run, Notes, kind, offset, count):
    file = request.getfixturevalue(kind)
    expected = b"before" + part(offset, count) + b"after"

    async def main():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with far:
            far.setblocking(False)
            transport, protocol = await loop.create_connection(Notes, sock=near)
            reading = loop.create_task(read_all(loop, far, len(expected)))
            transport.write(b"be")
            transport.write(b"fore")
            sent = await loop.sendfile(transport, file, offset, count)
            transport.write(b"after")
            assert sent == len(expected) - 11
            assert await reading == expected
            assert file.tell() == offset + sent
            far.send(b"thanks")
            while not protocol.received:
                await asyncio.sleep(0)
            transport.close()
            while not protocol.is_lost:
                await asyncio.sleep(0)

    run(main)


def test_nothing_else_is_written_meanwhile(run, file, Notes):
    async def main():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with far:
            transport, protocol = await loop.create_connection(Notes, sock=near)
            sending = loop.create_task(loop.sendfile(transport, file))
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="unable to write; sendfile is in progress"):
                transport.write(b"coffee")
            with pytest.raises(RuntimeError, match="unable to writelines; sendfile is in progre"):
                transport.writelines([b"coffee"])
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending
            transport.write(b"coffee")
            transport.abort()
            while not protocol.is_lost:
                await asyncio.sleep(0)

    run(main)


# asyncio ends the writing at once, so that the file finds a broken pipe.
@pytest.mark.parametrize("loop_name", ["cafeloop"])
def test_an_end_meanwhile_comes_after_the_file(run, file, Notes):
    async def main():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with far:
            far.setblocking(False)
            transport, protocol = await loop.create_connection(Notes, sock=near)
            sending = loop.create_task(loop.sendfile(transport, file))
            await asyncio.sleep(0)
            transport.write_eof()
            received = bytearray()
            while data := await loop.sock_recv(far, 1 << 20):
                received += data
            assert await sending == len(received)
            file.seek(0)
            assert received == file.read()
            transport.close()
            while not protocol.is_lost:
                await asyncio.sleep(0)

    run(main)


def test_a_file_that_the_kernel_does_not_know_may_be_refused(run, memory):
    async def main():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            with pytest.raises(asyncio.SendfileNotAvailableError):
                await loop.sock_sendfile(near, memory, fallback=False)

    run(main)


def test_a_closed_transport_takes_no_file(run, file, Notes):
    async def main():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with far:
            transport, protocol = await loop.create_connection(Notes, sock=near)
            transport.close()
            with pytest.raises(RuntimeError, match="Transport is closing"):
                await loop.sendfile(transport, file)
            while not protocol.is_lost:
                await asyncio.sleep(0)

    run(main)


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"offset": -1}, ValueError, "offset must be a non-negative integer"),
        ({"offset": 1.0}, TypeError, "offset must be a non-negative integer"),
        ({"count": 0}, ValueError, "count must be a positive integer"),
        ({"count": "1"}, TypeError, "count must be a positive integer"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(run, file, options, error, text):
    async def main():
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            with pytest.raises(error, match=text):
                await asyncio.get_running_loop().sock_sendfile(near, file, **options)

    run(main)


def test_a_text_file_is_refused(run, tmp_path):
    (tmp_path / "menu").write_text("coffee")

    async def main():
        near, far = socket.socketpair()
        with near, far, open(tmp_path / "menu") as file:
            near.setblocking(False)
            with pytest.raises(ValueError, match="binary mode"):
                await asyncio.get_running_loop().sock_sendfile(near, file)

    run(main)
