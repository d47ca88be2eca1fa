"""Futures, tasks and sleeps."""

import asyncio
import sys
import traceback

from . import behaviour, of, outcome, turn, yes


def kind(thing):
    return f"`{type(thing).__module__}.{type(thing).__qualname__}`"


@behaviour(
    "class of what `create_future` returns",
    "speed: its state stands behind the base's; `create_task` and `gather` likewise",
)
def class_of_a_future(loop):
    return kind(loop.create_future())


@behaviour(
    "`type(future)(loop=another)`, with asyncio's own loop",
    "a native future uses its loop natively; `asyncio.Future` goes with any loop",
)
def a_future_for_another_loop(loop):
    other = asyncio.SelectorEventLoop()
    kind_of_future = type(loop.create_future())
    ended = outcome(kind_of_future, loop=other)
    other.close()
    return ended


@behaviour(
    "`type(asyncio.sleep(1))` in a task",
    "one object instead of a coroutine, a future and a timer; `inspect.iscoroutine` says True",
)
def class_of_a_sleep(loop):
    async def main():
        sleep = asyncio.sleep(1)
        sleep.close()
        return kind(sleep)

    return loop.run_until_complete(main())


@behaviour("`task._fut_waiter` while it sleeps", "it stands for the future that isn't there")
def what_a_sleeping_task_waits_for(loop):
    async def main():
        await asyncio.sleep(3600)

    task = loop.create_task(main())
    turn(loop)
    waiter = kind(task._fut_waiter)
    task.cancel()
    of(loop, task)
    return waiter


@behaviour("frames in the traceback of a cancelled sleep", "there is no Python code in between")
def frames_of_a_cancelled_sleep(loop):
    async def main():
        await asyncio.sleep(3600)

    task = loop.create_task(main())
    turn(loop)
    task.cancel()
    try:
        loop.run_until_complete(task)
    except asyncio.CancelledError as error:
        names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
        own = names[names.index("main") :]
        return ", ".join(f"`{name}`" for name in own)


@behaviour("`asyncio.eager_task_factory`: what doesn't wait is done when `create_task` returns")
def eager_tasks(loop):
    async def main():
        return 1

    async def parent():
        return asyncio.create_task(main()).done()

    loop.set_task_factory(asyncio.eager_task_factory)
    try:
        return yes(loop.run_until_complete(parent()))
    except TypeError:
        return "TypeError"


@behaviour("what a task factory is given by `create_task(coro, name=...)`")
def what_a_task_factory_is_given(loop):
    seen = []

    def factory(loop, coro, **options):
        seen.extend(sorted(options))
        return asyncio.Task(coro, loop=loop, **options)

    async def main():
        pass

    loop.set_task_factory(factory)
    of(loop, loop.create_task(main(), name="Mocha"))
    return ", ".join(seen) or "nothing"


@behaviour("a subclass's own `call_soon` is called for the steps of tasks")
def overriding_call_soon(loop):
    seen = []

    class Mine(type(loop)):
        def call_soon(self, callback, *args, context=None):
            seen.append(callback)
            return super().call_soon(callback, *args, context=context)

    async def main():
        await asyncio.sleep(0)

    mine = Mine()
    mine.run_until_complete(main())
    mine.close()
    return yes(len(seen) > 1)


@behaviour("in debug mode, a coroutine that nobody awaited tells where it was made")
def origin_of_coroutines(loop):
    async def main():
        return sys.get_coroutine_origin_tracking_depth() > 0

    loop.set_debug(True)
    return yes(loop.run_until_complete(main()))
