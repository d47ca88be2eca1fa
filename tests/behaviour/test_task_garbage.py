"""Garbage: tasks and futures that hold each other, their results or themselves are collected.

Each test makes many, keeps weak references only, and wants none to be left.
"""

import asyncio
import contextvars
import gc
import sys
import weakref

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("names")]

MANY = 10_000

AN_HOUR = 3600

variable = contextvars.ContextVar("variable")


class Owner:
    pass


def survivors(refs):
    gc.collect()
    return sum(ref() is not None for ref in refs)


async def nothing():
    pass


async def nap(owner=None):
    await asyncio.sleep(0)
    return owner


async def wait_for(future):
    return await future


async def spill(owner):
    raise ValueError(owner)


# Each makes a cycle through a future, on a loop that doesn't run, and returns what is to go.
FUTURES = {
    "result is the future": lambda loop, future: future.set_result(future),
    "result holds the future": lambda loop, future: future.set_result([future]),
    "callback is its own method": lambda loop, future: future.add_done_callback(future.done),
    "callback holds it": lambda loop, future: future.add_done_callback(lambda _: future),
    "three callbacks": lambda loop, future: [
        future.add_done_callback(lambda _: future) for _ in range(3)
    ],
    "context holds it": lambda loop, future: context_with(future).run(
        future.add_done_callback, print
    ),
    "attribute": lambda loop, future: setattr(future, "future", future),
    "exception holds it": lambda loop, future: failed_with(future),
    "its iterator": lambda loop, future: future.set_result(iter(future)),
    "a gathering's child": lambda loop, future: setattr(future, "outer", asyncio.gather(future)),
    "a shield's": lambda loop, future: setattr(future, "outer", asyncio.shield(future)),
}


def context_with(value):
    context = contextvars.Context()
    context.run(variable.set, value)
    return context


def failed_with(future):
    future.set_exception(ValueError(future))
    future.exception()


@pytest.mark.parametrize("cycle", FUTURES)
def test_futures_in_cycles_are_collected(loop, cycle):
    refs = []
    for _ in range(MANY // 10):
        future = loop.create_future()
        FUTURES[cycle](loop, future)
        refs.append(weakref.ref(future))
    del future
    assert survivors(refs) == 0


# Each starts a task that ends within two turns; the task is what is to go.
TASKS = {
    "result holds the task": lambda: result_that_holds_it(),
    "attribute": lambda: attribute_that_holds_it(),
    "context holds it": lambda: context_that_holds_it(),
    "exception's traceback": lambda: retrieved(spill(Owner())),
    "callback holds it": lambda: callback_that_holds_it(),
    "nothing": lambda: asyncio.create_task(nothing()),
    "a nap": lambda: asyncio.create_task(nap()),
    "a sleep": lambda: asyncio.create_task(asyncio.sleep(0)),
    "cancelled before it began": lambda: cancelled(nap()),
}


def result_that_holds_it():
    async def hold():
        return asyncio.current_task()

    return asyncio.create_task(hold())


def attribute_that_holds_it():
    task = asyncio.create_task(nap())
    task.itself = task
    return task


def context_that_holds_it():
    async def hold():
        variable.set(asyncio.current_task())

    return asyncio.create_task(hold())


def callback_that_holds_it():
    task = asyncio.create_task(nap())
    task.add_done_callback(lambda _: task)
    return task


def retrieved(coroutine):
    task = asyncio.create_task(coroutine)
    task.add_done_callback(lambda task: task.exception())
    return task


def cancelled(coroutine):
    task = asyncio.create_task(coroutine)
    task.cancel()
    return task


@pytest.mark.parametrize("kind", TASKS)
def test_finished_tasks_in_cycles_are_collected(loop, kind):
    async def main():
        return [weakref.ref(TASKS[kind]()) for _ in range(MANY // 10)]

    refs = loop.run_until_complete(main())
    for _ in range(3):
        loop.run_until_complete(nothing())
    assert survivors(refs) == 0


def test_ten_thousand_tasks_that_wait_for_each_other_in_pairs_are_collected(loop, turn):
    told = []
    loop.set_exception_handler(lambda loop, context: told.append(context["message"]))
    refs = []
    for _ in range(MANY // 2):
        future = loop.create_future()
        future.waiting = loop.create_task(wait_for(future))
        refs += weakref.ref(future), weakref.ref(future.waiting)
    del future
    turn()
    assert survivors(refs) == 0
    assert set(told) == {"Task was destroyed but it is pending!"}
    assert len(told) == MANY // 2


def test_ten_thousand_tasks_that_gathered_are_collected(loop):
    refs = []

    async def main():
        for _ in range(MANY // 10):
            tasks = [asyncio.create_task(nap(Owner())) for _ in range(10)]
            gathering = asyncio.gather(*tasks)
            refs.extend(map(weakref.ref, [*tasks, gathering]))
            await gathering

    loop.run_until_complete(main())
    loop.run_until_complete(nothing())
    assert survivors(refs) == 0


def test_results_are_let_go_of_with_their_tasks_and_without_the_collector(loop):
    class Result:
        pass

    async def make():
        await asyncio.sleep(0)
        return Result()

    async def main():
        for _ in range(100):
            for way in (make(), asyncio.create_task(make()), asyncio.gather(make())):
                result = await way
                if isinstance(result, list):
                    (result,) = result
                refs.append(weakref.ref(result))
                del result, way
            await asyncio.sleep(0)
        return sum(ref() is not None for ref in refs)

    refs = []
    gc.disable()
    try:
        left = loop.run_until_complete(main())
    finally:
        gc.enable()
    # What ran last may be held to the end of its step.
    assert left <= 3


def test_exceptions_do_not_keep_what_the_failed_task_held(loop):
    refs = []

    async def fail():
        owner = Owner()
        refs.append(weakref.ref(owner))
        await asyncio.sleep(0)
        raise ValueError("spilt")

    async def main():
        for _ in range(MANY // 10):
            try:
                await asyncio.create_task(fail())
            except ValueError:
                pass

    loop.run_until_complete(main())
    assert survivors(refs) == 0


def test_cancelled_sleepers_are_collected_though_their_time_has_not_come(loop):
    refs = []

    async def main():
        tasks = [asyncio.create_task(asyncio.sleep(AN_HOUR, Owner())) for _ in range(MANY)]
        refs.extend(map(weakref.ref, tasks))
        await asyncio.sleep(0)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    loop.run_until_complete(main())
    loop.run_until_complete(nothing())
    assert survivors(refs) == 0


def test_a_loop_in_a_cycle_with_its_tasks_and_futures_is_collected(new_loop):
    refs = []
    for _ in range(100):
        loop = new_loop()
        loop.future = loop.create_future()
        loop.task = loop.create_task(nap(loop))
        loop.task.future = loop.future
        loop.run_until_complete(loop.task)
        loop.close()
        refs += weakref.ref(loop), weakref.ref(loop.task), weakref.ref(loop.future)
    del loop
    assert survivors(refs) == 0


def test_nothing_is_held_more_often_than_it_is_let_go_of(loop):
    """Reference counts of what all tasks share stay where they were."""

    async def main():
        shared = object()

        async def guest(turns):
            for _ in range(turns):
                await asyncio.sleep(0, shared)
            return shared

        async def rounds(number):
            for _ in range(number):
                await asyncio.gather(guest(0), guest(1), asyncio.sleep(0, shared))
                await asyncio.wait_for(guest(1), AN_HOUR)
                task = asyncio.create_task(asyncio.sleep(AN_HOUR, shared))
                await asyncio.sleep(0)
                task.cancel()
                await asyncio.wait([task])
            await asyncio.sleep(0)

        things = [shared, None, loop, asyncio.Task, type(loop.create_future()), guest.__code__]
        await rounds(3)
        gc.collect()
        before = [sys.getrefcount(thing) for thing in things]
        await rounds(300)
        gc.collect()
        grown = [sys.getrefcount(thing) - count for thing, count in zip(things, before)]
        return max(grown)

    assert loop.run_until_complete(main()) < 100
