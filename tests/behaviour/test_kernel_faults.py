"""What the kernel fails with rarely: without memory for a packet, or for a signal."""

import asyncio
import errno
import os
import socket

import failing_kernel
import pytest

# 3.15 counts the thread that guards against hangs, which holds none of the child's locks.
pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded")

WAITS = ("epoll_wait", "epoll_pwait", "epoll_pwait2")
READS = ("read", "recvfrom", "recvmsg", "accept4")
WRITES = ("write", "writev", "sendto", "sendmsg")

# Against hanging: a hundred times what it takes.
LIMIT_SECONDS = 20

PIECES = [os.urandom(size) for size in (1, 1000, 70_000, 300_000)]
SENT = b"".join(PIECES)


@pytest.fixture
def run_failing(new_loop):
    """Runs a coroutine function on a loop of its own, under such a kernel."""

    def run_failing(main, names, decide):
        def body(loop):
            try:
                loop.run_until_complete(asyncio.wait_for(main(), LIMIT_SECONDS))
            finally:
                loop.close()

        # Modules of C are loaded before: the loader has never heard of EINTR.
        failing_kernel.run(new_loop, body, names, decide)

    return run_failing


async def echo_by_streams():
    async def answer(reader, writer):
        while data := await reader.read(100_000):
            writer.write(data[:1])
            writer.write(data[1:])
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    for piece in PIECES:
        writer.write(piece)
    writer.write_eof()
    assert await reader.read() == SENT
    writer.close()
    server.close()


async def echo_by_sockets():
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as near:
        listener.setblocking(False)
        near.setblocking(False)
        accepting = asyncio.ensure_future(loop.sock_accept(listener))
        await loop.sock_connect(near, listener.getsockname())
        far, _ = await accepting
        with far:
            sending = asyncio.ensure_future(loop.sock_sendall(near, SENT))
            received = bytearray()
            while len(received) < len(SENT):
                received += await loop.sock_recv(far, 65536)
            await sending
            assert received == SENT
            room = bytearray(10)
            receiving = asyncio.ensure_future(loop.sock_recv_into(near, room))
            await loop.sock_sendall(far, b"coffee")
            assert room[: await receiving] == b"coffee"


class Notes(asyncio.DatagramProtocol):
    def __init__(self, wanted):
        self.heard = []
        self.errors = []
        self.wanted = wanted
        self.done = asyncio.get_running_loop().create_future()

    def datagram_received(self, data, addr):
        self.heard.append(data)
        self.look()

    def error_received(self, error):
        self.errors.append(error.errno)
        self.look()

    def look(self):
        if len(self.heard) == self.wanted and not self.done.done():
            self.done.set_result(None)


async def send_datagrams():
    loop = asyncio.get_running_loop()
    at_home = {"local_addr": ("127.0.0.1", 0)}
    receiver, heard = await loop.create_datagram_endpoint(lambda: Notes(50), **at_home)
    sender, sent = await loop.create_datagram_endpoint(lambda: Notes(0), **at_home)
    for number in range(50):
        sender.sendto(b"%d" % number, receiver.get_extra_info("sockname"))
    await heard.done
    assert heard.heard == [b"%d" % number for number in range(50)]
    assert not sent.errors and not heard.errors
    sender.close()
    receiver.close()
    await asyncio.sleep(0)


async def talk_by_pipes():
    loop = asyncio.get_running_loop()
    reading, writing = (open(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb")))
    reader = asyncio.StreamReader()
    source, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), reading
    )
    sink, _ = await loop.connect_write_pipe(asyncio.Protocol, writing)
    for piece in PIECES:
        sink.write(piece)
    sink.close()
    assert await reader.read() == SENT
    source.close()
    await asyncio.sleep(0)


async def call_from_a_thread():
    loop = asyncio.get_running_loop()
    for _ in range(20):
        assert await loop.run_in_executor(None, os.getpid) == os.getpid()
    await asyncio.sleep(0.001)


PROGRAMS = [echo_by_streams, echo_by_sockets, send_datagrams, talk_by_pipes]


@pytest.mark.parametrize(
    "main", [*PROGRAMS, call_from_a_thread], ids=lambda main: main.__name__
)
def test_a_signal_in_every_call_does_not_disturb(run_failing, main):
    calls = WAITS + READS + WRITES
    run_failing(main, calls, failing_kernel.interrupts_every_other)


# A loop's wake-up that finds no room has been made already, and isn't tried again.
@pytest.mark.parametrize("main", PROGRAMS, ids=lambda main: main.__name__)
def test_what_is_reported_ready_and_is_not_is_tried_again(loop, run_failing, main):
    # What has to be imported is, before no file can be read.
    loop.run_until_complete(main())
    run_failing(main, READS + WRITES, lambda _, count: errno.EAGAIN if count % 2 else None)


def test_a_datagram_for_which_there_is_no_memory_is_told_and_the_next_is_sent(run_failing):
    async def main():
        loop = asyncio.get_running_loop()
        at_home = {"local_addr": ("127.0.0.1", 0)}
        receiver, heard = await loop.create_datagram_endpoint(lambda: Notes(1), **at_home)
        sender, sent = await loop.create_datagram_endpoint(lambda: Notes(0), **at_home)
        # In the same turn, so that nothing else is sent between.
        sender.sendto(b"lost", receiver.get_extra_info("sockname"))
        sender.sendto(b"coffee", receiver.get_extra_info("sockname"))
        await heard.done
        assert (sent.errors, heard.heard) == ([errno.ENOBUFS], [b"coffee"])
        assert sender.get_write_buffer_size() == 0
        sender.close()
        receiver.close()
        await asyncio.sleep(0)

    run_failing(main, ["sendto"], lambda _, count: errno.ENOBUFS if count == 1 else None)


def test_without_memory_for_a_packet_a_connection_is_lost(run_failing):
    async def main():
        lost = asyncio.get_running_loop().create_future()

        class Protocol(asyncio.Protocol):
            def connection_lost(self, error):
                lost.set_result(error)

        near, far = socket.socketpair()
        with far:
            transport, _ = await asyncio.get_running_loop().create_connection(
                Protocol, sock=near
            )
            transport.write(b"coffee")
            transport.write(b"tea")
            error = await lost
            assert isinstance(error, OSError) and error.errno == errno.ENOBUFS
            assert far.recv(1) == b""

    run_failing(main, ["sendto", "sendmsg"], lambda *_: errno.ENOBUFS)


@pytest.mark.parametrize("number", [errno.ENOBUFS, errno.ENOMEM, errno.ENFILE])
def test_without_memory_for_a_connection_it_is_accepted_later(run_failing, number):
    async def main():
        loop = asyncio.get_running_loop()
        reports, retries = [], []
        loop.set_exception_handler(lambda _, context: reports.append(context))
        accepted = loop.create_future()

        class Protocol(asyncio.Protocol):
            def connection_made(self, transport):
                accepted.set_result(None)
                transport.close()

        server = await loop.create_server(Protocol, "127.0.0.1", 0, backlog=1)
        loop.call_later = lambda delay, *call: retries.append((delay, call))
        with socket.create_connection(server.sockets[0].getsockname()) as far:
            while not retries:
                await asyncio.sleep(0)
            del loop.call_later
            assert reports[0]["message"] == "socket.accept() out of system resource"
            assert reports[0]["exception"].errno == number
            assert retries[0][0] == 1
            for _, (callback, *arguments) in retries:
                callback(*arguments)
            await accepted
            far.setblocking(False)
            assert await loop.sock_recv(far, 1) == b""
        server.close()

    run_failing(main, ["accept4"], lambda _, count: number if count == 1 else None)


def test_without_memory_an_operation_on_a_socket_fails_and_the_next_one_works(run_failing):
    async def main():
        loop = asyncio.get_running_loop()
        near, far = socket.socketpair()
        with near, far:
            near.setblocking(False)
            for operate in (loop.sock_sendall(near, b"tea"), loop.sock_recv(near, 10)):
                with pytest.raises(OSError, match=os.strerror(errno.ENOBUFS)):
                    await operate
            await loop.sock_sendall(near, b"coffee")
            assert far.recv(10) == b"coffee"
            far.send(b"mocha")
            assert await loop.sock_recv(near, 10) == b"mocha"

    # Of the loop's own two; what the test sends itself comes later.
    run_failing(
        main, ["sendto", "recvfrom"], lambda _, count: errno.ENOBUFS if count == 1 else None
    )
