"""Signals to child processes."""

import asyncio
import os
import signal

import pytest

PIPE = asyncio.subprocess.PIPE
CAT = "/bin/cat"


def start(*command, **options):
    return asyncio.create_subprocess_exec(*command, **options)


@pytest.mark.parametrize(
    ("send", "code"),
    [
        (lambda process: process.kill(), -signal.SIGKILL),
        (lambda process: process.terminate(), -signal.SIGTERM),
        (lambda process: process.send_signal(signal.SIGHUP), -signal.SIGHUP),
        (lambda process: process._transport.kill(), -signal.SIGKILL),
        (lambda process: os.kill(process.pid, signal.SIGKILL), -signal.SIGKILL),
    ],
    ids=["kill", "terminate", "hang up", "transport", "somebody else"],
)
def test_a_signal_ends_a_child(run, send, code):
    async def main():
        process = await start(CAT, stdin=PIPE, stdout=PIPE)
        send(process)
        assert await process.wait() == code
        assert await process.stdout.read() == b""

    run(main)


def test_a_child_may_catch_a_signal(run):
    async def main():
        # A shell looks at its traps when its command has ended.
        line = "trap 'echo caught; exit 7' TERM; echo ready; cat >/dev/null"
        process = await start("/bin/sh", "-c", line, stdin=PIPE, stdout=PIPE)
        assert await process.stdout.readline() == b"ready\n"
        process.terminate()
        process.stdin.close()
        assert await process.stdout.readline() == b"caught\n"
        assert await process.wait() == 7

    run(main)


def test_a_child_that_is_stopped_and_continued_has_not_ended(run):
    async def main():
        process = await start(CAT, stdin=PIPE, stdout=PIPE)
        process.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED)
        process.stdin.write(b"latte\n")
        await asyncio.sleep(0)
        assert process.returncode is None
        process.send_signal(signal.SIGCONT)
        assert await process.stdout.readline() == b"latte\n"
        process.stdin.close()
        assert await process.wait() == 0

    run(main)


@pytest.mark.parametrize("method", ["kill", "terminate", "send_signal"])
def test_one_that_has_ended_can_be_sent_nothing(run, method):
    async def main():
        process = await start("/bin/true")
        await process.wait()
        # All is over when its transport is: then there is nobody to send it to.
        while process._transport.get_protocol() is not None:
            await asyncio.sleep(0)
        with pytest.raises(ProcessLookupError):
            getattr(process, method)(*[signal.SIGHUP] * (method == "send_signal"))

    run(main)


# asyncio's of 3.12 and before reaps it with its signal, and then reports 255.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_one_that_has_ended_unnoticed_can_be_sent_anything(run):
    async def main():
        process = await start(CAT, stdin=PIPE)
        os.kill(process.pid, signal.SIGHUP)
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        process.terminate()
        process.kill()
        assert await process.wait() == -signal.SIGHUP

    run(main)


def test_a_hundred_children_are_killed_at_once(run):
    async def main():
        starts = [start(CAT, stdin=PIPE, stdout=PIPE) for _ in range(100)]
        processes = await asyncio.gather(*starts)
        for process in processes:
            process.kill()
        codes = await asyncio.gather(*[process.wait() for process in processes])
        assert codes == [-signal.SIGKILL] * 100

    run(main)


def test_a_group_of_children_is_killed_together(run, pipe):
    async def main():
        reading, _ = pipe
        line = f"cat /dev/fd/{reading} & cat /dev/fd/{reading} & echo ready; wait"
        process = await start(
            "/bin/sh", "-c", line, stdout=PIPE, start_new_session=True, pass_fds=[reading]
        )
        await process.stdout.readline()
        os.killpg(process.pid, signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
        # All that had its output have gone.
        assert await process.stdout.read() == b""

    run(main)
