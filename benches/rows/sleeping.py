"""Sleeping."""

import asyncio

from benches.compare.row import Body, Row

# The longest that a sleeper of `sleepers` sleeps, and the least.
LONGEST_S = 0.2
SHORTEST_S = 0.1
# Neither in order nor in reverse: a prime that spreads the sleepers over the longest.
STRIDE = 7919
STEPS = 1000


async def sleep_zero(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def sleep_among_others(count: int) -> None:
    """All sleep at the same time: they begin in one turn, and no timer fires within a turn."""
    step_s = (LONGEST_S - SHORTEST_S) / STEPS
    delays = [SHORTEST_S + number * STRIDE % STEPS * step_s for number in range(count)]
    tasks = [asyncio.create_task(sleeper(delay)) for delay in delays]
    await asyncio.gather(*tasks)


async def sleeper(seconds: float) -> None:
    await asyncio.sleep(seconds)


ROWS: list[Row] = [
    Body(name="sleep-0", title="sleep(0)", count=100_000, per="sleep", body=sleep_zero),
    Body(
        name="sleepers",
        title="100k sleepers at a time",
        count=100_000,
        per="sleeper",
        body=sleep_among_others,
    ),
]
