"""A time of a loop's own: what it jumps over, what holds it, and who goes by it."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
import threading
import time

import pytest

import cafeloop

HOUR = 3600.0
# Real seconds: far more than a machine needs for what takes no time, far less than what is
# waited for.
AT_ONCE = 60.0


@pytest.fixture(autouse=True)
def no_waiting():
    """Each of these tests would take hours by the real clock."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < AT_ONCE


def run(main, clock="virtual"):
    return cafeloop.run(main, clock=clock)


def now():
    return asyncio.get_running_loop().time()


def test_sleeping_takes_no_time_and_passes_it():
    async def main():
        began = now()
        await asyncio.sleep(10 * HOUR)
        return now() - began

    assert run(main()) == 10 * HOUR


def test_tasks_that_sleep_together_wake_in_the_order_of_their_deadlines():
    async def main():
        woken = []

        async def sleeper(hours):
            await asyncio.sleep(hours * HOUR)
            woken.append((hours, now()))

        await asyncio.gather(*(sleeper(hours) for hours in (3, 1, 2)))
        return woken

    assert run(main()) == [(1, HOUR), (2, 2 * HOUR), (3, 3 * HOUR)]


def test_time_begins_where_it_is_told_to():
    async def main():
        return now()

    assert run(main()) == 0.0
    assert run(main(), cafeloop.VirtualClock(start=HOUR)) == HOUR


def test_one_clock_goes_on_from_run_to_run():
    async def main():
        await asyncio.sleep(HOUR)

    clock = cafeloop.VirtualClock()
    run(main(), clock)
    run(main(), clock)
    assert clock.time() == 2 * HOUR


def test_a_loop_tells_its_clock():
    async def main():
        return asyncio.get_running_loop().clock

    clock = cafeloop.VirtualClock()
    assert run(main(), clock) is clock
    assert isinstance(run(main()), cafeloop.VirtualClock)
    assert run(main(), "real") is None


def test_call_later_and_call_at_go_by_it():
    async def main():
        loop = asyncio.get_running_loop()
        called = []
        loop.call_later(2 * HOUR, lambda: called.append(loop.time()))
        loop.call_at(HOUR, lambda: called.append(loop.time()))
        await asyncio.sleep(3 * HOUR)
        return called

    assert run(main()) == [HOUR, 2 * HOUR]


def test_a_timer_set_in_the_past_fires_at_once():
    async def main():
        loop = asyncio.get_running_loop()
        await asyncio.sleep(HOUR)
        fired = loop.create_future()
        loop.call_at(1.0, lambda: fired.set_result(loop.time()))
        return await fired

    assert run(main()) == HOUR


def test_a_cancelled_sleeper_is_no_deadline():
    async def main():
        sleeper = asyncio.create_task(asyncio.sleep(HOUR))
        await asyncio.sleep(0)
        sleeper.cancel()
        await asyncio.sleep(2 * HOUR)
        return now()

    assert run(main()) == 2 * HOUR


def test_a_time_out_expires_at_its_time():
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(HOUR):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(2 * HOUR), HOUR)
        return now()

    assert run(main()) == 2 * HOUR


def test_of_nested_time_outs_that_expire_in_one_jump_each_ends_its_own():
    async def main():
        ended = []
        try:
            async with asyncio.timeout(HOUR):
                try:
                    async with asyncio.timeout(HOUR):
                        await asyncio.sleep(2 * HOUR)
                except TimeoutError:
                    ended.append("inner")
                    await asyncio.sleep(0)
        except TimeoutError:
            ended.append("outer")
        return ended, now()

    ended, at = run(main())
    # Both are due; the inner's error passes through the outer, whose own deadline has come too.
    assert ended[-1] == "outer"
    assert at == HOUR


def test_an_asynchronous_generator_waits_in_it_and_is_closed_in_it():
    async def main():
        ended = []

        async def ticks():
            try:
                while True:
                    await asyncio.sleep(HOUR)
                    yield now()
            finally:
                await asyncio.sleep(HOUR)
                ended.append(now())

        seen = []
        generator = ticks()
        async for tick in generator:
            seen.append(tick)
            if len(seen) == 3:
                break
        await generator.aclose()
        return seen, ended

    assert run(main()) == ([HOUR, 2 * HOUR, 3 * HOUR], [4 * HOUR])


def test_time_stands_still_while_a_thread_works():
    async def main():
        go_on = threading.Event()
        worked = asyncio.create_task(asyncio.to_thread(go_on.wait))
        timer = asyncio.create_task(asyncio.sleep(HOUR))
        # Let the thread begin, and the timer be set; then let the work end, from outside.
        await asyncio.sleep(0)
        threading.Timer(0.0, go_on.set).start()
        await worked
        at_its_end = now()
        await timer
        return at_its_end, now()

    assert run(main()) == (0.0, HOUR)


def test_a_cancelled_job_holds_it_until_its_thread_has_ended():
    async def main():
        begun, go_on = threading.Event(), threading.Event()

        def work():
            begun.set()
            go_on.wait()
            return order.append("worked")

        order = []
        task = asyncio.create_task(asyncio.to_thread(work))
        await asyncio.sleep(0)
        begun.wait()
        task.cancel()
        await asyncio.wait([task])
        threading.Timer(0.0, go_on.set).start()
        await asyncio.sleep(HOUR)
        order.append("slept")
        return order

    assert run(main()) == ["worked", "slept"]


def test_shutting_down_an_executor_holds_it():
    async def main():
        loop = asyncio.get_running_loop()
        go_on = threading.Event()
        loop.run_in_executor(None, go_on.wait)
        threading.Timer(0.0, go_on.set).start()
        # It would warn if the time ran out.
        await loop.shutdown_default_executor(timeout=HOUR)

    run(main())


def test_what_a_connection_carries_arrives_before_the_next_deadline():
    async def main():
        async def answer(reader, writer):
            try:
                while line := await reader.readline():
                    await asyncio.sleep(HOUR)
                    writer.write(line)
            finally:
                writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        async with server:
            address = server.sockets[0].getsockname()
            reader, writer = await asyncio.open_connection(*address)
            for _ in range(100):
                writer.write(b"ready?\n")
                # Were time to jump while the bytes are on their way, this would expire.
                async with asyncio.timeout(HOUR + 1):
                    assert await reader.readline() == b"ready?\n"
            writer.close()
            await writer.wait_closed()
        return now()

    assert run(main()) == 100 * HOUR


def test_a_signal_that_has_come_is_told_before_the_next_deadline():
    async def main():
        loop = asyncio.get_running_loop()
        told = []
        loop.add_signal_handler(signal.SIGUSR1, lambda: told.append(now()))
        try:
            os.kill(os.getpid(), signal.SIGUSR1)
            await asyncio.sleep(HOUR)
        finally:
            loop.remove_signal_handler(signal.SIGUSR1)
        return told, now()

    assert run(main()) == ([0.0], HOUR)


def test_datagrams_arrive_before_the_next_deadline():
    class Protocol(asyncio.DatagramProtocol):
        def __init__(self):
            self.received = []

        def datagram_received(self, data, address):
            self.received.append((data, now()))

    async def main():
        loop = asyncio.get_running_loop()
        server, protocol = await loop.create_datagram_endpoint(
            Protocol, local_addr=("127.0.0.1", 0)
        )
        address = server.get_extra_info("sockname")
        client, _ = await loop.create_datagram_endpoint(Protocol, remote_addr=address)
        with contextlib.closing(server), contextlib.closing(client):
            client.sendto(b"Latte")
            await asyncio.sleep(HOUR)
        return protocol.received

    assert run(main()) == [(b"Latte", 0.0)]


def test_what_fills_the_kernels_buffers_arrives_before_the_next_deadline():
    async def main():
        async def count(reader, writer):
            read = 0
            while chunk := await reader.read(BIG):
                read += len(chunk)
            writer.write(b"%d" % read)
            writer.close()

        server = await asyncio.start_server(count, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            async with asyncio.timeout(1):
                for _ in range(8):
                    writer.write(bytes(BIG))
                    await writer.drain()
                writer.write_eof()
                answer = await reader.read()
            writer.close()
            await writer.wait_closed()
        return int(answer), now()

    # More than any buffer of a socket holds.
    BIG = 4 * 1024 * 1024
    assert run(main()) == (8 * BIG, 0.0)


@pytest.mark.slow
def test_a_descriptor_that_stays_ready_does_not_hold_it_for_ever():
    async def main():
        loop = asyncio.get_running_loop()
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            there.send(b"nobody reads this")
            loop.add_reader(here, lambda: None)
            await asyncio.sleep(HOUR)
            loop.remove_reader(here)
        return now()

    assert run(main()) == HOUR


def test_what_a_reader_has_not_read_does_not_hold_it():
    async def main():
        here, there = socket.socketpair()
        with here, there:
            here.setblocking(False)
            here.send(b"nobody reads this")
            await asyncio.sleep(HOUR)
        return now()

    assert run(main()) == HOUR


def test_a_wait_for_the_outside_takes_real_time():
    async def main():
        loop = asyncio.get_running_loop()
        # Accepted by nobody in this process, as far as the kernel can tell.
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with socket.create_connection(listener.getsockname()) as client:
                loop.add_reader(client, lambda: None)
                await asyncio.sleep(0.01)
                loop.remove_reader(client)
        return now()

    began = time.monotonic()
    assert run(main()) >= 0.01
    assert time.monotonic() - began >= 0.01


def test_a_strict_clock_refuses_to_wait_for_the_outside():
    async def main():
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            with socket.create_connection(listener.getsockname()) as client:
                loop.add_reader(client, lambda: None)
                try:
                    await asyncio.sleep(HOUR)
                finally:
                    loop.remove_reader(client)

    text = r"a strict virtual clock can't foresee descriptor \d+, a TCP connection to 127"
    with pytest.raises(OSError, match=text):
        run(main(), cafeloop.VirtualClock(strict=True))


def test_advancing_it_makes_due_what_is_due_by_then():
    async def main():
        clock = asyncio.get_running_loop().clock
        done = []

        async def sleeper(hours):
            await asyncio.sleep(hours * HOUR)
            done.append(hours)

        with clock.paused():
            tasks = [asyncio.create_task(sleeper(hours)) for hours in (2, 1, 4)]
            await asyncio.sleep(0)
            clock.advance(3 * HOUR)
            await asyncio.gather(*tasks[:2])
            so_far = list(done)
        await tasks[2]
        return so_far, done

    assert run(main()) == ([1, 2], [1, 2, 4])


def test_paused_it_goes_as_real_time_does():
    async def main():
        clock = asyncio.get_running_loop().clock
        assert clock.jumps
        began, real = now(), time.monotonic()
        with clock.paused():
            assert not clock.jumps
            await asyncio.sleep(0.01)
            assert time.monotonic() - real >= 0.01
        assert clock.jumps
        passed = now() - began
        await asyncio.sleep(HOUR)
        return passed, now() - began

    passed, in_all = run(main())
    assert 0.01 <= passed < AT_ONCE
    assert in_all >= passed + HOUR


def test_patched_the_threads_own_sleep_moves_it_on():
    async def main():
        clock = asyncio.get_running_loop().clock
        with clock.patched():
            time.sleep(HOUR)
            moved_on = now()
            with clock.paused():
                # As long as it takes, as all of it does meanwhile.
                time.sleep(0.001)
            # In a thread nobody knows how much of it is beside another's.
            await asyncio.to_thread(time.sleep, 0.001)
            with pytest.raises(ValueError, match="non-negative"):
                time.sleep(-1)
        return moved_on, now()

    moved_on, at = run(main())
    assert moved_on == HOUR
    assert HOUR + 0.001 <= at < 2 * HOUR


def test_paused_it_goes_on_while_a_thread_works():
    async def main(clock):
        go_on = threading.Event()
        worked = asyncio.create_task(asyncio.to_thread(go_on.wait))
        with clock.paused():
            # It would never end if the thread held it: only what comes after lets that go on.
            await asyncio.sleep(0.001)
            go_on.set()
            await worked
        return now()

    clock = cafeloop.VirtualClock()
    assert run(main(clock), clock) >= 0.001


def test_the_machines_clocks_are_left_alone_unless_they_are_patched():
    async def main():
        clock = asyncio.get_running_loop().clock
        real = time.monotonic()
        await asyncio.sleep(HOUR)
        assert time.monotonic() - real < HOUR
        with clock.patched():
            before = time.monotonic(), time.time(), time.perf_counter(), time.time_ns()
            await asyncio.sleep(HOUR)
            after = time.monotonic(), time.time(), time.perf_counter(), time.time_ns()
        passed = [end - begin for begin, end in zip(before, after, strict=True)]
        assert passed == pytest.approx([HOUR, HOUR, HOUR, HOUR * 1e9])
        assert time.monotonic() - real < HOUR

    run(main())


@pytest.mark.parametrize("start", [0.0, 1e9, 1e10])
def test_a_far_deadline_or_a_late_start_does_not_hang(start):
    async def main():
        forever = asyncio.create_task(asyncio.sleep(1e300))
        await asyncio.sleep(1e-9)
        await asyncio.sleep(1e6)
        forever.cancel()
        return now()

    assert run(main(), cafeloop.VirtualClock(start=start)) >= start + 1e6


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"clock": "sundial"}, "clock must be 'real', 'virtual' or a VirtualClock, got 'sundial'"),
        ({"seed": -1}, r"seed must be an integer from 0 to 2\*\*64 - 1, got -1"),
        ({"seed": 2**64}, "seed must be an integer from 0"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, text):
    with pytest.raises(ValueError, match=text):
        cafeloop.new_event_loop(**options)


@pytest.mark.parametrize("seconds", [-1.0, float("nan"), float("inf")])
def test_a_clock_is_moved_by_seconds_only(seconds):
    with pytest.raises(ValueError, match="must be a number of seconds, 0 or more"):
        cafeloop.VirtualClock().advance(seconds)
    with pytest.raises(ValueError, match="start must be a number of seconds, 0 or more"):
        cafeloop.VirtualClock(start=seconds)


def test_a_clock_has_no_time_whose_deadlines_it_could_not_count():
    clock = cafeloop.VirtualClock(start=14e9)
    refused = (
        lambda: cafeloop.VirtualClock(start=2e10),
        lambda: clock.advance(2e9),
        lambda: clock.advance(1e300),
    )
    for too_far in refused:
        with pytest.raises(ValueError, match="must not put the clock beyond 1.5e10 seconds"):
            too_far()
    assert clock.time() == 14e9
    run(asyncio.sleep(1000), clock)
    assert clock.time() == 14e9 + 1000


def test_a_loop_in_use_keeps_its_clock():
    loop = cafeloop.new_event_loop()
    try:
        loop.call_soon(print)
        with pytest.raises(RuntimeError, match="A loop that is in use can't be given a clock"):
            loop._set_clock(cafeloop.VirtualClock())
    finally:
        loop.close()


def test_a_subclass_may_tell_another_time():
    class Loop(cafeloop.Loop):
        def time(self):
            return super().time() + 5 * HOUR

    async def main():
        await asyncio.sleep(HOUR)
        return now()

    loop = Loop(clock="virtual")
    try:
        assert loop.run_until_complete(main()) == 6 * HOUR
    finally:
        loop.close()


@pytest.mark.slow
def test_a_thousand_hours_of_trying_again_take_no_time():
    """A service that backs off, over real sockets."""

    async def main():
        failures = 0

        async def refuse(reader, writer):
            nonlocal failures
            await reader.readline()
            failures += 1
            writer.write(b"later\n")
            writer.close()
            await writer.wait_closed()

        async def ask(address):
            reader, writer = await asyncio.open_connection(*address)
            try:
                writer.write(b"now?\n")
                return await reader.readline()
            finally:
                writer.close()
                await writer.wait_closed()

        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        async with server:
            address = server.sockets[0].getsockname()
            delay = 1.0
            while now() < 1000 * HOUR:
                assert await ask(address) == b"later\n"
                await asyncio.sleep(delay)
                delay = min(2 * delay, HOUR)
        return failures

    assert run(main()) > 1000


@pytest.fixture(params=["by its descriptor", "by a thread"])
def child_is_noticed(request, monkeypatch):
    if request.param == "by a thread":
        # As on a kernel that has no such call, or forbids it.
        monkeypatch.delattr(os, "pidfd_open", raising=False)
    # An interpreter without the call has them noticed by threads in both cases.


CHILD = [sys.executable, "-c", "import sys; sys.stdin.read()"]


async def wait_for_child(limit):
    child = await asyncio.create_subprocess_exec(*CHILD, stdin=asyncio.subprocess.PIPE)
    try:
        waiting = asyncio.create_task(child.wait())
        await asyncio.wait([waiting], timeout=limit)
        return waiting.done(), now()
    finally:
        child.stdin.close()
        await child.wait()


@pytest.mark.slow
def test_a_wait_for_a_child_takes_real_time(child_is_noticed):
    async def main():
        began = time.monotonic()
        has_ended, at = await wait_for_child(0.01)
        assert not has_ended
        assert at >= 0.01
        assert time.monotonic() - began >= 0.01

        # Its end isn't jumped over, whatever is due later.
        child = await asyncio.create_subprocess_exec(*CHILD, stdin=asyncio.subprocess.PIPE)
        child.stdin.close()
        assert await asyncio.wait_for(child.wait(), HOUR) == 0
        assert now() < AT_ONCE
        began = now()
        await asyncio.sleep(HOUR)
        return now() - began

    assert run(main()) == pytest.approx(HOUR)


@pytest.mark.slow
def test_a_strict_clock_refuses_to_wait_for_a_child(child_is_noticed):
    text = "a strict virtual clock can't foresee .*child process"
    with pytest.raises(OSError, match=text):
        run(wait_for_child(HOUR), cafeloop.VirtualClock(strict=True))


def test_a_strict_clock_does_not_wait_for_what_never_comes():
    async def main():
        await asyncio.Event().wait()

    with pytest.raises(OSError, match="a strict virtual clock would wait for ever: no timer is set"):
        run(main(), cafeloop.VirtualClock(strict=True))


def test_a_strict_clock_waits_for_threads_and_for_what_it_sends_itself():
    async def main():
        server = await asyncio.start_server(echo, "127.0.0.1", 0)
        async with server:
            reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
            writer.write(b"Latte\n")
            answer = await reader.readline()
            writer.close()
            await writer.wait_closed()
        return answer, await asyncio.to_thread(threading.get_ident) != threading.get_ident()

    async def echo(reader, writer):
        writer.write(await reader.readline())
        writer.close()

    assert run(main(), cafeloop.VirtualClock(strict=True)) == (b"Latte\n", True)
