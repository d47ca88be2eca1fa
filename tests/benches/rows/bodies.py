"""Bodies.

The module says more than its family's name.
"""

import asyncio
import atexit
import os
import signal
import threading

from benches.compare.row import Body, Distribution, Memory, Process

calls = []


async def well(count):
    await asyncio.sleep(0)


async def warm(count):
    calls.append(count)
    if calls != [10, 100][: len(calls)]:
        raise AssertionError(calls)


async def crash(count):
    os.kill(os.getpid(), signal.SIGSEGV)


async def crash_at_the_end(count):
    loop = asyncio.get_running_loop()
    loop.close = lambda: os.kill(os.getpid(), signal.SIGABRT)


async def crash_after_the_end(count):
    atexit.register(os.kill, os.getpid(), signal.SIGABRT)


async def exit_early(count):
    os._exit(3)


async def fail(count):
    raise ValueError("no such thing\nand a second line")


async def lack(count):
    raise NotImplementedError("create_server")


async def hang(count):
    threading.Event().wait()


async def undebugged(count):
    if asyncio.get_running_loop().get_debug():
        raise AssertionError("asyncio's debug mode is on")


async def park(count):
    return [bytearray(100_000) for _ in range(count)]


def body(name, function, **more):
    return Body(name=name, title=name, count=100, body=function, **more)


ROWS = [
    body("well", well),
    body("warm", warm),
    body("crash", crash),
    body("crash-at-the-end", crash_at_the_end),
    body("crash-after-the-end", crash_after_the_end),
    body("exit-early", exit_early),
    body("fail", fail),
    body("lack", lack),
    # It's over as soon as it doesn't answer at once.
    body("hang", hang, limit_s=0.0),
    body("undebugged", undebugged),
    body("needy", well, requires=("cafeloop-no-such-distribution",)),
    Memory(name="memory", title="memory", count=100, park=park),
    Distribution(
        name="distribution",
        title="distribution",
        count=10,
        expected_s=3600.0,
        once=lambda: asyncio.sleep(0),
    ),
    Process(name="process", title="process", count=2, source="{imports}\n{new_loop}.close()"),
    Process(name="process-fails", title="fails", count=2, source="raise SystemExit('no, thanks')"),
]
