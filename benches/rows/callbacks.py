"""Callbacks.

A thousand are scheduled at a time, and the last of them wakes the task that scheduled them.
"""

import asyncio
import threading

from benches.compare.row import Body, Row

AT_A_TIME = 1000


def nothing(*arguments: object) -> None:
    pass


async def call_soon(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(0, count, AT_A_TIME):
        last = loop.create_future()
        for _ in range(AT_A_TIME - 1):
            loop.call_soon(nothing)
        loop.call_soon(last.set_result, None)
        await last


async def call_soon_3(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(0, count, AT_A_TIME):
        last = loop.create_future()
        for number in range(AT_A_TIME - 1):
            loop.call_soon(nothing, loop, number, last)
        loop.call_soon(last.set_result, None)
        await last


async def threadsafe(count: int) -> None:
    loop = asyncio.get_running_loop()
    for _ in range(0, count, AT_A_TIME):
        last = loop.create_future()
        for _ in range(AT_A_TIME - 1):
            loop.call_soon_threadsafe(nothing)
        loop.call_soon_threadsafe(last.set_result, None)
        await last


async def threadsafe_from_other(count: int) -> None:
    loop = asyncio.get_running_loop()
    last = loop.create_future()

    def post() -> None:
        for _ in range(count - 1):
            loop.call_soon_threadsafe(nothing)
        loop.call_soon_threadsafe(last.set_result, None)

    thread = threading.Thread(target=post)
    thread.start()
    await last
    thread.join()


ROWS: list[Row] = [
    Body(
        name="call-soon",
        title="call_soon",
        count=400_000,
        per="callback",
        body=call_soon,
    ),
    Body(
        name="call-soon-3",
        title="call_soon, 3 arguments",
        count=400_000,
        per="callback",
        body=call_soon_3,
    ),
    Body(
        name="threadsafe",
        title="call_soon_threadsafe",
        count=50_000,
        per="callback",
        body=threadsafe,
    ),
    Body(
        name="threadsafe-other",
        title="the same, other thread",
        count=50_000,
        per="callback",
        body=threadsafe_from_other,
    ),
]
