"""The documented examples of looptime 0.9 and async-solipsism 0.10, in this package's words.

`docs/time.md` has the table of what corresponds to what.
"""

import asyncio
import contextlib
import socket
import threading

import pytest

import cafeloop

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

# Real seconds, for what takes no time.
AT_ONCE = 60


def test_looptimes_examples(outcome_of):
    outcome_of("""
import socket
import threading

pytestmark = pytest.mark.cafeloop(clock="virtual", timeout=1000)

# Getting started.
async def test_me():
    await asyncio.sleep(100)
    assert asyncio.get_running_loop().time() == 100

# Settings: the nearest mark counts, for each of them.
@pytest.mark.cafeloop(timeout=101)
async def test_nearest():
    await asyncio.sleep(100)
    assert asyncio.get_running_loop().time() == 100

# The time zero.
@pytest.mark.cafeloop(start=100)
async def test_start():
    await asyncio.sleep(1.23)
    assert asyncio.get_running_loop().time() == 101.23

# Chronometers.
@pytest.mark.cafeloop(start=100)
async def test_chronometers():
    with cafeloop.Stopwatch() as watch:
        await asyncio.sleep(1)
        await asyncio.sleep(1)
    assert watch.real_seconds < 60
    assert watch.loop_seconds == 2
    assert asyncio.get_running_loop().time() == 102

# Premature finalization.
async def test_premature():
    async with asyncio.timeout(9):
        await asyncio.sleep(1)

# Synchronization with threads: no step is to be set, and the work takes no time.
async def test_threads():
    event = threading.Event()
    async with asyncio.timeout(9):
        await asyncio.get_running_loop().run_in_executor(None, event.set)
    assert event.is_set()
    assert asyncio.get_running_loop().time() == 0

# Time-outs against the end of time.
async def test_timeout():
    with cafeloop.Stopwatch() as watch:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), timeout=10)
    assert watch.loop_seconds == 10
    assert watch.real_seconds < 60

# Resolution and floating point: a microsecond there, a nanosecond here.
async def test_resolution():
    loop = asyncio.get_running_loop()
    await asyncio.sleep(0.2)
    await asyncio.sleep(0.21)
    # None ends before its deadline, so each may take a nanosecond more.
    assert 0.41 <= loop.time() <= 0.410_000_002
    await asyncio.sleep(1e-12)
    with cafeloop.Stopwatch() as watch:
        for _ in range(1000):
            await asyncio.sleep(0.000_001)
    assert 0.001 <= watch.loop_seconds <= 0.001_001

# Without fast-forwarding, whatever the module says.
@pytest.mark.cafeloop(clock="real", timeout=60)
async def test_real():
    assert asyncio.get_running_loop().clock is None
""").assert_outcomes(passed=9)


def test_looptimes_end_of_time(outcome_of):
    # It is a limit of the test here, which no code in the test can catch.
    result = outcome_of("""
@pytest.mark.cafeloop(clock="virtual", timeout=10)
async def test_end():
    await asyncio.Event().wait()
""")
    result.stdout.fnmatch_lines(["the test took longer than 10 seconds of *; it waits at *.py:5"])


def test_looptimes_patched_loops():
    loop = cafeloop.new_event_loop(clock=cafeloop.VirtualClock(start=100))
    with contextlib.closing(loop):
        loop.run_until_complete(asyncio.sleep(1.23))
        assert loop.time() == 101.23


def test_looptimes_custom_loops():
    class Custom(cafeloop.Loop):
        pass

    with asyncio.Runner(loop_factory=lambda: Custom(clock="virtual")) as runner:
        runner.run(asyncio.sleep(100))
        assert runner.get_loop().time() == 100


def test_looptimes_enabling_for_a_while():
    async def main():
        clock = asyncio.get_running_loop().clock
        with clock.paused():
            began = clock.time()
            await asyncio.sleep(0.001)
            assert clock.time() - began >= 0.001
        with cafeloop.Stopwatch() as watch:
            await asyncio.sleep(100)
        assert watch.loop_seconds == pytest.approx(100)
        assert watch.real_seconds < AT_ONCE

    cafeloop.run(main(), clock="virtual")


def test_solipsisms_clock():
    async def main():
        loop = asyncio.get_running_loop()
        before = loop.time()
        await asyncio.sleep(60)
        assert loop.time() == before + 60

    cafeloop.run(main(), clock="virtual")


def test_solipsisms_sleep_for_ever():
    async def main():
        reader, writer = await asyncio.open_connection(sock=one)
        try:
            await reader.read(1)
        finally:
            writer.close()
            other.close()

    one, other = socket.socketpair()
    with pytest.raises(OSError, match="would wait for ever"):
        cafeloop.run(main(), clock=cafeloop.VirtualClock(strict=True))


def test_solipsisms_socket_pairs():
    async def main():
        loop = asyncio.get_running_loop()
        one, other = socket.socketpair()
        with one, other:
            one.setblocking(False)
            other.setblocking(False)
            await loop.sock_sendall(one, b"Latte")
            assert await loop.sock_recv(other, 100) == b"Latte"
            # Its buffers fill up, as those there do.
            with pytest.raises(BlockingIOError):
                while True:
                    one.send(bytes(65536))
            # Who waits for room is let on when the other end reads, in no time.
            sending = asyncio.create_task(loop.sock_sendall(one, b"Mocha"))
            await asyncio.sleep(60)
            assert not sending.done()
            while not sending.done():
                await loop.sock_recv(other, 1 << 20)
            assert loop.time() == 60

    cafeloop.run(main(), clock="virtual")


def test_solipsisms_stream_pairs():
    async def main():
        (reader1, writer1), (reader2, writer2) = [
            await asyncio.open_connection(sock=end) for end in socket.socketpair()
        ]
        writer1.write(b"Latte\n")
        assert await reader2.readline() == b"Latte\n"
        writer2.write(b"Mocha\n")
        assert await reader1.readline() == b"Mocha\n"
        for writer in (writer1, writer2):
            writer.close()
            await writer.wait_closed()
        assert asyncio.get_running_loop().time() == 0

    cafeloop.run(main(), clock=cafeloop.VirtualClock(strict=True))


def test_solipsisms_servers():
    # Of the loopback, on a port that nobody else has; there is no name to be made up.
    async def main():
        async def callback(reader, writer):
            writer.write(await reader.readline())
            await asyncio.sleep(60)
            writer.close()

        server = await asyncio.start_server(callback, "127.0.0.1", 0)
        address = server.sockets[0].getsockname()
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"Latte\n")
        assert await reader.read() == b"Latte\n"
        assert asyncio.get_running_loop().time() == 60
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection(*address)

    cafeloop.run(main(), clock=cafeloop.VirtualClock(strict=True))


def test_what_solipsism_has_not():
    """Threads, calls from them, and names that are looked up."""

    async def main():
        loop = asyncio.get_running_loop()
        called = asyncio.Event()
        await asyncio.to_thread(loop.call_soon_threadsafe, called.set)
        await asyncio.wait_for(called.wait(), 60)
        assert await loop.getaddrinfo("127.0.0.1", 80)
        assert await asyncio.to_thread(threading.get_ident) != threading.get_ident()
        return loop.time()

    assert cafeloop.run(main(), clock=cafeloop.VirtualClock(strict=True)) == 0
