"""Tasks.

They end in their first step, so that what is measured is a task's life and not its work.
"""

import asyncio

from benches.compare.row import Body, Row

AT_A_TIME = 1000


async def child(number: int) -> int:
    return number


async def parent(count: int) -> None:
    for number in range(count):
        assert await asyncio.create_task(child(number)) == number


async def gather(count: int) -> None:
    for start in range(0, count, AT_A_TIME):
        numbers = range(start, min(start + AT_A_TIME, count))
        # A list and not the coroutines themselves: gather alone might run them without tasks.
        found = await asyncio.gather(*[asyncio.create_task(child(number)) for number in numbers])
        assert found == list(numbers)


async def gather_coroutines(count: int) -> None:
    for start in range(0, count, AT_A_TIME):
        numbers = range(start, min(start + AT_A_TIME, count))
        assert await asyncio.gather(*map(child, numbers)) == list(numbers)


async def task_group(count: int) -> None:
    for start in range(0, count, AT_A_TIME):
        numbers = range(start, min(start + AT_A_TIME, count))
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(child(number)) for number in numbers]
        assert [task.result() for task in tasks] == list(numbers)


ROWS: list[Row] = [
    Body(
        name="task-await",
        title="create_task, await it",
        count=30_000,
        per="task",
        body=parent,
    ),
    Body(
        name="spawn-gather",
        title="create_task, gather 1000",
        count=30_000,
        per="task",
        body=gather,
    ),
    Body(
        name="gather",
        title="gather 1000 coroutines",
        count=30_000,
        per="task",
        body=gather_coroutines,
    ),
    Body(
        name="task-group",
        title="TaskGroup of 1000",
        count=30_000,
        per="task",
        body=task_group,
    ),
]
