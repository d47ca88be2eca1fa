"""What tasks and futures of the loop are instances of, and what they may be the bases of."""

import asyncio
import collections.abc
import concurrent.futures
import inspect
import types
import weakref

import pytest


async def brew(coffee="Mocha"):
    await asyncio.sleep(0)
    return coffee


@pytest.fixture
def future(loop):
    return loop.create_future()


@pytest.fixture
def task(loop):
    task = loop.create_task(brew())
    yield task
    loop.run_until_complete(task)


def test_a_future_of_the_loop_is_an_asyncio_future_and_no_task(future):
    assert isinstance(future, asyncio.Future)
    assert isinstance(future, asyncio.futures.Future)
    assert not isinstance(future, asyncio.Task)
    assert not isinstance(future, concurrent.futures.Future)


def test_a_task_of_the_loop_is_an_asyncio_task_and_future(task):
    assert isinstance(task, asyncio.Task)
    assert isinstance(task, asyncio.tasks.Task)
    assert isinstance(task, asyncio.Future)


def test_their_classes_are_subclasses_of_asyncios(future, task):
    assert issubclass(type(future), asyncio.Future)
    assert issubclass(type(task), asyncio.Task)
    assert issubclass(type(task), asyncio.Future)
    assert not issubclass(type(future), asyncio.Task)


def test_their_classes_have_asyncios_names(future, task):
    # `repr` shows the name, and programs match on it.
    assert type(future).__name__ == "Future"
    assert type(task).__name__ == "Task"


def test_asyncio_takes_both_for_futures(future, task):
    assert asyncio.isfuture(future)
    assert asyncio.isfuture(task)
    assert asyncio.ensure_future(future) is future
    assert asyncio.ensure_future(task) is task


def test_neither_is_a_coroutine(future, task):
    for each in future, task:
        assert not asyncio.iscoroutine(each)
        assert not inspect.iscoroutine(each)
        assert not isinstance(each, collections.abc.Coroutine)


def test_both_can_be_awaited(future, task):
    for each in future, task:
        assert inspect.isawaitable(each)
        assert isinstance(each, collections.abc.Awaitable)


def test_a_future_can_be_iterated_as_old_coroutines_did(loop, future):
    @types.coroutine
    def wait():
        return (yield from future)

    loop.call_soon(future.set_result, "Mocha")
    assert loop.run_until_complete(wait()) == "Mocha"


def test_their_classes_can_be_parametrised_in_annotations(future, task):
    assert type(future)[int].__args__ == (int,)
    assert type(task)[int].__args__ == (int,)
    assert asyncio.Future[int].__origin__ is asyncio.Future
    assert asyncio.Task[int].__origin__ is asyncio.Task


def test_each_is_equal_to_itself_alone_and_can_be_a_key(loop, future, task):
    other = loop.create_future()
    assert future == future
    assert future != other
    assert task != future
    assert {future: 1, other: 2, task: 3}[other] == 2


def test_classes_can_tell_them_apart_in_a_match(future, task):
    def name(thing):
        match thing:
            case asyncio.Task():
                return "task"
            case asyncio.Future():
                return "future"

    assert [name(task), name(future)] == ["task", "future"]


def test_both_take_attributes(future, task):
    for each in future, task:
        each.barista = "Ada"
        assert each.barista == "Ada"
        del each.barista
        assert not hasattr(each, "barista")


def test_both_can_be_referenced_weakly(future, task):
    for each in future, task:
        assert weakref.ref(each)() is each


def test_a_task_made_by_its_class_runs_on_the_loop_that_it_is_given(loop):
    task = asyncio.Task(brew(), loop=loop, name="barista")
    assert task.get_loop() is loop
    assert task.get_name() == "barista"
    assert loop.run_until_complete(task) == "Mocha"


def test_a_future_made_by_its_class_belongs_to_the_loop_that_it_is_given(loop):
    future = asyncio.Future(loop=loop)
    assert future.get_loop() is loop
    loop.call_soon(future.set_result, "Mocha")
    assert loop.run_until_complete(future) == "Mocha"


def test_made_within_the_loop_both_belong_to_it(run):
    async def main():
        loop = asyncio.get_running_loop()
        future = asyncio.Future()
        task = asyncio.Task(brew())
        owners = future.get_loop() is loop, task.get_loop() is loop
        return owners, await task

    assert run(main) == ((True, True), "Mocha")


def test_a_task_made_by_its_class_within_one_of_the_loop_is_awaited_like_any(run):
    async def main():
        made = asyncio.Task(brew("Latte")), asyncio.create_task(brew("Mocha"))
        return await asyncio.gather(*made), await made[0], await asyncio.wait_for(made[1], 60)

    assert run(main) == (["Latte", "Mocha"], "Latte", "Mocha")


def test_the_interpreters_own_pure_python_task_runs_on_the_loop(loop):
    task = asyncio.tasks._PyTask(brew(), loop=loop)
    assert loop.run_until_complete(task) == "Mocha"


def test_a_task_may_wait_for_futures_of_every_kind(run):
    async def main():
        loop = asyncio.get_running_loop()
        waited_for = [
            loop.create_future(),
            asyncio.Future(),
            asyncio.futures._PyFuture(loop=loop),
            asyncio.wrap_future(concurrent.futures.Future()),
        ]
        for number, future in enumerate(waited_for):
            loop.call_soon(future.set_result, number)
        return [await future for future in waited_for]

    assert run(main) == [0, 1, 2, 3]


def test_what_asyncios_functions_hand_back_is_of_asyncios_classes(run):
    async def main():
        loop = asyncio.get_running_loop()
        gathered = asyncio.gather(brew(), brew())
        shielded = asyncio.shield(loop.create_future())
        wrapped = asyncio.wrap_future(concurrent.futures.Future())
        made = [gathered, shielded, wrapped, loop.run_in_executor(None, int)]
        kinds = [
            (isinstance(each, asyncio.Future), isinstance(each, asyncio.Task)) for each in made
        ]
        await gathered
        await made[-1]
        return kinds

    assert run(main) == [(True, False)] * 4
