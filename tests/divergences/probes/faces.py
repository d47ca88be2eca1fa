"""What a loop shows of itself, and how it ends."""

import asyncio
import gc
import os
import warnings

from . import behaviour, of, outcome, yes


def readable(loop, name):
    return yes(hasattr(loop, name))


@behaviour("`loop._default_executor` can be read, as by asgiref")
def the_default_executor(loop):
    return readable(loop, "_default_executor")


@behaviour("`loop._thread_id` can be read, as by checks of the thread")
def the_thread(loop):
    return readable(loop, "_thread_id")


@behaviour("`loop._ready`, `loop._scheduled` can be read", "the queues are native")
def the_queues(loop):
    return yes(hasattr(loop, "_ready") and hasattr(loop, "_scheduled"))


@behaviour("`loop._selector` can be read", "there is none")
def the_selector(loop):
    return readable(loop, "_selector")


@behaviour("`isinstance(loop, asyncio.BaseEventLoop)`", "it has nothing of its inside")
def the_base(loop):
    return yes(isinstance(loop, asyncio.BaseEventLoop))


@behaviour("a loop that is forgotten tells so by a ResourceWarning, and is closed")
def a_loop_that_is_forgotten(loop):
    before = os.listdir("/proc/self/fd")
    forgotten = type(loop)()
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        del forgotten
        gc.collect()
    told = [each for each in seen if each.category is ResourceWarning]
    return yes(told and os.listdir("/proc/self/fd") == before)


@behaviour("`shutdown_default_executor(timeout)`")
def shutting_the_executor_down(loop):
    async def main():
        await loop.shutdown_default_executor(1)

    return of(loop, main())


@behaviour("a closed loop refuses `call_soon`")
def after_the_end(loop):
    other = type(loop)()
    other.close()
    return outcome(other.call_soon, print)
