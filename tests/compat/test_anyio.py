"""anyio's asyncio backend: task groups, cancel scopes, threads, sockets, files and signals."""

import os
import signal
import threading

import anyio
import anyio.from_thread
import anyio.to_thread
import pytest
from anyio.abc import SocketAttribute
from anyio.streams.tls import TLSListener, TLSStream

pytestmark = pytest.mark.slow

BIG = bytes(range(256)) * 4096


@pytest.fixture
def run(new_loop, installed):
    """`anyio.run` on the loop under test."""

    def run(main, *args):
        return anyio.run(main, *args, backend_options={"loop_factory": new_loop})

    return run


async def echo(stream):
    async with stream:
        async for chunk in stream:
            await stream.send(chunk)


async def ask(stream, data):
    """Sends data, and reads as many bytes."""
    received = bytearray()
    async with anyio.create_task_group() as group:
        group.start_soon(stream.send, data)
        while len(received) < len(data):
            received += await stream.receive()
    return bytes(received)


@pytest.mark.parametrize("family", ["TCP", "Unix"])
def test_streams_echo(run, family, tmp_path):
    async def main():
        if family == "TCP":
            listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        else:
            listener = await anyio.create_unix_listener(tmp_path / "socket")
        address = listener.extra(SocketAttribute.local_address)
        async with listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, echo)
            if family == "TCP":
                stream = await anyio.connect_tcp(*address)
            else:
                stream = await anyio.connect_unix(address)
            async with stream:
                assert await ask(stream, BIG) == BIG
                await stream.send_eof()
                with pytest.raises(anyio.EndOfStream):
                    await stream.receive()
            group.cancel_scope.cancel()

    run(main)


def test_datagrams_echo(run):
    async def main():
        async with (
            await anyio.create_udp_socket(local_host="127.0.0.1") as server,
            await anyio.create_connected_udp_socket(
                *server.extra(SocketAttribute.local_address)
            ) as client,
        ):
            await client.send(b"latte")
            data, sender = await server.receive()
            await server.sendto(data, *sender)
            assert await client.receive() == b"latte"

    run(main)


def test_a_process_is_spoken_with_and_cancelled(run):
    async def main():
        result = await anyio.run_process(["cat"], input=BIG)
        assert result.stdout == BIG
        async with await anyio.open_process(["cat"]) as process:
            await process.stdin.send(b"latte")
            assert await process.stdout.receive() == b"latte"
            with anyio.move_on_after(0.001) as scope:
                await process.wait()
            assert scope.cancelled_caught
            process.terminate()
        assert process.returncode == -signal.SIGTERM

    run(main)


def test_tls_on_top_of_a_stream(run, certificate):
    # anyio's TLS is its own, on whatever stream there is.
    async def main():
        plain = await anyio.create_tcp_listener(local_host="127.0.0.1")
        address = plain.extra(SocketAttribute.local_address)
        async with TLSListener(plain, certificate.server) as listener, anyio.create_task_group() as group:
            group.start_soon(listener.serve, echo)
            stream = await TLSStream.wrap(
                await anyio.connect_tcp(*address),
                hostname="127.0.0.1", ssl_context=certificate.client,
            )
            async with stream:
                assert await ask(stream, BIG) == BIG
            group.cancel_scope.cancel()

    run(main)


def test_a_task_group_cancels_who_is_left_when_one_fails(run):
    seen = []

    async def wait():
        try:
            await anyio.sleep_forever()
        finally:
            with anyio.CancelScope(shield=True):
                await anyio.sleep(0.001)
            seen.append("cleaned up")

    async def spill():
        await anyio.wait_all_tasks_blocked()
        raise ValueError("spilt")

    async def main():
        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(wait)
            group.start_soon(spill)

    with pytest.raises(ExceptionGroup) as caught:
        run(main)
    assert caught.group_contains(ValueError, match="spilt")
    assert seen == ["cleaned up"] * 10


def test_a_scope_is_left_when_its_time_is_over(run):
    async def main():
        with anyio.move_on_after(0.001) as scope:
            await anyio.sleep_forever()
        assert scope.cancelled_caught
        with pytest.raises(TimeoutError):
            with anyio.fail_after(0.001):
                await anyio.Event().wait()

    run(main)


def test_an_inner_scope_does_not_take_the_outer_ones_cancellation(run):
    async def main():
        with anyio.CancelScope() as outer:
            with anyio.CancelScope():
                outer.cancel()
                await anyio.sleep(0)
            raise AssertionError("it went on")
        assert outer.cancelled_caught

    run(main)


def test_threads_come_and_go(run):
    async def main():
        here = threading.get_ident()

        def work(number):
            assert threading.get_ident() != here
            assert anyio.from_thread.run_sync(threading.get_ident) == here
            anyio.from_thread.run(anyio.sleep, 0)
            return number

        numbers = []

        async def ask(number):
            numbers.append(await anyio.to_thread.run_sync(work, number))

        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(ask, number)
        assert sorted(numbers) == list(range(100))

    run(main)


def test_a_portal_lets_threads_in(installed, new_loop):
    options = {"loop_factory": new_loop}
    with anyio.from_thread.start_blocking_portal(backend_options=options) as portal:
        assert portal.call(threading.get_ident) != threading.get_ident()
        future = portal.start_task_soon(anyio.sleep_forever)
        future.cancel()
        assert portal.call(anyio.sleep, 0) is None


def test_signals_are_received_one_by_one(run):
    async def main():
        with anyio.open_signal_receiver(signal.SIGUSR1, signal.SIGUSR2) as signals:
            for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGUSR1):
                os.kill(os.getpid(), number)
                assert await anext(signals) == number
        assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL

    run(main)


def test_a_plain_sockets_readiness_is_waited_for(run):
    async def main():
        listener = await anyio.create_tcp_listener(local_host="127.0.0.1")
        async with listener:
            stream = await anyio.connect_tcp(*listener.extra(SocketAttribute.local_address))
            async with stream:
                with stream.extra(SocketAttribute.raw_socket).dup() as sock:
                    await anyio.wait_writable(sock)
                    with anyio.move_on_after(0.001) as scope:
                        await anyio.wait_readable(sock)
                    assert scope.cancelled_caught

    run(main)


def test_files_are_read_and_written(run, tmp_path):
    async def main():
        async with await anyio.open_file(tmp_path / "menu", "wb") as file:
            await file.write(BIG)
        assert await anyio.Path(tmp_path / "menu").read_bytes() == BIG

    run(main)
