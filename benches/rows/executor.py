"""Executors.

Its threads' time counts too: handing the interpreter over is most of the work.
"""

import asyncio

from benches.compare.row import Body, Row

AT_A_TIME = 100


def job(number: int) -> int:
    return number


async def one_by_one(count: int) -> None:
    loop = asyncio.get_running_loop()
    for number in range(count):
        assert await loop.run_in_executor(None, job, number) == number


async def at_a_time(count: int) -> None:
    loop = asyncio.get_running_loop()
    for start in range(0, count, AT_A_TIME):
        numbers = range(start, min(start + AT_A_TIME, count))
        jobs = [loop.run_in_executor(None, job, number) for number in numbers]
        assert await asyncio.gather(*jobs) == list(numbers)


ROWS: list[Row] = [
    Body(
        name="executor",
        title="run_in_executor",
        count=3_000,
        per="job",
        body=one_by_one,
    ),
    Body(
        name="executor-100",
        title="run_in_executor, 100 a time",
        count=5_000,
        per="job",
        body=at_a_time,
    ),
]
