"""Accuracy.

How far from the time that was asked for a sleep ends, on either side.
"""

import asyncio

from benches.compare.row import Distribution, Row


async def sleep_200_us() -> None:
    await asyncio.sleep(0.0002)


async def sleep_1_ms() -> None:
    await asyncio.sleep(0.001)


ROWS: list[Row] = [
    Distribution(
        name="accuracy-200us",
        title="sleep(0.0002)",
        count=300,
        expected_s=0.0002,
        once=sleep_200_us,
    ),
    Distribution(
        name="accuracy-1ms",
        title="sleep(0.001)",
        count=150,
        expected_s=0.001,
        once=sleep_1_ms,
    ),
]
