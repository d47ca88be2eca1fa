"""What a tracer sees of awaits."""

import asyncio
import sys


def test_a_tracer_that_keeps_how_awaits_ended_has_each_with_its_result(loop):
    ended = []

    def trace(frame, event, argument):
        if event == "exception" and argument[0] is StopIteration:
            ended.append(argument[1])
        return trace

    async def main():
        opens = asyncio.Event()
        for _ in range(3):
            loop.call_soon(opens.set)
            assert await opens.wait() is True
            opens.clear()

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        loop.run_until_complete(main())
    finally:
        sys.settrace(before)
    waits = [error for error in ended if error.value is True]
    assert all(type(error) is StopIteration and error.args == (True,) for error in waits)
    assert len({id(error) for error in waits}) == len(waits)
    # Whoever awaits has them, but not before the interpreter has begun to tell of them.
    assert len(waits) >= (3 if sys.version_info >= (3, 12) else 0)
