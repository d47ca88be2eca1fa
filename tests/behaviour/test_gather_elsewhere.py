"""Gathering outside of a running loop, of things of two loops, and of what can't be gathered."""

import asyncio
import concurrent.futures
import contextlib
import inspect

import pytest

pytestmark = pytest.mark.usefixtures("names")


async def brew(coffee="Mocha"):
    await asyncio.sleep(0)
    return coffee


def test_futures_of_two_loops_cannot_be_gathered(new_loop):
    with contextlib.closing(new_loop()) as one, contextlib.closing(new_loop()) as other:
        with pytest.raises(
            ValueError,
            match="^The future belongs to a different loop than the one specified as the loop arg",
        ):
            asyncio.gather(one.create_future(), other.create_future())


def test_futures_alone_are_gathered_without_a_running_loop(loop, turn):
    futures = [loop.create_future() for _ in range(2)]
    gathering = asyncio.gather(*futures)
    assert gathering.get_loop() is loop
    for future in futures:
        future.set_result("Mocha")
    turn()
    assert gathering.result() == ["Mocha", "Mocha"]


def test_a_future_decides_on_whose_loop_the_coroutines_behind_it_run(loop):
    future = loop.create_future()
    future.set_result("first")
    gathering = asyncio.gather(future, brew())
    assert loop.run_until_complete(gathering) == ["first", "Mocha"]


def test_outside_of_a_loop_coroutines_run_on_the_threads_loop(loop):
    asyncio.set_event_loop(loop)
    try:
        gathering = asyncio.gather(brew(), asyncio.sleep(0, "slept"))
        empty = asyncio.gather()
    finally:
        asyncio.set_event_loop(None)
    assert empty.get_loop() is loop
    assert loop.run_until_complete(gathering) == ["Mocha", "slept"]


@pytest.mark.parametrize("given", [0, 1])
def test_in_a_thread_without_any_loop_there_is_nothing_to_gather_on(names, given):
    def gather():
        with contextlib.ExitStack() as unused:
            coroutines = [
                unused.enter_context(contextlib.closing(brew())) for _ in range(given)
            ]
            with pytest.raises(RuntimeError, match="^There is no current event loop in thread"):
                asyncio.gather(*coroutines)
        return "refused"

    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        assert thread.submit(gather).result() == "refused"


@pytest.mark.parametrize("thing", [42, "coffee", None])
def test_what_cannot_be_awaited_is_refused(run, thing):
    async def main():
        with pytest.raises(
            TypeError, match="^An asyncio.Future, a coroutine or an awaitable is required$"
        ):
            asyncio.gather(thing)

    run(main)


def test_what_cannot_be_a_key_is_refused(run):
    async def main():
        with pytest.raises(TypeError, match="unhashable type: 'list'"):
            asyncio.gather([])

    run(main)


def test_an_unknown_keyword_is_refused(run):
    async def main():
        with pytest.raises(TypeError, match="unexpected keyword argument 'loop'"):
            asyncio.gather(loop=None)

    run(main)


def test_the_function_tells_its_name_and_signature(names):
    assert asyncio.gather is asyncio.tasks.gather
    assert asyncio.gather.__name__ == "gather"
    assert asyncio.gather.__doc__.startswith("Return a future aggregating results")
    assert str(inspect.signature(asyncio.gather)) == "(*coros_or_futures, return_exceptions=False)"
    assert not inspect.iscoroutinefunction(asyncio.gather)
