"""What may be awaited, and what becomes of a task that yields something else."""

import asyncio
import collections.abc
import concurrent.futures
import contextlib
import re
import types

import pytest


async def brew(coffee="Mocha"):
    await asyncio.sleep(0)
    return coffee


@types.coroutine
def hand_over(*things):
    """Yields things to whoever runs the coroutine, as an `await` does deep inside."""
    for thing in things:
        yield thing
    return "went on"


async def handing_over(*things):
    return await hand_over(*things)


class Awaitable:
    """Yields things from an iterator of its own."""

    def __init__(self, *things):
        self.things = things

    def __await__(self):
        yield from self.things
        return "ended"


def failure(loop, coroutine):
    """The exception in which a coroutine's task ends."""
    task = loop.create_task(coroutine)
    loop.run_until_complete(asyncio.wait([task]))
    return task.exception()


def test_yielding_nothing_gives_way_for_a_turn(loop):
    async def main():
        return await Awaitable(None, None), await hand_over(None), await Awaitable()

    assert loop.run_until_complete(main()) == ("ended", "went on", "ended")


def test_an_awaitable_may_yield_from_a_future(loop):
    class Order:
        def __init__(self, future):
            self.future = future

        def __await__(self):
            return (yield from self.future)

    class Direct(Order):
        def __await__(self):
            return self.future.__await__()

    async def main():
        future = loop.create_future()
        loop.call_soon(future.set_result, "Mocha")
        return await Order(future), await Direct(future), await Order(loop.create_task(brew()))

    assert loop.run_until_complete(main()) == ("Mocha", "Mocha", "Mocha")


def test_an_awaitable_can_be_made_a_task(loop):
    async def main():
        return await asyncio.ensure_future(Awaitable(None)), await asyncio.gather(Awaitable(None))

    assert loop.run_until_complete(main()) == ("ended", ["ended"])


@pytest.mark.parametrize("thing", [42, "milk", [], object(), (), False, NotImplemented])
def test_yielding_something_else_is_an_error_at_that_place(loop, thing):
    error = failure(loop, handing_over(thing))
    assert type(error) is RuntimeError
    assert str(error) == f"Task got bad yield: {thing!r}"


def test_yielding_something_else_can_be_survived(loop):
    async def main():
        with contextlib.suppress(RuntimeError):
            await hand_over(42)
        return await brew()

    assert loop.run_until_complete(main()) == "Mocha"


def test_yielding_a_generator_is_an_error_of_its_own(loop):
    error = failure(loop, handing_over(thing for thing in ()))
    assert re.match(
        "^yield was used instead of yield from for generator in task <Task .*> with <generator ",
        str(error),
    )


def test_yielding_a_coroutine_is_an_error(loop):
    with contextlib.closing(brew()) as coroutine:
        error = failure(loop, handing_over(coroutine))
        assert str(error).startswith("Task got bad yield: <coroutine object brew at ")


def test_yielding_a_future_itself_is_an_error(loop):
    # What an old-style coroutine does that has `yield future` in place of `yield from future`.
    for thing in (loop.create_future(), loop.create_task(brew())):
        error = failure(loop, handing_over(thing))
        assert re.match(
            "^yield was used instead of yield from in task <Task .*> with <(Future|Task) ",
            str(error),
        )


def test_a_future_whose_iterator_yielded_by_hand_is_waited_for(loop):
    async def main():
        future = loop.create_future()
        (yielded,) = [next(future.__await__())]
        loop.call_soon(future.set_result, "Mocha")
        assert yielded is future
        # It is marked as waited for, so that yielding it is what `await` does.
        await hand_over(yielded)
        return future.result()

    assert loop.run_until_complete(main()) == "Mocha"


def test_yielding_the_same_future_twice_is_an_error(loop):
    async def main():
        future = loop.create_future()
        loop.call_soon(future.set_result, "Mocha")
        next(iter(future))
        await hand_over(future, future)

    error = failure(loop, main())
    assert str(error).startswith("yield was used instead of yield from in task ")


def test_a_task_that_awaits_itself_fails(loop):
    async def main():
        await asyncio.current_task()

    error = failure(loop, main())
    assert type(error) is RuntimeError
    assert re.match("^Task cannot await on itself: <Task pending ", str(error))


def test_a_task_that_awaits_itself_can_survive_that(loop):
    async def main():
        with contextlib.suppress(RuntimeError):
            await asyncio.current_task()
        return await brew()

    assert loop.run_until_complete(main()) == "Mocha"


def test_tasks_that_await_each_other_cannot_be_cancelled(loop, turn):
    tasks = []

    async def wait_for(number):
        await tasks[number]

    tasks += [loop.create_task(wait_for(1)), loop.create_task(wait_for(0))]
    turn()
    for task in tasks:
        with pytest.raises(RecursionError):
            task.cancel()
    turn()
    assert not any(task.done() for task in tasks)
    release(tasks)


def test_a_task_that_gathers_itself_cannot_be_cancelled(loop, turn):
    async def main():
        await asyncio.gather(asyncio.current_task())

    task = loop.create_task(main())
    turn()
    with pytest.raises(RecursionError):
        task.cancel()
    turn()
    assert not task.done()
    release([task])


def release(tasks):
    """Gives up tasks that would never end."""
    for task in tasks:
        task._log_destroy_pending = False
        task.get_coro().close()


def test_a_future_like_object_in_python_is_waited_for(loop):
    class Like:
        _asyncio_future_blocking = False

        def __init__(self):
            self.callbacks = []
            self.value = None

        def get_loop(self):
            return loop

        def add_done_callback(self, callback, *, context=None):
            self.callbacks.append((callback, context))

        def set_result(self, value):
            self.value = value
            for callback, context in self.callbacks:
                loop.call_soon(callback, self, context=context)

        def result(self):
            return self.value

        def done(self):
            return self.value is not None

        def cancel(self, msg=None):
            self.cancelled_with = msg
            return False

        def __await__(self):
            if not self.done():
                self._asyncio_future_blocking = True
                yield self
            return self.result()

    like = Like()

    async def main():
        loop.call_soon(like.set_result, "Mocha")
        return await like

    assert asyncio.isfuture(like)
    assert asyncio.ensure_future(like, loop=loop) is like
    task = loop.create_task(main())
    assert loop.run_until_complete(task) == "Mocha"
    ((callback, context),) = like.callbacks
    assert callable(callback)
    assert context is not None
    assert like._asyncio_future_blocking is False

    unset = Like()

    async def wait():
        await unset

    async def cancel():
        task = asyncio.create_task(wait())
        await asyncio.sleep(0)
        task.cancel("closed")
        unset.set_result("Latte")
        await asyncio.wait([task])
        return task.cancelled()

    # It was asked to end, refused, and so the task is told instead.
    assert loop.run_until_complete(cancel())
    assert unset.cancelled_with == "closed"


def test_a_future_of_a_thread_is_waited_for_when_wrapped(loop):
    future = concurrent.futures.Future()

    async def main():
        loop.call_soon(future.set_result, "Mocha")
        return await asyncio.wrap_future(future)

    assert loop.run_until_complete(main()) == "Mocha"
    with pytest.raises(TypeError, match="'await'|awaited"):
        loop.run_until_complete(awaiting(future))


async def awaiting(thing):
    return await thing


def test_cancelling_what_waits_for_a_thread_cancels_the_threads_future(loop, turn):
    future = concurrent.futures.Future()
    task = loop.create_task(awaiting(asyncio.wrap_future(future, loop=loop)))
    turn()
    task.cancel()
    turn()
    turn()
    assert (task.cancelled(), future.cancelled()) == (True, True)


def test_a_coroutine_that_one_task_awaits_and_another_runs_ends_once(loop):
    inner = brew()
    tasks = [loop.create_task(awaiting(inner)), loop.create_task(inner)]
    loop.run_until_complete(asyncio.wait(tasks))
    # A coroutine can't tell who sends to it, only whether it has ended.
    assert str(tasks[0].exception()) == "cannot reuse already awaited coroutine"
    assert tasks[1].result() == "Mocha"


def test_a_coroutine_that_has_ended_cannot_be_made_a_task(loop):
    coroutine = brew()
    assert loop.run_until_complete(coroutine) == "Mocha"
    error = failure(loop, coroutine)
    assert str(error) == "cannot reuse already awaited coroutine"


def test_a_coroutine_of_a_class_of_ones_own_is_run(loop):
    class Coroutine:
        """What `collections.abc.Coroutine` asks for, in Python."""

        def __init__(self):
            self.sent = []

        def send(self, value):
            self.sent.append(value)
            if len(self.sent) < 3:
                return None
            raise StopIteration("Mocha")

        def throw(self, kind, value=None, traceback=None):
            raise kind if value is None else value

        def close(self):
            pass

        def __await__(self):
            yield

    collections.abc.Coroutine.register(Coroutine)
    coroutine = Coroutine()
    assert loop.run_until_complete(loop.create_task(coroutine)) == "Mocha"
    assert coroutine.sent == [None, None, None]


def test_an_iterator_that_ended_with_true_may_be_asked_by_hand(loop):
    """What was caught stays as it was, and keeps nothing alive once it's let go of."""
    future = loop.create_future()
    future.set_result(True)

    def caught():
        with pytest.raises(StopIteration) as info:
            next(iter(future))
        return info.value

    first, second = caught(), caught()
    assert first is not second
    assert (first.value, second.value) == (True, True)
    assert first.__traceback__ is not None
