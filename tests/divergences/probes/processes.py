"""Pipes and subprocesses."""

import asyncio
import os
import signal
import subprocess
import sys

from . import behaviour, of, turns_until, yes

ENDS_AT_ONCE = [sys.executable, "-ISc", "pass"]
LIMIT_SECONDS = 10


@behaviour("`kill()` of a process that has ended raises")
def killing_the_dead(loop):
    async def main():
        process = await asyncio.create_subprocess_exec(*ENDS_AT_ONCE)
        await process.wait()
        process.kill()

    return of(loop, main())


@behaviour("a process that `add_signal_handler(SIGCHLD)` hears of is still waited for")
def a_handler_of_ended_children(loop):
    async def main():
        loop.add_signal_handler(signal.SIGCHLD, int)
        process = await asyncio.create_subprocess_exec(*ENDS_AT_ONCE)
        return await asyncio.wait_for(process.wait(), LIMIT_SECONDS)

    return of(loop, main())


@behaviour("`add_signal_handler(SIGCHLD)` hears of a child of `subprocess`")
def hearing_of_ended_children(loop):
    seen = []

    async def main():
        loop.add_signal_handler(signal.SIGCHLD, seen.append, True)
        process = subprocess.Popen(ENDS_AT_ONCE)
        await asyncio.to_thread(process.wait)

    of(loop, main())
    return yes(turns_until(loop, lambda: seen))


@behaviour("a process whose exit code somebody else has taken: `wait()` gives")
def a_stolen_exit_code(loop):
    async def main():
        process = await asyncio.create_subprocess_exec(sys.executable, "-ISc", "input()",
                                                       stdin=subprocess.PIPE)
        os.kill(process.pid, signal.SIGKILL)
        os.waitpid(process.pid, 0)
        process.stdin.close()
        return await asyncio.wait_for(process.wait(), LIMIT_SECONDS)

    try:
        return f"{loop.run_until_complete(main())}"
    except TimeoutError:
        return "nothing"


@behaviour("`connect_read_pipe` of a regular file")
def reading_a_regular_file(loop):
    async def main():
        with open(__file__, "rb") as file:
            transport, _ = await loop.connect_read_pipe(asyncio.Protocol, file)
            transport.close()
            await asyncio.sleep(0)

    return of(loop, main())
