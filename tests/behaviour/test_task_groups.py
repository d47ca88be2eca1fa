"""Task groups: their own methods, and what a program puts in the place of those."""

import asyncio
import contextlib
import contextvars
import gc
import sys
import types
import weakref
from unittest import mock

import pytest

pytestmark = pytest.mark.usefixtures("names")

COFFEE = contextvars.ContextVar("COFFEE", default="Mocha")


async def brew(coffee="Mocha"):
    await asyncio.sleep(0)
    return coffee


async def spill():
    await asyncio.sleep(0)
    raise ZeroDivisionError("spilled")


async def group_of(count, make=asyncio.TaskGroup):
    async with make() as group:
        tasks = [group.create_task(brew(number)) for number in range(count)]
    return [task.result() for task in tasks]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_group_ends_when_its_tasks_have(loop, count):
    assert loop.run_until_complete(group_of(count)) == list(range(count))


def test_tasks_that_have_ended_are_no_longer_the_groups(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(brew())
            waiting = group.create_task(asyncio.Event().wait())
            await ended
            await asyncio.sleep(0)
            seen = set(group._tasks), repr(group)
            waiting.cancel()
        return seen, {waiting}, waiting.cancelled(), repr(group)

    (left, shown), expected, was_cancelled, shown_at_last = loop.run_until_complete(main())
    assert left == expected and was_cancelled
    assert shown == "<TaskGroup tasks=1 entered>" and shown_at_last == "<TaskGroup entered>"


def test_one_failure_cancels_the_others(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(asyncio.Event().wait()) for _ in range(2)]
            group.create_task(spill())
            try:
                await asyncio.Event().wait()
            finally:
                failures.append([task.cancelled() for task in others])

    failures = []
    with pytest.raises(ExceptionGroup) as raised:
        loop.run_until_complete(main())
    assert [type(error) for error in raised.value.exceptions] == [ZeroDivisionError]
    assert failures == [[True, True]]


def test_a_task_may_be_made_in_a_group_that_waits_for_others(loop):
    async def main():
        async def make():
            await asyncio.sleep(0)
            made.append(group.create_task(brew("late")))

        async with asyncio.TaskGroup() as group:
            group.create_task(make())
        return made[0].result()

    made = []
    assert loop.run_until_complete(main()) == "late"


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ("new", "has not been entered"),
        ("finished", "is finished"),
        ("aborting", "is shutting down"),
    ],
)
def test_a_group_that_takes_no_tasks_says_why(loop, state, text):
    async def main():
        group = asyncio.TaskGroup()
        with contextlib.closing(brew()) as coroutine:
            if state == "new":
                group.create_task(coroutine)
            with contextlib.suppress(asyncio.CancelledError):
                async with group:
                    if state == "aborting":
                        group._abort()
                        group.create_task(coroutine)
            group.create_task(coroutine)

    with pytest.raises((RuntimeError, ExceptionGroup)) as raised:
        loop.run_until_complete(main())
    errors = getattr(raised.value, "exceptions", [raised.value])
    assert text in str(errors[0])


def test_what_is_no_coroutine_is_refused_in_the_groups_own_frame(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task("Mocha")

    with pytest.raises(ExceptionGroup) as raised:
        loop.run_until_complete(main())
    (error,) = raised.value.exceptions
    frames = []
    traceback = error.__traceback__
    while traceback:
        frames.append(traceback.tb_frame.f_code.co_name)
        traceback = traceback.tb_next
    assert isinstance(error, TypeError) and "create_task" in frames


def test_a_name_and_a_context_are_the_tasks(loop):
    async def main():
        context = contextvars.copy_context()
        context.run(COFFEE.set, "Espresso")

        async def see():
            return COFFEE.get()

        async with asyncio.TaskGroup() as group:
            unnamed = group.create_task(see(), name=None, context=None)
            named = group.create_task(see(), name="order", context=context)
            numbered = group.create_task(see(), name=7)
        results = [task.result() for task in (unnamed, named, numbered)]
        return results, [task.get_name() for task in (named, numbered)]

    assert loop.run_until_complete(main()) == (["Mocha", "Espresso", "Mocha"], ["order", "7"])


def test_an_unknown_keyword_is_refused(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            with contextlib.closing(brew()) as coroutine:
                group.create_task(coroutine, sugar=True)

    with pytest.raises(ExceptionGroup) as raised:
        loop.run_until_complete(main())
    assert isinstance(raised.value.exceptions[0], TypeError)


class CountingGroup(asyncio.TaskGroup):
    def __init__(self):
        super().__init__()
        self.ended = 0

    def _on_task_done(self, task):
        self.ended += 1
        super()._on_task_done(task)

    def create_task(self, *args, **kwargs):
        self.made = getattr(self, "made", 0) + 1
        return super().create_task(*args, **kwargs)


def test_a_derived_class_has_its_own_methods_called(loop):
    group = CountingGroup()
    assert loop.run_until_complete(group_of(3, lambda: group)) == [0, 1, 2]
    assert (group.made, group.ended) == (3, 3)


@pytest.mark.parametrize("name", ["create_task", "_on_task_done"])
@pytest.mark.parametrize("where", ["class", "object"])
def test_a_mock_in_a_methods_place_is_called(loop, name, where):
    group = asyncio.TaskGroup()
    place = asyncio.TaskGroup if where == "class" else group
    theirs = getattr(place, name)
    with mock.patch.object(place, name, autospec=True, side_effect=theirs) as patched:
        assert loop.run_until_complete(group_of(2, lambda: group)) == [0, 1]
    assert patched.call_count == 2


def test_other_code_of_a_method_is_run(loop):
    def other(self, task, /):
        seen.append(task)
        original(self, task)

    seen = []
    method = asyncio.TaskGroup._on_task_done
    original = types.FunctionType(method.__code__, method.__globals__)
    # A method's code has as many free variables as before.
    code = (lambda self, task: SPY(self, task)).__code__
    method.__globals__["SPY"] = other
    theirs, method.__code__ = method.__code__, code
    try:
        assert loop.run_until_complete(group_of(2)) == [0, 1]
    finally:
        method.__code__ = theirs
        del method.__globals__["SPY"]
    assert len(seen) == 2


def test_a_task_shows_the_groups_method_among_its_callbacks(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(brew())
            return [function for function, _ in task._callbacks], group

    functions, group = loop.run_until_complete(main())
    assert functions == [group._on_task_done]


def test_a_removed_callback_isnt_called(loop, turn):
    async def main():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(brew())
            removed.append(task.remove_done_callback(group._on_task_done))
            group._tasks.discard(task)
        return task

    removed = []
    task = loop.run_until_complete(main())
    assert removed == [1] and not task.done()
    turn()
    turn()
    assert task.result() == "Mocha"


def test_set_of_tasks_that_isnt_one_is_asked(loop):
    class Tasks(set):
        def add(self, task):
            told.append("add")
            super().add(task)

        def discard(self, task):
            told.append("discard")
            super().discard(task)

    async def main():
        async with asyncio.TaskGroup() as group:
            group._tasks = Tasks()
            group.create_task(brew())

    told = []
    loop.run_until_complete(main())
    assert told == ["add", "discard"]


def test_a_task_factory_makes_a_groups_tasks(loop):
    def factory(loop, coroutine, **options):
        made.append(options)
        return asyncio.Task(coroutine, loop=loop, **options)

    made = []
    loop.set_task_factory(factory)
    assert loop.run_until_complete(group_of(2)) == [0, 1]
    assert len(made) == 3


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks came with Python 3.12")
def test_eager_tasks_end_within_the_group(loop):
    async def at_once(number):
        return number

    async def main():
        loop.set_task_factory(asyncio.eager_task_factory)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(at_once(number)) for number in range(2)]
            were_done = [task.done() for task in tasks]
        return were_done, [task.result() for task in tasks]

    assert loop.run_until_complete(main()) == ([True, True], [0, 1])


@pytest.mark.skipif(sys.version_info < (3, 14), reason="call graphs came with Python 3.14")
def test_the_parent_awaits_a_groups_tasks(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(brew())
            during = set(task._asyncio_awaited_by)
        return during, {asyncio.current_task()}, task._asyncio_awaited_by

    during, expected, afterwards = loop.run_until_complete(main())
    assert during == expected and not afterwards


def test_debug_mode_has_the_place_where_a_task_was_made(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            task = group.create_task(brew())
        return [frame.name for frame in task._source_traceback]

    loop.set_debug(True)
    assert "create_task" in loop.run_until_complete(main())


def test_a_group_that_has_ended_holds_no_task(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            task = weakref.ref(group.create_task(brew()))
        gc.collect()
        return group, task()

    assert loop.run_until_complete(main())[1] is None
