"""Measures what recording costs, as CPU time beside the same work without it.

    python -m benches.recording [--rounds N]

All ways of recording take turns within one process, many times and each time for some
milliseconds, so that whatever slows the machine down slows all of them; what is shown is the
median of the differences within a round.
"""

import argparse
import asyncio
import os
import selectors
import socket
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

import cafeloop

# Off comes twice: what the second costs beyond the first is how far the others can be trusted.
RECORDED: dict[str, Literal["off", "ring", "full"]] = {
    "off": "off", "off again": "off", "ring": "ring", "full": "full",
}
MODES = tuple(RECORDED)
STEPS = 5_000
REQUESTS = 2_000
CONNECTIONS = 50
MESSAGE = b"x" * 1024


@dataclass(frozen=True)
class Row:
    name: str
    operations: int
    body: Callable[[int], Awaitable[None]]


async def steps(operations: int) -> None:
    for _ in range(operations):
        await asyncio.sleep(0)


async def ping_pong(operations: int) -> None:
    ping, pong = asyncio.Event(), asyncio.Event()

    async def answer() -> None:
        for _ in range(operations // 2):
            await ping.wait()
            ping.clear()
            pong.set()

    answerer = asyncio.create_task(answer())
    for _ in range(operations // 2):
        ping.set()
        await pong.wait()
        pong.clear()
    await answerer


class Echo(asyncio.Protocol):
    """Answers with what it's sent, and says when so many requests have come."""

    left = 0
    done: asyncio.Future[None]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(data)
        Echo.left -= 1
        if Echo.left == 0:
            Echo.done.set_result(None)


async def echo(operations: int) -> None:
    Echo.done = asyncio.get_running_loop().create_future()
    Echo.left = operations
    await Echo.done


ROWS = [
    Row("a step of a task", STEPS, steps),
    Row("a step that wakes another", STEPS, ping_pong),
    Row("a request of TCP echo", REQUESTS, echo),
]


def client(address: tuple[str, int]) -> None:
    """Keeps its connections busy, one request on each, until it's killed."""
    selector = selectors.DefaultSelector()
    for _ in range(CONNECTIONS):
        connection = socket.create_connection(address)
        connection.sendall(MESSAGE)
        selector.register(connection, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            assert isinstance(key.fileobj, socket.socket)
            key.fileobj.recv(len(MESSAGE))
            key.fileobj.sendall(MESSAGE)


async def measure(rounds: int, file: str) -> dict[str, dict[str, list[float]]]:
    """CPU nanoseconds of an operation, by row and mode, in each round."""
    costs: dict[str, dict[str, list[float]]] = {
        row.name: {mode: [] for mode in MODES} for row in ROWS
    }
    for number in range(rounds):
        for row in ROWS:
            for place in range(len(MODES)):
                mode = MODES[(place + number) % len(MODES)]
                recording = cafeloop.record(file, RECORDED[mode])
                with recording:
                    # It begins with the next turn.
                    await asyncio.sleep(0)
                    await row.body(row.operations // 10)
                    began = time.thread_time_ns()
                    await row.body(row.operations)
                    took = time.thread_time_ns() - began
                costs[row.name][mode].append(took / row.operations)
    return costs


def show(costs: dict[str, dict[str, list[float]]]) -> None:
    for name, modes in costs.items():
        off = modes["off"]
        print(f"{name}: {statistics.median(off):.0f} ns of CPU time")
        for mode in MODES[1:]:
            pairs = list(zip(modes[mode], off, strict=True))
            more = statistics.median(other - base for other, base in pairs)
            ratio = statistics.median(other / base for other, base in pairs)
            print(f"  {mode:10} {more:+7.0f} ns  {100 * (ratio - 1):+6.1f} %")


async def main(rounds: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    process = os.fork()
    if process == 0:
        client(address)
    try:
        with tempfile.TemporaryDirectory() as folder:
            show(await measure(rounds, os.path.join(folder, "bench.flow")))
    finally:
        os.kill(process, 9)
        os.waitpid(process, 0)
        server.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="What recording costs.")
    parser.add_argument("--rounds", type=int, default=60, help="how often (default: 60)")
    cafeloop.run(main(parser.parse_args().rounds))
