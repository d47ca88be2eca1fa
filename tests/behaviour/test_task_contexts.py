"""Context variables in tasks: what each sees, what it shares, and what it must not change."""

import asyncio
import contextvars
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

flavour = contextvars.ContextVar("flavour", default="Vanilla")
cups = contextvars.ContextVar("cups", default=0)


def with_flavour(value):
    context = contextvars.copy_context()
    context.run(flavour.set, value)
    return context


async def taste(turns=1):
    for _ in range(turns):
        await asyncio.sleep(0)
    return flavour.get()


def test_a_task_sees_what_was_set_before_it_was_made_and_nothing_later(run):
    async def main():
        flavour.set("Caramel")
        task = asyncio.create_task(taste())
        flavour.set("Pistachio")
        later = asyncio.create_task(taste())
        return await task, await later

    assert run(main) == ("Caramel", "Pistachio")


def test_what_a_task_sets_is_its_own(run):
    async def guest(value):
        before = flavour.get()
        flavour.set(value)
        await asyncio.sleep(0)
        return before, flavour.get()

    async def main():
        flavour.set("Caramel")
        seen = await asyncio.gather(*(guest(number) for number in range(3)))
        return seen, flavour.get()

    assert run(main) == ([("Caramel", number) for number in range(3)], "Caramel")


def test_what_is_set_lasts_across_awaits_of_every_kind(run):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        loop.call_soon(future.set_result, None)
        waits = [
            asyncio.sleep(0),
            asyncio.sleep(1e-9),
            future,
            asyncio.create_task(taste()),
            asyncio.gather(taste(), taste()),
            asyncio.shield(asyncio.create_task(taste())),
            asyncio.wait_for(taste(), 3600),
            asyncio.wait([asyncio.create_task(taste())]),
        ]
        for number, wait in enumerate(waits):
            token = cups.set(number)
            await wait
            assert cups.get() == number
            cups.reset(token)
        return cups.get()

    assert run(main) == 0


def test_a_variable_set_after_an_await_is_the_tasks_own_too(run):
    """Also if the task shared a context with others until then."""

    async def guest(number):
        await asyncio.sleep(0)
        cups.set(number)
        await asyncio.sleep(0)
        return cups.get()

    async def main():
        return await asyncio.gather(*(guest(number) for number in range(10))), cups.get()

    assert run(main) == (list(range(10)), 0)


def test_a_reset_after_awaits_takes_the_value_back(run):
    async def main():
        token = flavour.set("Caramel")
        await asyncio.sleep(0)
        inner = flavour.set("Pistachio")
        await asyncio.sleep(1e-9)
        flavour.reset(inner)
        first = flavour.get()
        await asyncio.gather(taste())
        flavour.reset(token)
        return first, flavour.get()

    assert run(main) == ("Caramel", "Vanilla")


def test_a_task_that_is_given_no_context_takes_the_current_one(loop):
    task = with_flavour("Caramel").run(loop.create_task, taste(), context=None)
    assert loop.run_until_complete(task) == "Caramel"


if sys.version_info >= (3, 15):

    @pytest.mark.parametrize("context", ["Caramel", {}, 42])
    def test_what_is_no_context_is_refused(loop, context):
        coroutine = taste()
        with pytest.raises(TypeError, match="^a contextvars.Context was expected, got "):
            loop.create_task(coroutine, context=context)
        coroutine.close()


def test_running_in_a_context_within_a_task_is_the_contexts_business(run):
    async def main():
        context = with_flavour("Caramel")

        def look_and_change():
            before = flavour.get()
            flavour.set("Pistachio")
            return before, asyncio.current_task() is task

        task = asyncio.current_task()
        seen = context.run(look_and_change)
        await asyncio.sleep(0)
        return seen, flavour.get(), context[flavour]

    assert run(main) == (("Caramel", True), "Vanilla", "Pistachio")


def test_a_task_made_within_context_run_sees_that_context(run):
    async def main():
        task = with_flavour("Caramel").run(asyncio.create_task, taste())
        gathering = with_flavour("Pistachio").run(asyncio.gather, taste(), taste())
        return await task, await gathering

    assert run(main) == ("Caramel", ["Pistachio", "Pistachio"])


def test_callbacks_that_a_task_schedules_see_its_values_of_that_moment(run):
    async def main():
        loop = asyncio.get_running_loop()
        seen = []
        flavour.set("Caramel")
        loop.call_soon(lambda: seen.append(flavour.get()))
        loop.call_later(0, lambda: seen.append(flavour.get()))
        flavour.set("Pistachio")
        loop.call_soon(lambda: seen.append(flavour.get()))
        loop.call_soon(flavour.set, "Mint")
        for _ in range(3):
            await asyncio.sleep(0)
        return sorted(seen), flavour.get()

    assert run(main) == (["Caramel", "Caramel", "Pistachio"], "Pistachio")


def test_a_copy_of_a_tasks_context_is_a_snapshot(run):
    async def main():
        flavour.set("Caramel")
        snapshot = contextvars.copy_context()
        flavour.set("Pistachio")
        await asyncio.sleep(0)
        return snapshot[flavour], contextvars.copy_context()[flavour]

    assert run(main) == ("Caramel", "Pistachio")


def test_a_thread_gets_a_copy_of_the_tasks_context(run):
    async def main():
        flavour.set("Caramel")

        def in_a_thread():
            before = flavour.get()
            flavour.set("Pistachio")
            return before

        return await asyncio.to_thread(in_a_thread), flavour.get()

    assert run(main) == ("Caramel", "Caramel")


def test_a_runner_keeps_what_its_main_task_sets(new_loop):
    async def choose():
        flavour.set("Caramel")

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(choose())
        assert runner.run(taste()) == "Caramel"
    assert flavour.get() == "Vanilla"
