"""A sleep is a coroutine, to whoever asks and to whoever drives it by hand."""

import asyncio
import collections.abc
import contextlib
import gc
import inspect
import types
import unittest.mock
import weakref

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


@pytest.fixture
def sleep(names):
    with contextlib.closing(asyncio.sleep(AN_HOUR, "Mocha")) as sleep:
        yield sleep


@pytest.fixture
def nap(names):
    with contextlib.closing(asyncio.sleep(0, "Mocha")) as nap:
        yield nap


def test_a_sleep_is_a_coroutine(sleep):
    assert inspect.iscoroutine(sleep)
    assert asyncio.iscoroutine(sleep)
    assert inspect.isawaitable(sleep)
    assert isinstance(sleep, types.CoroutineType)
    assert isinstance(sleep, collections.abc.Coroutine)
    assert isinstance(sleep, collections.abc.Awaitable)


def test_a_sleep_is_no_future_and_no_generator(sleep):
    assert not asyncio.isfuture(sleep)
    assert not inspect.isgenerator(sleep)
    assert not inspect.isasyncgen(sleep)
    assert not isinstance(sleep, collections.abc.Iterator)
    with pytest.raises(TypeError):
        iter(sleep)


def test_the_function_is_a_coroutine_function(names):
    assert inspect.iscoroutinefunction(asyncio.sleep)
    assert not inspect.isgeneratorfunction(asyncio.sleep)
    assert callable(asyncio.sleep)


def test_the_function_is_the_same_wherever_it_is_found(names):
    assert asyncio.sleep is asyncio.tasks.sleep


def test_the_function_tells_its_name_and_signature(names):
    assert asyncio.sleep.__name__ == "sleep"
    assert asyncio.sleep.__qualname__ == "sleep"
    assert asyncio.sleep.__doc__ == "Coroutine that completes after a given time (in seconds)."
    assert str(inspect.signature(asyncio.sleep)) == "(delay, result=None)"


def test_a_sleep_tells_its_name(sleep):
    assert sleep.__name__ == "sleep"
    assert sleep.__qualname__ == "sleep"
    assert repr(sleep).startswith("<coroutine object sleep at 0x")


def test_a_sleep_tells_its_state(nap):
    assert inspect.getcoroutinestate(nap) == inspect.CORO_CREATED
    nap.send(None)
    assert inspect.getcoroutinestate(nap) == inspect.CORO_SUSPENDED
    nap.close()
    assert inspect.getcoroutinestate(nap) == inspect.CORO_CLOSED


def test_a_sleep_shows_its_frame_while_it_has_one(sleep):
    assert sleep.cr_frame.f_code.co_name == "sleep"
    assert sleep.cr_running is False
    assert sleep.cr_await is None
    sleep.close()
    assert sleep.cr_frame is None


def test_patching_the_function_makes_an_async_mock(run):
    async def main():
        with unittest.mock.patch("asyncio.sleep") as sleep:
            assert isinstance(sleep, unittest.mock.AsyncMock)
            sleep.return_value = "mocked"
            assert await asyncio.sleep(AN_HOUR) == "mocked"
            sleep.assert_awaited_once_with(AN_HOUR)
        return await asyncio.sleep(0, "real")

    assert run(main) == "real"


def test_a_mock_with_the_functions_spec_checks_its_arguments(run):
    async def main():
        with unittest.mock.patch("asyncio.sleep", autospec=True) as sleep:
            await asyncio.sleep(1, result=2)
            sleep.assert_awaited_once_with(1, result=2)
            with pytest.raises(TypeError):
                await asyncio.sleep(1, 2, 3)

    run(main)


def test_replacing_the_function_reaches_asyncios_own_uses_of_the_name(run, monkeypatch):
    slept = []

    async def instead(delay, result=None):
        slept.append(delay)
        return result

    monkeypatch.setattr(asyncio, "sleep", instead)

    async def main():
        return await asyncio.sleep(AN_HOUR, "at once")

    assert run(main) == "at once"
    assert slept == [AN_HOUR]


def test_a_nap_by_hand_yields_nothing_once_and_ends(nap):
    assert nap.send(None) is None
    with pytest.raises(StopIteration) as ended:
        nap.send(None)
    assert ended.value.value == "Mocha"


def test_a_nap_needs_no_loop(names):
    nap = asyncio.sleep(0)
    assert nap.send(None) is None
    with pytest.raises(StopIteration):
        nap.send(None)


def test_a_sleep_by_hand_needs_a_running_loop(sleep):
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        sleep.send(None)


def test_what_has_ended_cannot_be_sent_to(nap):
    nap.send(None)
    with pytest.raises(StopIteration):
        nap.send(None)
    with pytest.raises(RuntimeError, match="^cannot reuse already awaited coroutine$"):
        nap.send(None)


def test_what_was_closed_cannot_be_sent_to(sleep):
    sleep.close()
    sleep.close()
    with pytest.raises(RuntimeError, match="^cannot reuse already awaited coroutine$"):
        sleep.send(None)


def test_the_first_thing_sent_must_be_nothing(sleep):
    with pytest.raises(TypeError, match="^can't send non-None value to a just-started coroutine$"):
        sleep.send("Mocha")


def test_what_is_sent_later_is_ignored(nap):
    nap.send(None)
    with pytest.raises(StopIteration) as ended:
        nap.send("Latte")
    assert ended.value.value == "Mocha"


@pytest.mark.parametrize("error", [ValueError, asyncio.CancelledError, KeyboardInterrupt])
def test_what_is_thrown_in_before_the_start_comes_out(nap, error):
    with pytest.raises(error):
        nap.throw(error("thrown"))
    with pytest.raises(RuntimeError, match="^cannot reuse already awaited coroutine$"):
        nap.send(None)


def test_what_is_thrown_in_halfway_comes_out(nap):
    nap.send(None)
    error = ValueError("thrown")
    with pytest.raises(ValueError) as failed:
        nap.throw(error)
    assert failed.value is error


def test_by_hand_in_a_loop_a_sleep_yields_a_future_of_the_loop(loop):
    async def main():
        sleep = asyncio.sleep(0.001, "Mocha")
        future = sleep.send(None)
        assert asyncio.isfuture(future)
        assert future.get_loop() is loop
        assert future._asyncio_future_blocking is True
        while not future.done():
            await asyncio.sleep(0)
        with pytest.raises(StopIteration) as ended:
            sleep.send(None)
        return ended.value.value

    assert loop.run_until_complete(main()) == "Mocha"


def test_by_hand_a_sleep_is_not_over_before_its_future_is(loop):
    async def main():
        sleep = asyncio.sleep(AN_HOUR)
        sleep.send(None)
        with pytest.raises(RuntimeError, match="^await wasn't used with future$"):
            sleep.send(None)

    loop.run_until_complete(main())


class Result:
    pass


@pytest.mark.parametrize(
    "end",
    [
        lambda sleep: sleep.close(),
        lambda sleep: pytest.raises(ValueError, sleep.throw, ValueError("thrown")),
    ],
    ids=["close", "throw"],
)
def test_ending_a_sleep_halfway_takes_its_timer_away(loop, end):
    result = Result()
    ref = weakref.ref(result)

    async def main():
        nonlocal result
        sleep = asyncio.sleep(AN_HOUR, result)
        del result
        sleep.send(None)
        assert ref()
        end(sleep)
        del sleep
        gc.collect()
        # The timer would hold it.
        return ref()

    assert loop.run_until_complete(main()) is None


def test_a_sleep_can_be_delegated_to_by_a_generator(run):
    @types.coroutine
    def old(delay):
        return (yield from asyncio.sleep(delay, "Mocha"))

    async def main():
        return await old(0), await old(0.001)

    assert run(main) == ("Mocha", "Mocha")


def test_a_sleeps_own_iterator_can_be_driven(names):
    iterator = asyncio.sleep(0, "Mocha").__await__()
    assert next(iterator) is None
    with pytest.raises(StopIteration) as ended:
        next(iterator)
    assert ended.value.value == "Mocha"


def test_a_sleep_cannot_be_awaited_twice(run):
    async def main():
        for delay in (0, 0.001):
            sleep = asyncio.sleep(delay)
            await sleep
            with pytest.raises(RuntimeError, match="^cannot reuse already awaited coroutine$"):
                await sleep

    run(main)


def test_a_sleep_that_one_task_awaits_cannot_be_awaited_by_another(run):
    async def guest(sleep):
        await sleep

    async def main():
        for delay in (0, 0.001):
            sleep = asyncio.sleep(delay)
            tasks = [asyncio.create_task(guest(sleep)) for _ in range(2)]
            await asyncio.wait(tasks)
            assert tasks[0].exception() is None
            assert str(tasks[1].exception()) == "coroutine is being awaited already"

    run(main)


def test_a_task_whose_sleep_was_closed_by_another_is_told_when_it_goes_on(run):
    async def guest(sleep):
        await sleep

    async def main():
        told = []
        for delay in (0, AN_HOUR):
            for make in (guest, lambda sleep: sleep):
                sleep = asyncio.sleep(delay)
                task = asyncio.create_task(make(sleep))
                await asyncio.sleep(0)
                sleep.close()
                await asyncio.sleep(0)
                # Nothing wakes it from the long sleep any more, unless somebody does.
                assert task.done() is (delay == 0)
                task.cancel()
                await asyncio.wait([task])
                told.append(str(task.exception()))
        return told

    assert run(main) == ["cannot reuse already awaited coroutine"] * 4
