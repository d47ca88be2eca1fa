"""Timers."""

import asyncio

from benches.compare.row import Body, Row

AT_A_TIME = 1000
# Long enough that none of them fires.
FAR_S = 3600.0
# Timers fire within this time, in an order that isn't the one in which they were made.
SOON_S = 0.01
STRIDE = 7919


def nothing() -> None:
    pass


async def cancel(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(0, count, AT_A_TIME):
        for _ in range(AT_A_TIME):
            loop.call_later(FAR_S, nothing).cancel()
        # Loops that put cancelled timers aside are to pay for them here.
        await asyncio.sleep(0)


async def fire(count: int) -> None:
    loop = asyncio.get_running_loop()
    left = count
    all_fired = loop.create_future()

    def fired() -> None:
        nonlocal left
        left -= 1
        if not left:
            all_fired.set_result(None)

    for number in range(count):
        loop.call_later(number * STRIDE % count / count * SOON_S, fired)
    await all_fired


async def timeout(count: int) -> None:
    for _ in range(count):
        async with asyncio.timeout(FAR_S):
            # Goes through the loop: it ends in the next turn.
            await asyncio.sleep(0)


async def wait_for(count: int) -> None:
    for _ in range(count):
        await asyncio.wait_for(asyncio.sleep(0), FAR_S)


ROWS: list[Row] = [
    Body(
        name="timer-cancel",
        title="call_later, cancel",
        count=70_000,
        per="timer",
        body=cancel,
    ),
    Body(
        name="timer-fire",
        title="call_later, until it fires",
        count=50_000,
        per="timer",
        body=fire,
    ),
    Body(
        name="timeout",
        title="timeout around sleep(0)",
        count=20_000,
        per="timeout",
        body=timeout,
    ),
    Body(
        name="wait-for",
        title="wait_for around sleep(0)",
        count=15_000,
        per="wait",
        body=wait_for,
    ),
]
