"""Tasks, futures and what asyncio builds on them, driven by the loop."""

import asyncio
import contextvars
import sys

import pytest

flavour = contextvars.ContextVar("flavour", default="Vanilla")


async def brew(coffee="Mocha"):
    await asyncio.sleep(0)
    return coffee


async def endless():
    await asyncio.get_running_loop().create_future()


def test_a_task_runs_its_coroutine_on_the_loop(loop):
    task = loop.create_task(brew())
    assert isinstance(task, asyncio.Task)
    assert task.get_loop() is loop
    assert not task.done()
    assert loop.run_until_complete(task) == "Mocha"


def test_a_task_starts_in_the_turn_after_it_was_made(loop, turn):
    seen = []

    async def note():
        seen.append("started")

    task = loop.create_task(note())
    assert seen == []
    turn()
    assert seen == ["started"]
    assert task.done()


def test_a_task_bears_the_name_that_it_is_given(loop):
    task = loop.create_task(brew(), name="barista")
    assert task.get_name() == "barista"
    assert loop.create_task(brew(), name=None).get_name().startswith("Task-")
    loop.run_until_complete(asyncio.gather(*asyncio.all_tasks(loop)))


def test_a_task_runs_in_a_copy_of_the_current_context(loop):
    async def replace_flavour():
        before = flavour.get()
        flavour.set("Pistachio")
        return before

    context = contextvars.copy_context()
    context.run(flavour.set, "Caramel")
    task = context.run(loop.create_task, replace_flavour())
    assert loop.run_until_complete(task) == "Caramel"
    assert context.run(flavour.get) == "Caramel"


def test_a_task_runs_in_the_context_that_it_is_given(loop):
    async def replace_flavour():
        await asyncio.sleep(0)
        flavour.set("Pistachio")

    context = contextvars.copy_context()
    loop.run_until_complete(loop.create_task(replace_flavour(), context=context))
    assert context.run(flavour.get) == "Pistachio"
    assert flavour.get() == "Vanilla"


if sys.version_info >= (3, 14):

    def test_a_task_can_be_started_at_once(loop):
        async def main():
            seen = []

            async def note():
                seen.append("started")

            task = loop.create_task(note(), eager_start=True, name="eager")
            assert seen == ["started"]
            return task.done(), task.get_name()

        assert loop.run_until_complete(main()) == (True, "eager")


def test_an_unknown_keyword_for_a_task_is_refused(loop):
    coroutine = brew()
    with pytest.raises(TypeError, match="flavour"):
        loop.create_task(coroutine, flavour="Caramel")
    coroutine.close()


def test_what_is_no_coroutine_cannot_become_a_task(loop):
    with pytest.raises(TypeError, match="^a coroutine was expected, got 42$"):
        loop.create_task(42)


def test_all_tasks_of_the_loop_are_known_and_the_current_one_too(run):
    async def main():
        task = asyncio.create_task(endless())
        await asyncio.sleep(0)
        known = asyncio.all_tasks() == {task, asyncio.current_task()}
        task.cancel()
        return known

    assert run(main)


def test_a_future_of_the_loop_is_the_interpreters_own(loop):
    future = loop.create_future()
    assert isinstance(future, asyncio.Future)
    assert future.get_loop() is loop
    assert not future.done()


def test_done_callbacks_run_in_the_next_turn_in_their_order(loop, turn):
    seen = []
    future = loop.create_future()
    future.add_done_callback(lambda future: seen.append("first"))
    future.add_done_callback(lambda future: seen.append("second"))
    future.set_result(None)
    assert seen == []
    turn()
    assert seen == ["first", "second"]


def test_a_task_factory_makes_the_tasks(loop):
    made = []

    def factory(loop, coroutine, **keywords):
        made.append(coroutine)
        return asyncio.Task(coroutine, loop=loop, **keywords)

    loop.set_task_factory(factory)
    assert loop.get_task_factory() is factory
    context = contextvars.copy_context()
    context.run(flavour.set, "Caramel")

    async def taste():
        return flavour.get()

    coroutine = taste()
    task = loop.create_task(coroutine, name="barista", context=context)
    assert made == [coroutine]
    assert task.get_name() == "barista"
    assert loop.run_until_complete(task) == "Caramel"


def test_a_task_factory_is_called_with_the_loop_and_the_coroutine(loop):
    calls = []

    def factory(*arguments, **keywords):
        calls.append(arguments)
        return asyncio.Task(arguments[1], loop=arguments[0])

    loop.set_task_factory(factory)
    coroutine = brew()
    loop.run_until_complete(coroutine)
    assert calls == [(loop, coroutine)]


def test_a_task_factory_of_none_is_the_default(loop):
    assert loop.get_task_factory() is None
    loop.set_task_factory(lambda loop, coroutine, **keywords: None)
    loop.set_task_factory(None)
    assert loop.get_task_factory() is None
    assert loop.run_until_complete(brew()) == "Mocha"


def test_a_task_factory_that_is_not_callable_is_refused(loop):
    with pytest.raises(TypeError, match="^task factory must be a callable or None$"):
        loop.set_task_factory("factory")


if sys.version_info >= (3, 12):

    def test_the_eager_factory_starts_tasks_at_once(loop):
        loop.set_task_factory(asyncio.eager_task_factory)

        async def main():
            seen = []

            async def note():
                seen.append("started")
                await asyncio.sleep(0)
                seen.append("ended")

            task = asyncio.create_task(note(), name="eager")
            assert seen == ["started"]
            await task
            return seen, task.get_name()

        assert loop.run_until_complete(main()) == (["started", "ended"], "eager")


def test_gathering_gives_results_in_the_order_of_the_arguments(virtual_time, run):
    async def after(seconds):
        await asyncio.sleep(seconds)
        return seconds

    async def main():
        return await asyncio.gather(after(3), after(1), after(2))

    assert run(main) == [3, 1, 2]


def test_a_wait_that_takes_too_long_times_out_and_cancels(virtual_time, run):
    ended = []

    async def slow():
        try:
            await endless()
        finally:
            ended.append("cancelled")

    async def main():
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(slow(), 20)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(40):
                await slow()
        return await asyncio.wait_for(brew(), 60), asyncio.get_running_loop().time()

    assert run(main) == ("Mocha", 60)
    assert ended == ["cancelled", "cancelled"]


def test_a_task_group_cancels_the_rest_when_one_fails(run):
    ended = []

    async def slow():
        try:
            await endless()
        finally:
            ended.append("cancelled")

    async def spill():
        await asyncio.sleep(0)
        raise ValueError("spilt")

    async def main():
        with pytest.raises(ExceptionGroup) as failed:
            async with asyncio.TaskGroup() as group:
                group.create_task(slow())
                group.create_task(spill())
        return [str(error) for error in failed.value.exceptions]

    assert run(main) == ["spilt"]
    assert ended == ["cancelled"]


def test_cancelling_a_sleeping_task_ends_it_at_once(run):
    async def main():
        task = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(0)
        task.cancel("no more coffee")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return cancelled.value.args

    assert run(main) == ("no more coffee",)


def test_a_queue_hands_things_from_one_task_to_another(run):
    async def main():
        queue = asyncio.Queue(1)

        async def produce():
            for number in range(100):
                await queue.put(number)

        async def consume():
            return [await queue.get() for _ in range(100)]

        _, received = await asyncio.gather(produce(), consume())
        return received

    assert run(main) == list(range(100))


def test_an_event_wakes_everyone_who_waits_for_it(run):
    async def main():
        event = asyncio.Event()
        waiting = [asyncio.create_task(event.wait()) for _ in range(10)]
        await asyncio.sleep(0)
        event.set()
        return await asyncio.gather(*waiting)

    assert run(main) == [True] * 10


def test_a_lock_is_had_by_one_task_at_a_time_in_the_order_of_asking(run):
    seen = []

    async def main():
        lock = asyncio.Lock()

        async def use(name):
            async with lock:
                seen.append(f"{name} in")
                await asyncio.sleep(0)
                seen.append(f"{name} out")

        await asyncio.gather(use("a"), use("b"))

    run(main)
    assert seen == ["a in", "a out", "b in", "b out"]


@pytest.mark.slow
def test_ten_thousand_tasks_run_to_their_end(run):
    async def main():
        return sum(await asyncio.gather(*(asyncio.sleep(0, 1) for _ in range(10_000))))

    assert run(main) == 10_000
