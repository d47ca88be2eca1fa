"""Primitives."""

import asyncio

from benches.compare.row import Body, Row

QUEUE_SIZE = 10
CONTENDERS = 10


async def queue(count: int) -> None:
    """One puts, one gets; the queue is full or empty most of the time, so that both wait."""
    items: asyncio.Queue[int] = asyncio.Queue(QUEUE_SIZE)

    async def put() -> None:
        for number in range(count):
            await items.put(number)

    async def get() -> None:
        for number in range(count):
            assert await items.get() == number

    await asyncio.gather(put(), get())


async def ping_pong(count: int) -> None:
    """Two tasks wake each other in turns; each operation is there and back."""
    ping, pong = asyncio.Event(), asyncio.Event()

    async def answer() -> None:
        for _ in range(count):
            await ping.wait()
            ping.clear()
            pong.set()

    answering = asyncio.create_task(answer())
    for _ in range(count):
        ping.set()
        await pong.wait()
        pong.clear()
    await answering


async def lock(count: int) -> None:
    """Ten tasks want it, and whoever has it holds it over a turn, so that the others wait."""
    held = asyncio.Lock()
    inside = 0

    async def contend(times: int) -> None:
        nonlocal inside
        for _ in range(times):
            async with held:
                inside += 1
                await asyncio.sleep(0)

    shares = [count // CONTENDERS + (number < count % CONTENDERS) for number in range(CONTENDERS)]
    await asyncio.gather(*map(contend, shares))
    assert inside == count


ROWS: list[Row] = [
    Body(name="queue", title="Queue of 10, put and get", count=100_000, per="item", body=queue),
    Body(name="event", title="Event, ping-pong", count=20_000, per="round trip", body=ping_pong),
    Body(name="lock", title="Lock, 10 contenders", count=20_000, per="acquisition", body=lock),
]
