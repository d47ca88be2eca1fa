"""The other side is gone and can't say so: its host, or the way to it."""

import asyncio
import ctypes
import fcntl
import os
import socket
import struct
import traceback

import pytest

# `sched.h`, `linux/sockios.h`, `net/if.h`, `linux/tcp.h`.
NEW_USER, NEW_NETWORK = 0x10000000, 0x40000000
SET_FLAGS = 0x8914
IS_UP = 1
REPAIR = 19

# So long, in milliseconds, may what was sent stay unanswered.
PATIENCE_MS = 50
# Against hanging.
LIMIT_SECONDS = 20


def set_up(flags):
    """Connects the host with itself, or cuts it off."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        fcntl.ioctl(sock, SET_FLAGS, struct.pack("16sH22x", b"lo", flags))


def enter_own_network():
    """A network of this process's own, where it may do as it likes."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NETWORK) != 0 and libc.unshare(NEW_USER | NEW_NETWORK) != 0:
        raise PermissionError(ctypes.get_errno(), "no network of its own is allowed here")
    set_up(IS_UP)


@pytest.fixture
def run_alone(new_loop):
    """Runs a coroutine function on a loop of its own, in a process with its own network."""

    def run_alone(main):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            text = ""
            try:
                enter_own_network()
                loop = new_loop()
                loop.run_until_complete(asyncio.wait_for(main(), LIMIT_SECONDS))
                loop.close()
            except PermissionError as error:
                text = f"refused: {error}"
            except BaseException:
                text = traceback.format_exc()
            os.write(writing, text.encode())
            os._exit(0)
        os.close(writing)
        with open(reading) as said:
            text = said.read()
        _, status = os.waitpid(child, 0)
        if text.startswith("refused: "):
            pytest.skip(text)
        assert (os.waitstatus_to_exitcode(status), text) == (0, "")

    return run_alone


class Protocol(asyncio.Protocol):
    def __init__(self):
        self.lost = asyncio.get_running_loop().create_future()

    def connection_lost(self, error):
        self.lost.set_result(error)


async def connected():
    """A connection of the loop's, and the plain socket at its other end."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        transport, protocol = await loop.create_connection(Protocol, *listener.getsockname())
        far, _ = listener.accept()
    return transport, protocol, far


def be_patient(sock):
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PATIENCE_MS)


@pytest.mark.slow
def test_a_writer_learns_of_it_by_its_patience(run_alone):
    async def main():
        transport, protocol, far = await connected()
        be_patient(transport.get_extra_info("socket"))
        set_up(0)
        transport.write(b"coffee")
        assert isinstance(await protocol.lost, OSError)
        assert transport.is_closing()
        far.close()

    run_alone(main)


@pytest.mark.slow
def test_a_stream_that_is_read_learns_of_it_too(run_alone):
    async def main():
        with socket.create_server(("127.0.0.1", 0)) as listener:
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            far, _ = listener.accept()
        be_patient(writer.get_extra_info("socket"))
        set_up(0)
        writer.write(b"coffee")
        with pytest.raises(OSError):
            await reader.read(1)
        far.close()

    run_alone(main)


@pytest.mark.slow
def test_an_operation_on_a_socket_learns_of_it(run_alone):
    async def main():
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            near = socket.create_connection(listener.getsockname())
            far, _ = listener.accept()
        with near, far:
            near.setblocking(False)
            be_patient(near)
            set_up(0)
            await loop.sock_sendall(near, b"coffee")
            with pytest.raises(OSError):
                await loop.sock_recv(near, 1)

    run_alone(main)


def vanish(sock):
    """As a host that loses its power: without a word, and without a memory of it."""
    sock.setsockopt(socket.IPPROTO_TCP, REPAIR, 1)
    sock.close()


def test_a_peer_that_has_begun_anew_answers_with_a_reset(run_alone):
    async def main():
        transport, protocol, far = await connected()
        vanish(far)
        transport.write(b"coffee")
        assert isinstance(await protocol.lost, ConnectionResetError)

    run_alone(main)


def test_who_waits_for_a_peer_that_is_silent_can_end_the_connection(run_alone):
    async def main():
        transport, protocol, far = await connected()
        vanish(far)
        # Nothing comes, and nothing ever will.
        for _ in range(3):
            await asyncio.sleep(0)
        assert not protocol.lost.done()
        transport.abort()
        assert await protocol.lost is None

    run_alone(main)
