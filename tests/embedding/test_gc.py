"""Garbage: loops, handles and callbacks that hold each other in cycles are collected.

Each test makes many, keeps weak references only, and wants none to be left.
"""

import asyncio
import contextlib
import contextvars
import gc
import os
import signal
import sys
import warnings
import weakref

import pytest

pytestmark = pytest.mark.slow

MANY = 10_000
MANY_LOOPS = 200

AN_HOUR = 3600

variable = contextvars.ContextVar("variable")


class Owner:
    """Holds the handle whose callback is its own method: a cycle."""

    def method(self, *arguments):
        pass


def survivors(refs):
    # A handle that the collector is told of while it looks, because others than its loop hold it,
    # may be garbage only to its next look (since Python 3.15).
    gc.collect()
    gc.collect()
    return sum(ref() is not None for ref in refs)


SCHEDULERS = {
    "call_soon": lambda loop, *call: loop.call_soon(*call),
    "call_soon_threadsafe": lambda loop, *call: loop.call_soon_threadsafe(*call),
    "call_later": lambda loop, *call: loop.call_later(0, *call),
}


@pytest.fixture(params=SCHEDULERS)
def schedule(request):
    return SCHEDULERS[request.param]


def test_handles_that_ran_are_collected_with_their_owners(loop, turn, schedule):
    refs = []
    for _ in range(MANY):
        owner = Owner()
        owner.handle = schedule(loop, owner.method, owner)
        refs += weakref.ref(owner), weakref.ref(owner.handle)
    del owner
    turn()
    assert survivors(refs) == 0


def test_handles_that_were_cancelled_are_collected_with_their_owners(loop, turn, schedule):
    refs = []
    for _ in range(MANY):
        owner = Owner()
        owner.handle = schedule(loop, owner.method, owner)
        owner.handle.cancel()
        refs.append(weakref.ref(owner))
    del owner
    turn()
    assert survivors(refs) == 0


def test_handles_that_never_ran_are_collected_when_the_loop_is_closed(new_loop, schedule):
    refs = []
    loop = new_loop()
    for _ in range(MANY):
        owner = Owner()
        owner.handle = schedule(loop, owner.method, owner)
        refs += weakref.ref(owner), weakref.ref(owner.handle)
    del owner
    assert survivors(refs) == len(refs)
    loop.close()
    assert survivors(refs) == 0


def test_contexts_that_hold_their_handles_are_collected(loop, turn):
    refs = []
    for _ in range(MANY):
        context = contextvars.Context()
        owner = Owner()
        owner.handle = loop.call_soon(owner.method, context=context)
        context.run(variable.set, owner)
        refs.append(weakref.ref(owner))
    del owner, context
    turn()
    assert survivors(refs) == 0


def test_exceptions_in_callbacks_are_collected_with_what_they_hold(loop, turn):
    refs = []
    loop.set_exception_handler(lambda loop, context: None)

    def spill(owner):
        raise ValueError(owner)

    for _ in range(MANY):
        owner = Owner()
        owner.handle = loop.call_soon(spill, owner)
        refs.append(weakref.ref(owner))
    del owner
    turn()
    assert survivors(refs) == 0


def test_finished_tasks_are_collected_with_what_holds_them(loop):
    refs = []

    async def work(owner):
        await asyncio.sleep(0)

    async def main():
        for _ in range(MANY):
            owner = Owner()
            owner.task = asyncio.create_task(work(owner))
            refs.extend((weakref.ref(owner), weakref.ref(owner.task)))
        del owner
        for _ in range(3):
            await asyncio.sleep(0)

    loop.run_until_complete(main())
    assert survivors(refs) == 0


# Each makes the loop hold something that holds the loop.
CYCLES = {
    "attribute": lambda loop: setattr(loop, "loop", loop),
    "ready callback": lambda loop: loop.call_soon(loop.stop),
    "ready argument": lambda loop: loop.call_soon(print, loop),
    "callback from a thread": lambda loop: loop.call_soon_threadsafe(loop.stop),
    "timer": lambda loop: loop.call_later(AN_HOUR, loop.stop),
    "cancelled timer": lambda loop: loop.call_later(AN_HOUR, loop.stop).cancel(),
    "handle": lambda loop: setattr(loop, "handle", loop.call_soon(loop.stop)),
    "context": lambda loop: with_variable(loop).run(loop.call_soon, print),
    "reader": lambda loop: loop.add_reader(watched(loop), loop.stop),
    "watched object": lambda loop: loop.add_reader(Watched(loop), print),
    "writer": lambda loop: loop.add_writer(watched(loop), loop.stop),
    "signal handler": lambda loop: loop.add_signal_handler(signal.SIGUSR1, loop.stop),
    "exception handler": lambda loop: loop.set_exception_handler(lambda *_: loop),
    "task factory": lambda loop: loop.set_task_factory(lambda *_: loop),
    "future": lambda loop: loop.call_soon(loop.create_future().cancel),
}


def with_variable(value):
    context = contextvars.Context()
    context.run(variable.set, value)
    return context


def watched(loop):
    """A descriptor that lives as long as the loop."""
    number = os.eventfd(0)
    weakref.finalize(loop, os.close, number)
    return number


class Watched:
    """Something with a descriptor that holds the loop which watches it."""

    def __init__(self, loop):
        self.loop = loop
        self.number = watched(loop)

    def fileno(self):
        return self.number


@pytest.mark.parametrize("cycle", CYCLES)
def test_closed_loops_in_cycles_are_collected(new_loop, cycle):
    refs = []
    for _ in range(MANY_LOOPS):
        loop = new_loop()
        CYCLES[cycle](loop)
        loop.close()
        refs.append(weakref.ref(loop))
    del loop
    assert survivors(refs) == 0


# The standard library's loop is in pieces when the collector gets to its finaliser, because the
# sockets it is made of have theirs; ours is one piece.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
@pytest.mark.parametrize("cycle", CYCLES)
def test_forgotten_loops_in_cycles_are_collected_closed_and_told(
    new_loop, cycle, open_descriptors
):
    descriptors = open_descriptors()
    refs = []
    told = []
    with warnings.catch_warnings(action="always"):
        # Recorded warnings would hold the loops that they are about.
        warnings.showwarning = lambda message, category, *where: told.append(category)
        for _ in range(MANY_LOOPS):
            loop = new_loop()
            CYCLES[cycle](loop)
            refs.append(weakref.ref(loop))
        del loop
        assert survivors(refs) == 0
    assert told == [ResourceWarning] * MANY_LOOPS
    assert open_descriptors() == descriptors
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_a_loop_that_ran_is_collected_with_all_it_was_used_for(new_loop):
    async def main(loop):
        loop.loop = loop
        loop.call_later(AN_HOUR, loop.stop)
        loop.call_soon(loop.create_future)
        await asyncio.sleep(0)
        await asyncio.to_thread(int)
        return asyncio.current_task()

    refs = []
    for _ in range(MANY_LOOPS // 10):
        loop = new_loop()
        task = loop.run_until_complete(main(loop))
        loop.run_until_complete(loop.shutdown_default_executor())
        refs += weakref.ref(loop), weakref.ref(task)
        loop.close()
    del loop, task
    assert survivors(refs) == 0


def test_a_loop_held_by_its_subclass_is_collected(loop_class):
    refs = []
    for _ in range(MANY_LOOPS):
        subclass = type("Subclass", (loop_class,), {})
        subclass.instance = subclass()
        subclass.instance.close()
        refs += weakref.ref(subclass), weakref.ref(subclass.instance)
    del subclass
    assert survivors(refs) == 0


def test_a_scheduled_callback_is_kept_though_nobody_else_holds_it(loop, turn):
    seen = []

    class Guest:
        def __call__(self):
            seen.append("arrived")

    loop.call_soon(Guest())
    loop.call_later(0, Guest())
    gc.collect()
    turn()
    assert seen == ["arrived", "arrived"]


@pytest.fixture
def constant_collection():
    """Collects at every second allocation, so that whatever can be seen half-made is seen."""
    thresholds = gc.get_threshold()
    gc.set_threshold(1, 1, 1)
    yield
    gc.set_threshold(*thresholds)


def test_collecting_all_the_time_disturbs_nothing(run, constant_collection):
    async def work(number):
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(loop.call_later, 0, future.set_result, number)
        cancelled = loop.call_later(AN_HOUR, print, [number])
        try:
            return await future
        finally:
            cancelled.cancel()

    async def main():
        return await asyncio.gather(*map(work, range(20)))

    assert run(main) == list(range(20))


def test_nothing_is_left_that_cannot_be_collected(new_loop):
    with contextlib.closing(new_loop()) as loop:
        loop.loop = loop
        loop.handle = loop.call_soon(loop.stop)
        loop.run_forever()
    del loop
    gc.collect()
    assert gc.garbage == []


def test_a_loop_holds_its_class_once(loop_class):
    before = sys.getrefcount(loop_class)
    for _ in range(MANY_LOOPS):
        loop_class().close()
    gc.collect()
    assert sys.getrefcount(loop_class) <= before + 1
