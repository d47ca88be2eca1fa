"""What may be missing when a child is started, and children in several threads."""

import asyncio
import contextlib
import errno
import os
import resource
import signal
import threading

import pytest

PIPE = asyncio.subprocess.PIPE
CAT = "/bin/cat"

# Pipes of a child, its errors' pipe and its own descriptor: twelve and a few more.
MOST_DESCRIPTORS = 16


@pytest.fixture
def leave_descriptors(open_descriptors):
    """Lets this process open so many descriptors more, and no others."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)

    @contextlib.contextmanager
    def leave(count):
        used = open_descriptors()
        with contextlib.ExitStack() as stack:
            # The limit is one of numbers: those in between are taken.
            limit = max(used) + 1 + count
            for _ in range(limit - count - len(used)):
                stack.callback(os.close, os.open(os.devnull, os.O_RDONLY))
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, before[1]))
            try:
                yield
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, before)

    return leave


def test_a_child_for_which_descriptors_are_missing_leaves_nothing(
    run, leave_descriptors, open_descriptors
):
    async def start(count):
        with leave_descriptors(count):
            try:
                return await asyncio.create_subprocess_exec(
                    CAT, stdin=PIPE, stdout=PIPE, stderr=PIPE
                )
            except OSError as error:
                assert error.errno == errno.EMFILE
                return None

    async def main():
        started = []
        # asyncio decides with the process's first child how it waits for all others.
        process = await asyncio.create_subprocess_exec("/bin/true")
        await process.wait()
        for count in range(MOST_DESCRIPTORS):
            before = open_descriptors()
            process = await start(count)
            started.append(process is not None)
            if process is not None:
                assert await process.communicate(b"coffee") == (b"coffee", b"")
                while process._transport.get_protocol() is not None:
                    await asyncio.sleep(0)
            assert open_descriptors() == before
        assert started == sorted(started)
        assert (started[0], started[-1]) == (False, True)

    run(main)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def refuse(*_args):
    raise OSError(errno.ENOSYS, "Function not implemented")


@pytest.fixture(params=["refused", "unknown"])
def no_descriptors_of_children(request, monkeypatch):
    """As in a container that forbids the call, or an interpreter that lacks it."""
    if request.param == "refused":
        monkeypatch.setattr(os, "pidfd_open", refuse)
    else:
        monkeypatch.delattr(os, "pidfd_open")


# asyncio has decided before, once for the process.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_without_descriptors_of_children_threads_wait_for_them(
    run, no_descriptors_of_children
):
    threads = set()

    async def one(number):
        process = await asyncio.create_subprocess_exec(CAT, stdin=PIPE, stdout=PIPE)
        threads.update(thread.name for thread in threading.enumerate())
        assert await process.communicate(b"coffee") == (b"coffee", None)
        return process.returncode

    async def main():
        assert await asyncio.gather(*map(one, range(20))) == [0] * 20
        process = await asyncio.create_subprocess_exec(CAT, stdin=PIPE)
        process.kill()
        assert await process.wait() == -signal.SIGKILL

    run(main)
    assert len([name for name in threads if name.startswith("cafeloop-child-")]) == 20


# As above.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_thread_that_waits_for_a_child_of_a_closed_loop_reaps_it(
    new_loop, log, no_descriptors_of_children
):
    reading, writing = os.pipe()
    with contextlib.closing(new_loop()) as loop:
        start = asyncio.create_subprocess_exec(CAT, stdin=reading)
        process = loop.run_until_complete(start)
    os.close(reading)
    name = f"cafeloop-child-{process.pid}"
    (waiting,) = [thread for thread in threading.enumerate() if thread.name == name]
    os.close(writing)
    waiting.join()
    assert log.take_one().getMessage() == f"Loop {loop!r} that handles pid {process.pid} is closed"
    with pytest.raises(ChildProcessError):
        os.waitpid(process.pid, os.WNOHANG)
    assert process._transport.get_extra_info("subprocess").returncode == 0
    process._transport.close()


def test_children_of_several_threads_end_each_in_its_own(new_loop):
    codes = {}

    def serve(number):
        async def one(code):
            process = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", f"cat; exit {code}", stdin=PIPE, stdout=PIPE
            )
            output, _ = await process.communicate(b"coffee")
            assert output == b"coffee"
            return process.returncode

        async def main():
            return await asyncio.gather(*[one(number * 10 + n) for n in range(10)])

        with asyncio.Runner(loop_factory=new_loop) as runner:
            codes[number] = runner.run(main())

    threads = [threading.Thread(target=serve, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == {n: list(range(n * 10, n * 10 + 10)) for n in range(4)}


def test_a_child_may_be_started_in_one_run_and_end_in_the_next(new_loop):
    with contextlib.closing(new_loop()) as loop:
        process = loop.run_until_complete(
            asyncio.create_subprocess_exec(CAT, stdin=PIPE, stdout=PIPE)
        )
        os.kill(process.pid, signal.SIGTERM)
        assert loop.run_until_complete(process.wait()) == -signal.SIGTERM
        assert loop.run_until_complete(process.stdout.read()) == b""
        while process._transport.get_protocol() is not None:
            loop.run_until_complete(asyncio.sleep(0))
