"""Memory."""

import asyncio
import inspect

from benches.compare.row import Memory, Row

LONG_S = 1e6


async def tasks_asleep(count: int) -> object:
    return await parked([asyncio.create_task(asleep()) for _ in range(count)])


async def tasks_waiting(count: int) -> object:
    loop = asyncio.get_running_loop()
    return await parked([asyncio.create_task(waiting(loop)) for _ in range(count)])


async def asleep() -> None:
    await asyncio.sleep(LONG_S)


async def waiting(loop: asyncio.AbstractEventLoop) -> None:
    await loop.create_future()


async def parked(tasks: list[asyncio.Task[None]]) -> object:
    # They were ready before this task was, so that all of them have begun when it goes on.
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    for task in (tasks[0], tasks[-1]):
        coroutine = task.get_coro()
        assert inspect.iscoroutine(coroutine)
        assert inspect.getcoroutinestate(coroutine) == inspect.CORO_SUSPENDED
    return tasks


ROWS: list[Row] = [
    Memory(
        name="memory-sleep",
        title="1M tasks asleep",
        count=1_000_000,
        park=tasks_asleep,
        # It takes ten seconds, and rounds differ by less than a hundredth.
        most_rounds=1,
    ),
    Memory(
        name="memory-future",
        title="100k tasks awaiting a future",
        count=100_000,
        park=tasks_waiting,
    ),
]
