"""Sleeping."""

import asyncio

from benches.compare.row import Body, Row


async def sleep_zero(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


ROWS: list[Row] = [
    Body(name="sleep-0", title="sleep(0)", count=250_000, per="sleep", body=sleep_zero),
]
