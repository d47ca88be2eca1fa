"""Child processes: how they end, what is told of it and in which order."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import pytest

PIPE = asyncio.subprocess.PIPE
# Ends when its standard input does; what it reads goes to its standard output.
CAT = "/bin/cat"

# asyncio's threads, of 3.11 and where the interpreter lacks the call, race with whoever else asks
# for a child.
WAITS_IN_THREADS = sys.version_info < (3, 12) or not hasattr(os, "pidfd_open")


class Notes(asyncio.SubprocessProtocol):
    """Writes down what it is told."""

    def __init__(self):
        self.told = []
        self.transport = None
        self.is_over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport):
        self.transport = transport
        self.told.append("made")

    def pipe_data_received(self, fd, data):
        self.told.append((fd, data))

    def pipe_connection_lost(self, fd, error):
        self.told.append(("lost", fd, error))

    def process_exited(self):
        self.told.append("exited")

    def connection_lost(self, error):
        self.told.append(("over", error))
        self.is_over.set_result(None)

    def received(self, number):
        return b"".join(entry[1] for entry in self.told if entry[0] == number)


@pytest.fixture(autouse=True)
def no_child_is_left(left_as_found):
    yield
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def wait_for_end(pid):
    """Blocks until a child has ended, and leaves it to be reaped by whoever it belongs to."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)


def sh(line, **options):
    return asyncio.create_subprocess_exec("/bin/sh", "-c", line, **options)


@pytest.fixture
def gate(left_as_found):
    """A pipe for children to wait at, and how to let them go."""
    reading, writing = os.pipe()
    is_open = False

    def let_go():
        nonlocal is_open
        if not is_open:
            is_open = True
            os.close(writing)

    yield reading, let_go
    let_go()
    os.close(reading)


@pytest.mark.parametrize(
    ("line", "code"),
    [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -TERM $$", -15)],
)
def test_a_child_ends_with_its_code(run, line, code):
    async def main():
        process = await sh(line)
        assert await process.wait() == code
        assert process.returncode == code
        assert await process.wait() == code

    run(main)


def test_a_child_that_runs_has_a_number_and_no_code(run):
    async def main():
        process = await asyncio.create_subprocess_exec(CAT, stdin=PIPE)
        assert process.returncode is None
        assert process._transport.get_returncode() is None
        assert process._transport.get_pid() == process.pid
        assert os.path.samefile(f"/proc/{process.pid}/exe", CAT)
        assert process._transport.get_extra_info("subprocess").pid == process.pid
        assert "running" in repr(process._transport)
        process.stdin.close()
        assert await process.wait() == 0

    run(main)


def test_many_may_wait_for_it_and_some_give_up(run):
    async def main():
        process = await asyncio.create_subprocess_exec(CAT, stdin=PIPE)
        waiters = [asyncio.create_task(process.wait()) for _ in range(5)]
        await asyncio.sleep(0)
        waiters[1].cancel()
        await asyncio.sleep(0)
        process.stdin.close()
        codes = await asyncio.gather(*waiters, return_exceptions=True)
        assert isinstance(codes.pop(1), asyncio.CancelledError)
        assert codes == [0] * 4

    run(main)


def test_what_goes_in_comes_out(run):
    data = os.urandom(1 << 20)

    async def main():
        process = await asyncio.create_subprocess_exec(CAT, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        assert await process.communicate(data) == (data, b"")
        assert process.returncode == 0

    run(main)


def test_lines_go_there_and_back(run):
    async def main():
        process = await asyncio.create_subprocess_exec(CAT, stdin=PIPE, stdout=PIPE)
        for coffee in (b"latte\n", b"mocha\n", b"flat white\n"):
            process.stdin.write(coffee)
            await process.stdin.drain()
            assert await process.stdout.readline() == coffee
        process.stdin.close()
        await process.stdin.wait_closed()
        assert await process.stdout.read() == b""
        assert await process.wait() == 0

    run(main)


def test_output_may_be_read_when_its_child_has_ended(run, gate):
    async def main():
        reading, let_go = gate
        # As much as a pipe holds.
        line = "read line; head -c 65536 /dev/zero; echo done >&2"
        process = await sh(line, stdin=reading, stdout=PIPE, stderr=PIPE)
        let_go()
        wait_for_end(process.pid)
        assert await process.wait() == 0
        assert await process.stdout.read() == bytes(65536)
        assert await process.stderr.read() == b"done\n"

    run(main)


def test_an_ended_child_may_leave_its_pipes_to_another(run, gate):
    async def main():
        loop = asyncio.get_running_loop()
        reading, let_go = gate
        # The child of the child has its output, and stays.
        line = f"cat /dev/fd/{reading} & echo started; exit 7"
        transport, notes = await loop.subprocess_exec(
            Notes, "/bin/sh", "-c", line, stdin=None, stderr=None, pass_fds=[reading]
        )
        while "exited" not in notes.told:
            await asyncio.sleep(0)
        assert transport.get_returncode() == 7
        assert ("over", None) not in notes.told
        let_go()
        await notes.is_over
        assert notes.received(1) == b"started\n"
        assert notes.told[-2:] == [("lost", 1, None), ("over", None)]
        transport.close()

    run(main)


def test_a_protocol_is_told_in_order(run):
    async def main():
        loop = asyncio.get_running_loop()
        transport, notes = await loop.subprocess_shell(Notes, "cat; echo tea >&2")
        transport.get_pipe_transport(0).write(b"coffee")
        transport.get_pipe_transport(0).close()
        await notes.is_over
        told = notes.told
        assert (told[0], told[-1]) == ("made", ("over", None))
        assert (notes.received(1), notes.received(2)) == (b"coffee", b"tea\n")
        for number in (1, 2):
            data = [at for at, entry in enumerate(told) if entry[0] == number]
            assert max(data) < told.index(("lost", number, None))
        assert ("lost", 0, None) in told
        assert told.count("exited") == 1
        assert transport.get_returncode() == 0
        transport.close()

    run(main)


def test_a_child_has_only_the_pipes_that_were_asked_for(run):
    async def main():
        loop = asyncio.get_running_loop()
        transport, notes = await loop.subprocess_exec(
            Notes, "/bin/true", stdin=None, stdout=PIPE, stderr=None
        )
        assert transport.get_pipe_transport(0) is None
        assert isinstance(transport.get_pipe_transport(1), asyncio.ReadTransport)
        assert transport.get_pipe_transport(2) is None
        assert transport.get_pipe_transport(3) is None
        await notes.is_over
        transport.close()

    run(main)


def test_a_hundred_children_at_once(run):
    async def one(number):
        process = await asyncio.create_subprocess_exec(CAT, stdin=PIPE, stdout=PIPE)
        data = str(number).encode() * 1000
        assert await process.communicate(data) == (data, None)
        return process.returncode

    async def main():
        assert await asyncio.gather(*map(one, range(100))) == [0] * 100

    run(main)


def test_a_hundred_children_end_at_once(run):
    async def main():
        reading, writing = os.pipe()
        starts = [asyncio.create_subprocess_exec(CAT, stdin=reading) for _ in range(100)]
        processes = await asyncio.gather(*starts)
        os.close(reading)
        os.close(writing)
        assert await asyncio.gather(*[process.wait() for process in processes]) == [0] * 100

    run(main)


def test_output_that_nobody_reads_waits(run):
    async def main():
        process = await asyncio.create_subprocess_exec(
            CAT, stdin=PIPE, stdout=PIPE, limit=1024
        )
        transport = process._transport.get_pipe_transport(1)
        data = os.urandom(1 << 20)
        process.stdin.write(data)
        while transport.is_reading():
            await asyncio.sleep(0)
        # The reader is full, then the pipes, then the writer.
        received = b""
        while len(received) < len(data):
            received += await process.stdout.read(1 << 16)
        assert received == data
        process.stdin.close()
        assert await process.wait() == 0

    run(main)


def test_a_child_that_reads_no_more_breaks_its_writer(run):
    async def main():
        process = await sh("exec 0<&-; echo closed", stdin=PIPE, stdout=PIPE)
        assert await process.stdout.readline() == b"closed\n"
        process.stdin.write(bytes(1 << 20))
        with pytest.raises((BrokenPipeError, ConnectionResetError)):
            await process.stdin.drain()
        await process.wait()

    run(main)


def test_communicating_with_a_child_that_does_not_read_is_no_error(run):
    async def main():
        process = await sh("exec 0<&-; echo ready", stdin=PIPE, stdout=PIPE)
        assert await process.communicate(bytes(1 << 20)) == (b"ready\n", None)

    run(main)


def test_closing_its_transport_kills_a_child(run):
    async def main():
        loop = asyncio.get_running_loop()
        transport, notes = await loop.subprocess_exec(Notes, CAT)
        transport.close()
        transport.close()
        assert transport.is_closing()
        await notes.is_over
        assert transport.get_returncode() == -signal.SIGKILL

    run(main)


# asyncio reports 255, and a warning, since closing has reaped the child before.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_closing_the_transport_of_a_child_that_has_ended_keeps_its_code(run, gate):
    async def main():
        loop = asyncio.get_running_loop()
        reading, let_go = gate
        transport, notes = await loop.subprocess_shell(
            Notes, "read line; exit 7", stdin=reading, stdout=None, stderr=None
        )
        let_go()
        wait_for_end(transport.get_pid())
        transport.close()
        await notes.is_over
        assert transport.get_returncode() == 7

    run(main)


def test_one_that_is_cancelled_while_it_starts_is_killed(run):
    async def main():
        task = asyncio.create_task(
            asyncio.create_subprocess_exec(CAT, stdin=PIPE, stdout=PIPE, stderr=PIPE)
        )
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run(main)


def test_a_transport_that_nobody_closes_is_warned_of_and_kills_its_child(run):
    async def main():
        loop = asyncio.get_running_loop()
        transport, notes = await loop.subprocess_exec(
            Notes, CAT, stdin=PIPE, stdout=None, stderr=None
        )
        with pytest.warns(ResourceWarning, match="unclosed transport"):
            transport.__del__()
        await notes.is_over
        assert transport.get_returncode() == -signal.SIGKILL

    run(main)


@pytest.mark.skipif(WAITS_IN_THREADS, reason="whoever asks first is told")
def test_the_code_of_one_that_somebody_else_has_reaped_is_255(run, gate, log):
    async def main():
        reading, let_go = gate
        process = await sh("read line; exit 7", stdin=reading)
        let_go()
        os.waitpid(process.pid, 0)
        assert await process.wait() == 255
        assert log.take_one().getMessage() == (
            f"child process pid {process.pid} exit status already read: "
            " will report returncode 255"
        )

    run(main)


@pytest.mark.skipif(WAITS_IN_THREADS, reason="whoever asks first is told")
def test_the_system_may_reap_children_itself(run, gate, log):
    async def main():
        reading, let_go = gate
        process = await sh("read line; exit 7", stdin=reading)
        let_go()
        assert await process.wait() == 255
        assert "exit status already read" in log.take_one().getMessage()

    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        run(main)
    finally:
        signal.signal(signal.SIGCHLD, before)


def test_a_users_handler_of_their_ends_is_left_alone(run):
    calls = []

    def handler(signum, _frame):
        calls.append(signum)

    async def main():
        processes = [await sh("exit 7") for _ in range(3)]
        assert [await process.wait() for process in processes] == [7] * 3
        assert signal.getsignal(signal.SIGCHLD) is handler

    before = signal.signal(signal.SIGCHLD, handler)
    try:
        run(main)
        assert signal.getsignal(signal.SIGCHLD) is handler
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert set(calls) == {signal.SIGCHLD}


def test_a_loop_may_watch_for_their_ends_itself(run):
    async def main():
        loop = asyncio.get_running_loop()
        told = asyncio.Event()
        loop.add_signal_handler(signal.SIGCHLD, told.set)
        process = await sh("exit 7")
        await told.wait()
        assert await process.wait() == 7
        loop.remove_signal_handler(signal.SIGCHLD)

    run(main)


def test_others_children_are_theirs(run):
    with subprocess.Popen([CAT], stdin=subprocess.PIPE) as other:

        async def main():
            other.kill()
            wait_for_end(other.pid)
            process = await sh("exit 7")
            assert await process.wait() == 7

        run(main)
        assert other.wait() == -signal.SIGKILL


# asyncio leaves the child's descriptor open, or its thread waiting.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_loop_may_be_closed_before_its_child_ends(new_loop, gate):
    reading, let_go = gate
    with contextlib.closing(new_loop()) as loop:
        process = loop.run_until_complete(sh("read line; exit 7", stdin=reading))
    popen = process._transport.get_extra_info("subprocess")
    let_go()
    assert popen.wait() == 7
    process._transport.close()
