"""Who makes tasks and futures: factories, and loops that override how they make them."""

import asyncio
import contextlib
import contextvars
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


async def brew(coffee="Mocha"):
    await asyncio.sleep(0)
    return coffee


class Marked(asyncio.Task):
    """A task that shows who made it."""


class MarkedFuture(asyncio.Future):
    pass


async def in_a_group():
    async with asyncio.TaskGroup() as group:
        task = group.create_task(brew())
    return [task]


async def gathered():
    gathering = asyncio.gather(brew(), brew())
    made = asyncio.all_tasks() - {asyncio.current_task()}
    await gathering
    return list(made)


async def created():
    task = asyncio.create_task(brew())
    await task
    return [task]


async def ensured():
    task = asyncio.ensure_future(brew())
    await task
    return [task]


async def shielded():
    shield = asyncio.shield(brew())
    made = asyncio.all_tasks() - {asyncio.current_task()}
    await shield
    return list(made)


async def completed():
    made = []
    for waiting in asyncio.as_completed([brew(), brew()]):
        made += asyncio.all_tasks() - {asyncio.current_task()}
        await waiting
    return made


async def threadsafe():
    loop = asyncio.get_running_loop()
    made = []

    async def current():
        made.append(asyncio.current_task())

    await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(current(), loop))
    return made


# Every way in which asyncio makes tasks of coroutines.
WAYS = [in_a_group, gathered, created, ensured, shielded, completed, threadsafe]


@pytest.mark.parametrize("way", WAYS)
def test_a_factory_makes_every_task(loop, way):
    loop.set_task_factory(lambda loop, coro, **kw: Marked(coro, loop=loop, **kw))
    made = loop.run_until_complete(way())
    assert made
    assert {type(task) for task in made} == {Marked}


@pytest.mark.parametrize("way", WAYS)
def test_an_overridden_create_task_makes_every_task(loop_class, way):
    class Loop(loop_class):
        def create_task(self, coro, **keywords):
            return Marked(coro, loop=self, **keywords)

    with contextlib.closing(Loop()) as loop:
        made = loop.run_until_complete(way())
    assert made
    assert {type(task) for task in made} == {Marked}


@pytest.mark.parametrize("way", WAYS)
def test_a_create_task_put_in_place_of_a_loops_own_makes_every_task(loop, way):
    # As tools that watch a program do, on the one loop that there is.
    own = loop.create_task
    made = []

    def create_task(coro, **keywords):
        task = own(coro, **keywords)
        made.append(task)
        return task

    loop.create_task = create_task
    assert set(loop.run_until_complete(way())) <= set(made)


def test_a_create_task_of_a_subclass_may_call_the_loops_own(loop_class):
    calls = []

    class Loop(loop_class):
        def create_task(self, coro, *, name=None, **keywords):
            calls.append(name)
            return super().create_task(coro, name=f"own {name}", **keywords)

    async def main():
        return (await asyncio.create_task(named(), name="a")), await asyncio.gather(named())

    async def named():
        return asyncio.current_task().get_name()

    with contextlib.closing(Loop()) as loop:
        names = loop.run_until_complete(main())
    # The main task first.  Before 3.13 a name was given to the task when it had been made.
    if sys.version_info >= (3, 13):
        assert (names, calls) == (("own a", ["own None"]), [None, "a", None])
    else:
        assert (names, calls) == (("a", ["own None"]), [None, None, None])


FUTURE_WAYS = {
    "sleep": lambda loop: asyncio.sleep(1e-9),
    "wait": lambda loop: asyncio.wait([loop.create_task(brew())]),
    "event": lambda loop: waited(loop, asyncio.Event()),
    "queue": lambda loop: asyncio.wait_for(got(loop, asyncio.Queue()), None),
    "shield": lambda loop: shielding(loop),
}


async def waited(loop, event):
    loop.call_soon(event.set)
    await event.wait()


async def got(loop, queue):
    loop.call_soon(queue.put_nowait, "cup")
    await queue.get()


async def shielding(loop):
    await asyncio.shield(loop.create_task(brew()))


@pytest.mark.parametrize("way", FUTURE_WAYS.values(), ids=FUTURE_WAYS)
def test_an_overridden_create_future_makes_what_asyncio_waits_for(loop_class, way):
    made = []

    class Loop(loop_class):
        def create_future(self):
            made.append(MarkedFuture(loop=self))
            return made[-1]

    with contextlib.closing(Loop()) as loop:
        loop.run_until_complete(way(loop))
    assert made
    assert all(future.done() for future in made)


def test_a_factory_gets_what_create_task_was_given(loop):
    given = []

    def factory(loop, coro, **keywords):
        given.append(keywords)
        return asyncio.Task(coro, loop=loop, **keywords)

    loop.set_task_factory(factory)
    context = contextvars.copy_context()
    task = loop.create_task(brew(), name="barista", context=context)
    assert task.get_name() == "barista"
    (keywords,) = given
    assert keywords["context"] is context
    if sys.version_info >= (3, 14):
        # Before, the name was given to the task afterwards.
        assert keywords["name"] == "barista"
    loop.run_until_complete(task)


def test_a_factory_may_make_what_is_no_task(loop):
    class Kind(asyncio.Future):
        def get_name(self):
            return "kind"

        def set_name(self, name):
            pass

    def factory(loop, coro, **keywords):
        coro.close()
        kind = Kind(loop=loop)
        loop.call_soon(kind.set_result, "of another kind")
        return kind

    async def main():
        return await asyncio.create_task(brew())

    coroutine = main()
    task = asyncio.Task(coroutine, loop=loop)
    loop.set_task_factory(factory)
    assert loop.run_until_complete(task) == "of another kind"


def test_a_factory_that_fails_lets_its_error_out_and_the_coroutine_unused(loop):
    def factory(loop, coro, **keywords):
        raise ArithmeticError("no hands")

    loop.set_task_factory(factory)
    coroutine = brew()
    with pytest.raises(ArithmeticError, match="^no hands$"):
        loop.create_task(coroutine)
    coroutine.close()


def test_a_factory_that_fails_within_a_gathering_lets_its_error_out(loop):
    def factory(loop, coro, **keywords):
        coro.close()
        raise ArithmeticError("no hands")

    async def main():
        loop.set_task_factory(factory)
        with pytest.raises(ArithmeticError, match="^no hands$"):
            asyncio.gather(brew())

    loop.run_until_complete(main())


def test_tasks_of_a_factory_and_of_none_are_awaited_alike(loop):
    async def main():
        first = asyncio.create_task(brew(1))
        loop.set_task_factory(lambda loop, coro, **kw: Marked(coro, loop=loop, **kw))
        second = asyncio.create_task(brew(2))
        loop.set_task_factory(None)
        third = asyncio.create_task(brew(3))
        kinds = [type(task) is Marked for task in (first, second, third)]
        return kinds, await asyncio.gather(third, second, first)

    assert loop.run_until_complete(main()) == ([False, True, False], [3, 2, 1])


def test_a_task_of_pure_python_from_a_factory_is_as_good(loop):
    loop.set_task_factory(lambda loop, coro, **kw: asyncio.tasks._PyTask(coro, loop=loop, **kw))

    async def guest():
        await asyncio.sleep(AN_HOUR)

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        task.cancel("closed")
        with pytest.raises(asyncio.CancelledError, match="^closed$"):
            await task
        return await asyncio.gather(brew(), asyncio.sleep(0, "slept"), asyncio.shield(brew()))

    assert loop.run_until_complete(main()) == ["Mocha", "slept", "Mocha"]
