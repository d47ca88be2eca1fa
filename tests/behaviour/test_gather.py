"""`asyncio.gather`: results in the order of the arguments, from whatever can be awaited."""

import asyncio
import concurrent.futures
import gc
import inspect
import re
import sys
import weakref

import pytest

pytestmark = pytest.mark.usefixtures("names")


class Spilt(Exception):
    pass


async def brew(coffee="Mocha", turns=1):
    for _ in range(turns):
        await asyncio.sleep(0)
    return coffee


async def spill(turns=1):
    await brew(turns=turns)
    raise Spilt("milk")


class Order:
    """Awaitable, and neither a coroutine nor a future."""

    def __await__(self):
        yield
        return "ordered"


def test_results_stand_in_the_order_of_the_arguments(run):
    async def main():
        return await asyncio.gather(brew(1, 5), brew(2, 1), brew(3, 3), asyncio.sleep(0, 4))

    results = run(main)
    assert results == [1, 2, 3, 4]
    assert type(results) is list


def test_nothing_gathered_is_an_empty_list_at_once(run):
    async def main():
        gathering = asyncio.gather()
        assert isinstance(gathering, asyncio.Future)
        assert gathering.done()
        return await gathering

    assert run(main) == []


def test_all_kinds_of_awaitables_are_gathered(run):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        thread = concurrent.futures.Future()
        things = [
            brew("coroutine"),
            asyncio.create_task(brew("task")),
            future,
            Order(),
            asyncio.gather(brew("nested")),
            asyncio.shield(brew("shielded")),
            asyncio.wait_for(brew("limited"), None),
            asyncio.wrap_future(thread),
            asyncio.sleep(0, "slept"),
        ]
        loop.call_soon(future.set_result, "future")
        loop.call_soon(thread.set_result, "thread")
        return await asyncio.gather(*things)

    assert run(main) == [
        "coroutine", "task", "future", "ordered", ["nested"],
        "shielded", "limited", "thread", "slept",
    ]  # fmt: skip


def test_a_gathering_is_a_future_that_can_be_awaited_more_than_once(run):
    async def main():
        gathering = asyncio.gather(brew(1), brew(2))
        assert isinstance(gathering, asyncio.Future)
        assert gathering.get_loop() is asyncio.get_running_loop()
        assert not inspect.iscoroutine(gathering)
        return await gathering, await gathering, gathering.result()

    assert run(main) == ([1, 2], [1, 2], [1, 2])


def test_a_gathering_shows_itself_as_one(run):
    async def main():
        gathering = asyncio.gather(brew())
        shown = repr(gathering)
        await gathering
        return shown, repr(gathering)

    before, after = run(main)
    # Callbacks of its own may follow, where the interpreter keeps track of who awaits whom.
    assert re.fullmatch(r"<_GatheringFuture pending(?: cb=\[.*\])?>", before)
    assert after == "<_GatheringFuture finished result=['Mocha']>"


def test_the_same_coroutine_twice_runs_once(run):
    ran = []

    async def note():
        ran.append(True)
        return "noted"

    async def main():
        coroutine = note()
        return await asyncio.gather(coroutine, brew(), coroutine)

    assert run(main) == ["noted", "Mocha", "noted"]
    assert ran == [True]


def test_the_same_future_twice_is_waited_for_once(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        gathering = asyncio.gather(future, future, future)
        future.set_result("Mocha")
        return await gathering

    assert run(main) == ["Mocha"] * 3


def test_futures_that_are_done_are_gathered(run):
    async def main():
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(3)]
        for number, future in enumerate(futures):
            future.set_result(number)
        gathering = asyncio.gather(*futures)
        # Since 3.12 that needs no turn.
        assert gathering.done() is (sys.version_info >= (3, 12))
        return await gathering

    assert run(main) == [0, 1, 2]


def test_done_and_pending_ones_are_gathered_together(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        future.set_result("done")
        gathering = asyncio.gather(brew(1), future, brew(2))
        assert not gathering.done()
        return await gathering

    assert run(main) == [1, "done", 2]


def test_coroutines_become_tasks_in_the_order_of_the_arguments(run):
    seen = []

    async def note(number):
        seen.append(number)

    async def main():
        await asyncio.gather(*(note(number) for number in range(10)))

    run(main)
    assert seen == list(range(10))


def test_the_first_exception_is_raised_and_the_others_go_on(run):
    ended = []

    async def late(turns):
        await brew(turns=turns)
        ended.append(turns)

    async def main():
        with pytest.raises(Spilt):
            await asyncio.gather(late(9), spill(2), late(8), spill(10))
        before = list(ended)
        for _ in range(10):
            await asyncio.sleep(0)
        return before

    assert run(main) == []
    assert ended == [8, 9]


def test_the_exception_is_the_childs_own(run):
    async def main():
        task = asyncio.create_task(spill())
        with pytest.raises(Spilt) as failed:
            await asyncio.gather(brew(), task)
        return failed.value is task.exception()

    assert run(main)


def test_exceptions_may_be_results(run):
    async def main():
        return await asyncio.gather(brew(), spill(), brew("Latte", 3), return_exceptions=True)

    coffee, error, late = run(main)
    assert (coffee, late) == ("Mocha", "Latte")
    assert isinstance(error, Spilt)


def test_later_exceptions_are_not_told_as_never_retrieved(run, log):
    async def main():
        with pytest.raises(Spilt):
            await asyncio.gather(spill(1), spill(2), spill(3))
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()

    run(main)
    assert log.take() == []


def test_an_exception_that_nobody_awaits_is_told(run, log):
    async def main():
        gathering = asyncio.gather(spill())
        await asyncio.wait([gathering])
        del gathering
        gc.collect()

    run(main)
    first_line, *_, future_line = log.take_one().getMessage().splitlines()
    assert first_line == "_GatheringFuture exception was never retrieved"
    assert future_line == "future: <_GatheringFuture finished exception=Spilt('milk')>"


def test_gatherings_may_be_nested(run):
    async def main():
        return await asyncio.gather(
            asyncio.gather(brew(1, 3), asyncio.gather(brew(2), asyncio.gather())),
            asyncio.gather(spill(), return_exceptions=True),
        )

    (one, (two, empty)), (error,) = run(main)
    assert (one, two, empty) == (1, 2, [])
    assert isinstance(error, Spilt)


def test_thousands_are_gathered(run):
    async def main():
        return await asyncio.gather(*(asyncio.sleep(0, number) for number in range(2000)))

    assert run(main) == list(range(2000))


def test_a_gathering_lets_go_of_its_results(run):
    class Result:
        pass

    async def make():
        await asyncio.sleep(0)
        return Result()

    async def main():
        refs = [weakref.ref(each) for each in await asyncio.gather(make(), make())]
        await asyncio.sleep(0)
        gc.collect()
        return [ref() for ref in refs]

    assert run(main) == [None, None]


def test_a_gathering_that_is_dropped_lets_its_children_run(run):
    seen = []

    async def note(number):
        await asyncio.sleep(0)
        seen.append(number)

    async def main():
        asyncio.gather(note(1), note(2))
        gc.collect()
        for _ in range(3):
            await asyncio.sleep(0)

    run(main)
    assert seen == [1, 2]
