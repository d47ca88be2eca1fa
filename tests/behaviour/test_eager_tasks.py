"""Tasks that begin at once: `eager_task_factory`, since 3.12, and `eager_start`, since 3.14."""

import asyncio
import contextvars
import gc
import re
import sys
import weakref

import pytest

if sys.version_info < (3, 12):
    pytest.skip("eager tasks came with Python 3.12", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("names")

flavour = contextvars.ContextVar("flavour", default="Vanilla")


def by_factory(loop, coroutine, **keywords):
    loop.set_task_factory(asyncio.eager_task_factory)
    return asyncio.create_task(coroutine, **keywords)


def by_class(loop, coroutine, **keywords):
    return asyncio.Task(coroutine, loop=loop, eager_start=True, **keywords)


def by_keyword(loop, coroutine, **keywords):
    return loop.create_task(coroutine, eager_start=True, **keywords)


def by_own_factory(loop, coroutine, **keywords):
    class Barista(asyncio.Task):
        pass

    loop.set_task_factory(asyncio.create_eager_task_factory(Barista))
    return asyncio.create_task(coroutine, **keywords)


WAYS = [by_factory, by_class, by_own_factory]
if sys.version_info >= (3, 14):
    WAYS.append(by_keyword)


@pytest.fixture(params=WAYS, ids=[way.__name__ for way in WAYS])
def start(loop, request):
    """Starts a task eagerly, within a running loop."""
    return lambda coroutine, **keywords: request.param(loop, coroutine, **keywords)


@pytest.fixture
def finish(loop):
    return lambda main: loop.run_until_complete(asyncio.Task(main(), loop=loop))


async def brew(turns=0, coffee="Mocha"):
    for _ in range(turns):
        await asyncio.sleep(0)
    return coffee


async def spill(turns=0):
    await brew(turns)
    raise ValueError("spilt")


def test_what_needs_no_turn_is_done_when_it_is_made(start, finish):
    async def main():
        task = start(brew())
        return task.done(), task.result(), await task

    assert finish(main) == (True, "Mocha", "Mocha")


def test_what_needs_turns_runs_to_its_first_await_and_goes_on_as_any_task(start, finish):
    seen = []

    async def guest():
        seen.append("began")
        await asyncio.sleep(0)
        seen.append("went on")

    async def main():
        task = start(guest())
        seen.append(task.done())
        await task

    finish(main)
    assert seen == ["began", False, "went on"]


def test_while_it_begins_it_is_the_current_task_and_then_the_other_again(start, finish):
    seen = []

    async def guest(turns):
        seen.append(asyncio.current_task())
        await brew(turns)
        seen.append(asyncio.current_task())

    async def main():
        own = asyncio.current_task()
        for turns in (0, 1):
            seen.clear()
            task = start(guest(turns))
            assert asyncio.current_task() is own
            await task
            assert seen == [task, task]

    finish(main)


def test_while_it_begins_it_is_among_all_tasks_and_later_while_it_waits(start, finish):
    seen = []

    async def guest(turns):
        seen.append(asyncio.current_task() in asyncio.all_tasks())
        await brew(turns)

    async def main():
        done, waiting = start(guest(0)), start(guest(1))
        known = asyncio.all_tasks()
        await waiting
        return seen, done in known, waiting in known, waiting in asyncio.all_tasks()

    assert finish(main) == ([True, True], False, True, False)


if sys.version_info >= (3, 14):
    # Before, a loop that had asked a factory gave the name afterwards.

    def test_it_has_the_name_that_it_was_given_while_it_begins(start, finish):
        async def name():
            return asyncio.current_task().get_name()

        async def main():
            return await start(name(), name="barista")

        assert finish(main) == "barista"


def test_a_failure_is_its_exception_and_not_its_makers(start, finish):
    async def main():
        task = start(spill())
        failed = task.done() and repr(task.exception())
        with pytest.raises(ValueError):
            await task
        return failed

    assert finish(main) == "ValueError('spilt')"


def test_a_failure_that_nobody_asks_for_is_told(start, finish, log):
    async def main():
        start(spill())
        gc.collect()

    finish(main)
    gc.collect()
    message = log.take_one().getMessage()
    assert re.match(r"(Task|Barista) exception was never retrieved\nfuture: <.* finished ", message)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_as_it_begins_leaves_its_maker_too(loop, start, error, log):
    async def leave():
        raise error

    async def main():
        start(leave())

    task = asyncio.Task(main(), loop=loop)
    with pytest.raises(error):
        loop.run_until_complete(task)
    assert type(task.exception()) is error
    assert asyncio.current_task(loop) is None
    # The eager one's own, which nobody could ask for.
    gc.collect()
    assert " exception was never retrieved\n" in log.take_one().getMessage()


def test_a_cancellation_of_its_own_as_it_begins_cancels_it_alone(start, finish):
    async def give_up():
        raise asyncio.CancelledError("gave up")

    async def main():
        task = start(give_up())
        return task.cancelled(), asyncio.current_task().cancelling()

    assert finish(main) == (True, 0)


def test_one_that_cancels_itself_as_it_begins_is_told_at_its_first_await(start, finish):
    async def guest():
        asyncio.current_task().cancel("myself")
        await asyncio.sleep(0)
        await asyncio.get_running_loop().create_future()

    async def main():
        task = start(guest())
        assert not task.done()
        with pytest.raises(asyncio.CancelledError, match="^myself$"):
            await task
        return task.cancelled()

    assert finish(main)


def test_it_can_be_cancelled_while_it_waits(start, finish):
    async def endless():
        await asyncio.get_running_loop().create_future()

    async def main():
        task = start(endless())
        task.cancel("closed")
        with pytest.raises(asyncio.CancelledError, match="^closed$"):
            await task

    finish(main)


def test_it_begins_in_a_copy_of_its_makers_context(start, finish):
    async def taste():
        before = flavour.get()
        flavour.set("Pistachio")
        await asyncio.sleep(0)
        return before, flavour.get()

    async def main():
        flavour.set("Caramel")
        return await start(taste()), flavour.get()

    assert finish(main) == (("Caramel", "Pistachio"), "Caramel")


def test_it_begins_in_the_context_that_it_is_given(start, finish):
    async def choose():
        flavour.set("Pistachio")

    async def main():
        context = contextvars.copy_context()
        await start(choose(), context=context)
        return context[flavour], flavour.get()

    assert finish(main) == ("Pistachio", "Vanilla")


def test_without_a_running_loop_it_begins_later(loop):
    task = asyncio.Task(brew(), loop=loop, eager_start=True)
    assert not task.done()
    assert loop.run_until_complete(task) == "Mocha"


def test_eager_tasks_may_be_nested(start, finish):
    async def nest(depth):
        if not depth:
            return [asyncio.current_task()]
        task = start(nest(depth - 1))
        return [asyncio.current_task(), *await task]

    async def main():
        return await start(nest(10))

    chain = finish(main)
    assert len(set(chain)) == 11


def test_done_callbacks_of_one_that_ended_at_once_run_in_the_next_turn(start, finish):
    seen = []

    async def main():
        start(brew()).add_done_callback(lambda task: seen.append(task.result()))
        before = list(seen)
        await asyncio.sleep(0)
        return before

    assert finish(main) == []
    assert seen == ["Mocha"]


def test_groups_and_gatherings_of_eager_tasks(loop, finish):
    async def main():
        loop.set_task_factory(asyncio.eager_task_factory)
        async with asyncio.TaskGroup() as group:
            done, waiting = group.create_task(brew()), group.create_task(brew(2, "Latte"))
        gathering = asyncio.gather(brew(), brew())
        return done.result(), waiting.result(), gathering.done(), await gathering

    assert finish(main) == ("Mocha", "Latte", True, ["Mocha", "Mocha"])


def test_one_that_waits_inside_of_another_tasks_step_waits_for_itself(loop, start):
    """Whichever task the loop's own is: the sleep and the gathering are the eager one's."""

    async def wait():
        await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        return await asyncio.gather(brew(1), asyncio.sleep(0.001, "Latte"))

    async def main():
        first, second = start(wait()), start(wait())
        return await first, await second

    assert loop.run_until_complete(main()) == (["Mocha", "Latte"], ["Mocha", "Latte"])


def test_a_sleep_that_was_made_outside_may_be_awaited_by_an_eager_task(loop, start):
    async def wait(sleep):
        return await sleep

    async def main():
        return await start(wait(asyncio.sleep(0.001, "Mocha")))

    assert loop.run_until_complete(main()) == "Mocha"


def test_one_that_ended_at_once_is_collected(start, finish):
    async def main():
        ref = weakref.ref(start(brew()))
        gc.collect()
        return ref()

    assert finish(main) is None


def test_its_coroutine_is_told(start, finish):
    async def main():
        coroutine = brew(1)
        task = start(coroutine)
        told = task.get_coro() is coroutine
        await task
        return told, task.get_coro() is coroutine

    assert finish(main) == (True, True)


if sys.version_info >= (3, 13):
    # Early patch releases of 3.12 crash here.

    def test_one_that_ended_at_once_has_no_coroutine_any_more(start, finish):
        async def main():
            return start(brew()).get_coro()

        assert finish(main) is None
