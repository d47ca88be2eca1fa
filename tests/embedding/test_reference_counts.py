"""A million tasks, sleeps, handles and the like, and nothing more is held than before.

Counted are references to what all of them have in common, objects, blocks and bytes; never timed.
What one operation in two hundred forgets is seen.
"""

import asyncio
import contextvars
import ctypes
import gc
import sys

import pytest

pytestmark = pytest.mark.slow

# The standard library's loop shows that the operations themselves hold nothing.
COUNTS = {"asyncio": 5_000, "cafeloop": 100_000}
BATCH = 100
# What may come and go by itself, like timers that were cancelled and aren't yet thrown away.
COMES_AND_GOES = 500

variable = contextvars.ContextVar("variable", default=0)


async def nothing():
    pass


async def fail():
    raise OSError


def ignore(*args):
    pass


async def tasks():
    for _ in range(BATCH):
        await asyncio.create_task(nothing(), name="guest")


async def task_groups():
    async with asyncio.TaskGroup() as group:
        for _ in range(BATCH):
            group.create_task(nothing())


async def sleeps():
    for _ in range(BATCH // 2):
        await asyncio.sleep(0)
        await asyncio.sleep(0, ignore)


async def timed_sleeps():
    await asyncio.gather(*(asyncio.sleep(0.000001 * number) for number in range(BATCH)))


async def gatherings():
    for _ in range(BATCH // 5):
        await asyncio.gather(nothing(), fail(), asyncio.sleep(0), return_exceptions=True)


async def handles():
    loop = asyncio.get_running_loop()
    for number in range(BATCH // 4):
        loop.call_soon(ignore, loop, number)
        loop.call_soon(ignore, context=contextvars.copy_context()).cancel()
        loop.call_later(0, ignore, number)
        loop.call_later(3600, ignore, number).cancel()
    await asyncio.sleep(0)


async def timeouts():
    for _ in range(BATCH // 2):
        async with asyncio.timeout(3600):
            await asyncio.sleep(0)
        try:
            await asyncio.wait_for(asyncio.sleep(3600), 0)
        except TimeoutError:
            pass


async def cancellations():
    sleepers = [asyncio.create_task(asyncio.sleep(3600)) for _ in range(BATCH)]
    await asyncio.sleep(0)
    for sleeper in sleepers:
        sleeper.cancel("closed")
        asyncio.Task.get_name(sleeper)
    await asyncio.wait(sleepers)


async def futures():
    loop = asyncio.get_running_loop()
    for number in range(BATCH // 2):
        future, other = loop.create_future(), asyncio.Future()
        for each in future, other:
            each.add_done_callback(ignore)
            each.remove_done_callback(ignore)
            each.add_done_callback(ignore)
        loop.call_soon(asyncio.Future.set_result, future, number)
        loop.call_soon(other.set_exception, OSError(number))
        await asyncio.wait([future, other])
        await future
        other.exception()


async def contexts():
    for number in range(BATCH):
        variable.set(number)
        await asyncio.create_task(nothing(), context=contextvars.copy_context())


KINDS = [
    tasks, task_groups, sleeps, timed_sleeps, gatherings, handles, timeouts, cancellations,
    futures, contexts,
]


class Malloc(ctypes.Structure):
    """`struct mallinfo2` of <malloc.h>."""

    _fields_ = [(name, ctypes.c_size_t) for name in (
        "arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks",
        "fordblks", "keepcost",
    )]


def bytes_in_use():
    """What was got of malloc and not given back: all that native code has, and Python's arenas."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        pytest.skip("needs glibc 2.33")
    mallinfo2.restype = Malloc
    info = mallinfo2()
    return info.uordblks + info.hblkhd


def held(shared):
    """How many references, objects, blocks and bytes there are."""
    while gc.collect():
        pass
    counts = {name: sys.getrefcount(thing) for name, thing in shared.items()}
    counts["objects"] = len(gc.get_objects())
    counts["blocks"] = sys.getallocatedblocks()
    counts["hundreds of bytes"] = bytes_in_use() // 100
    return counts


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_nothing_is_held_of_a_million(run, loop_name, kind):
    operations = COUNTS[loop_name]
    measured = []

    async def main():
        loop = asyncio.get_running_loop()
        task, future, sleep = asyncio.current_task(), loop.create_future(), asyncio.sleep(0)
        handle, timer = loop.call_soon(ignore), loop.call_later(0, ignore)
        shared = {
            "None": None, "loop": loop, "the running task": task, "a callback": ignore,
            "a coroutine function": nothing, "a context": contextvars.copy_context(),
            "a variable": variable, "an empty tuple": (), "a string": "guest", "OSError": OSError,
            "CancelledError": asyncio.CancelledError, "asyncio.Task": asyncio.Task,
            "asyncio.Future": asyncio.Future, "True": True,
        }
        for thing in task, future, sleep, handle, timer:
            shared[f"the class of {type(thing).__qualname__}"] = type(thing)
        await sleep
        # What is made once, and what the allocators keep, is there after the first tenth.
        for rounds in (operations // BATCH // 10, operations // BATCH):
            for _ in range(rounds):
                await kind()
            measured.append(held(shared))
        future.cancel()

    run(main)
    before, after = measured
    grown = {name: after[name] - before[name] for name in after}
    assert {name: by for name, by in grown.items() if by > COMES_AND_GOES} == {}
