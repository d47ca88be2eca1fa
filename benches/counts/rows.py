"""The work whose instructions are counted: small, and the same in each run.

A row names no loop and imports nothing but asyncio.  It may not wait for time to pass, nor for
another thread, since how many turns that takes depends on the machine.  Where the comparison of
loops (`make bench`) has the same work, the name is the same.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

# How often a row's operations are done while they're counted.
ROUNDS = 2

# A deadline that is never reached while a row runs.
FAR_SECONDS = 60
# The shortest delay that `asyncio.sleep` doesn't take for none: it has passed when the loop looks.
MOMENT_SECONDS = 1e-9
# Tasks that are alive at once, where a row needs several.
TASKS = 100


@dataclass(frozen=True)
class Row:
    #: Lower-case words joined by hyphens.
    name: str
    #: Does so many operations, and returns when they're done.
    body: Callable[[int], Awaitable[None]]
    #: A multiple of TASKS, large enough that the loop around the operations doesn't show.
    operations: int = 1000


def nothing(*_arguments: object) -> None:
    pass


async def return_at_once() -> None:
    pass


async def sleep_zero(operations: int) -> None:
    for _ in range(operations):
        await asyncio.sleep(0)


async def spawn_gather(operations: int) -> None:
    for _ in range(operations // TASKS):
        await asyncio.gather(*(return_at_once() for _ in range(TASKS)))


async def task_group(operations: int) -> None:
    for _ in range(operations // TASKS):
        async with asyncio.TaskGroup() as group:
            for _ in range(TASKS):
                group.create_task(return_at_once())


async def call_soon(operations: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(operations):
        loop.call_soon(nothing)
    await asyncio.sleep(0)


async def call_soon_with_arguments(operations: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(operations):
        loop.call_soon(nothing, 1, 2, 3)
    await asyncio.sleep(0)


async def call_soon_threadsafe(operations: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(operations):
        loop.call_soon_threadsafe(nothing)
    await asyncio.sleep(0)


async def call_later_and_cancel(operations: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(operations):
        loop.call_later(FAR_SECONDS, nothing).cancel()


async def fire_timers(operations: int) -> None:
    loop = asyncio.get_running_loop()
    now = loop.time()
    for number in range(operations):
        # Past, and in no order: 7919 is a prime that no number of operations is a multiple of.
        loop.call_at(now - (number * 7919 % operations) * 1e-6, nothing)
    await asyncio.sleep(0)


async def pass_through_queue(operations: int) -> None:
    queue: asyncio.Queue[int] = asyncio.Queue(maxsize=10)

    async def take() -> None:
        for _ in range(operations):
            await queue.get()

    taker = asyncio.create_task(take())
    for number in range(operations):
        await queue.put(number)
    await taker


async def ping_pong_by_events(operations: int) -> None:
    ping, pong = asyncio.Event(), asyncio.Event()

    async def answer() -> None:
        for _ in range(operations):
            await ping.wait()
            ping.clear()
            pong.set()

    answerer = asyncio.create_task(answer())
    for _ in range(operations):
        ping.set()
        await pong.wait()
        pong.clear()
    await answerer


async def contend_for_lock(operations: int) -> None:
    lock = asyncio.Lock()

    async def hold(times: int) -> None:
        for _ in range(times):
            async with lock:
                await asyncio.sleep(0)

    await asyncio.gather(*(hold(operations // TASKS) for _ in range(TASKS)))


async def timeout_in_time(operations: int) -> None:
    for _ in range(operations):
        async with asyncio.timeout(FAR_SECONDS):
            await asyncio.sleep(0)


async def await_future(operations: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(operations):
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        await future


async def sleep_by_many(operations: int) -> None:
    await asyncio.gather(*(asyncio.sleep(MOMENT_SECONDS) for _ in range(operations)))


ROWS = [
    Row("sleep-0", sleep_zero),
    Row("spawn-gather", spawn_gather),
    Row("task-group", task_group),
    Row("call-soon", call_soon),
    Row("call-soon-3", call_soon_with_arguments),
    Row("threadsafe", call_soon_threadsafe),
    Row("timer-cancel", call_later_and_cancel),
    Row("timer-fire", fire_timers),
    Row("queue", pass_through_queue),
    Row("event", ping_pong_by_events),
    Row("lock", contend_for_lock),
    Row("timeout", timeout_in_time),
    Row("await-future", await_future),
    Row("sleepers", sleep_by_many, operations=2000),
]
