"""A program as users write it: it must type-check as strictly as the package.

It isn't run. `make lint` checks it with mypy.
"""

import asyncio
import socket
from typing import assert_type

import cafeloop


async def brew(coffee: str) -> int:
    loop = asyncio.get_running_loop()
    timer = loop.call_later(5, print, coffee)
    assert_type(timer, asyncio.TimerHandle)
    assert_type(timer.when(), float)
    return await loop.run_in_executor(None, len, coffee)


class CountingLoop(cafeloop.Loop):
    """A subclass may have attributes and methods of its own."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def stop(self) -> None:
        self.limit -= 1
        super().stop()


def main() -> None:
    assert_type(cafeloop.run(brew("Latte")), int)
    assert_type(cafeloop.run(brew("Latte"), debug=True), int)
    assert_type(cafeloop.new_event_loop(), cafeloop.Loop)
    assert_type(cafeloop.build_info(), dict[str, str])

    loop = CountingLoop(3)
    is_a_loop: asyncio.AbstractEventLoop = loop
    handle = loop.call_soon(print, "ready")
    assert_type(handle, asyncio.Handle)
    assert_type(handle.cancelled(), bool)
    one, other = socket.socketpair()
    loop.add_reader(one, one.recv, 100)
    assert_type(loop.remove_reader(one), bool)
    assert_type(loop.run_until_complete(brew("Mocha")), int)
    loop.slow_callback_duration = 0.05
    is_a_loop.close()
    other.close()

    with asyncio.Runner(loop_factory=cafeloop.new_event_loop) as runner:
        assert_type(runner.run(brew("Latte")), int)

    cafeloop.install()
    assert_type(asyncio.run(brew("Latte")), int)
    cafeloop.uninstall()
