"""`asyncio.sleep`: how long, with what result, and all the places where programs put one."""

import asyncio
import contextlib
import decimal
import fractions
import functools
import gc
import sys
import warnings
import weakref

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


@pytest.mark.parametrize("delay", [0, -1, -0.5, 0.0, float("-inf"), False, 0.001, 1e-9])
def test_a_sleep_gives_its_result(run, delay):
    async def main():
        return await asyncio.sleep(delay), await asyncio.sleep(delay, "Mocha")

    assert run(main) == (None, "Mocha")


def test_the_result_is_the_very_object(run):
    result = object()

    async def main():
        return await asyncio.sleep(0, result), await asyncio.sleep(0.001, result=result)

    assert run(main) == (result, result)


def test_the_result_may_be_an_exception_or_a_future_and_is_not_looked_at(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        error = ValueError("spilt")
        stop = StopIteration(1)
        results = [future, error, stop, (1, 2), ()]
        slept = [await asyncio.sleep(delay, each) for each in results for delay in (0, 0.001)]
        return all(got is results[number // 2] for number, got in enumerate(slept))

    assert run(main)


@pytest.mark.parametrize(
    "delay", [decimal.Decimal("-1"), fractions.Fraction(-1), fractions.Fraction(1, 1000), True - 1]
)
def test_a_delay_may_be_any_number(run, delay):
    async def main():
        return await asyncio.sleep(delay, "Mocha")

    assert run(main) == "Mocha"


def test_a_delay_may_be_of_a_class_that_counts_as_a_number(run):
    class Milliseconds(float):
        pass

    async def main():
        return await asyncio.sleep(Milliseconds(0.001), "Mocha")

    assert run(main) == "Mocha"


def test_a_sleep_of_zero_takes_one_turn(loop, turn):
    seen = []

    async def guest():
        for number in range(3):
            seen.append(number)
            await asyncio.sleep(0)
        seen.append("end")

    task = loop.create_task(guest())
    for expected in ([0], [0, 1], [0, 1, 2], [0, 1, 2, "end"]):
        turn()
        assert seen == expected
    assert task.done()


def test_a_negative_sleep_is_one_of_zero(loop, turn):
    task = loop.create_task(asyncio.sleep(-AN_HOUR))
    turn()
    assert not task.done()
    turn()
    assert task.done()


def test_a_sleep_that_is_not_over_lets_the_loop_go_on(loop, turn):
    task = loop.create_task(asyncio.sleep(AN_HOUR))
    for _ in range(3):
        turn()
    assert not task.done()
    task.cancel()
    turn()
    turn()
    assert task.cancelled()


def test_sleeps_end_in_the_order_of_their_lengths(loop_class):
    seen = []

    class Loop(loop_class):
        now = 0

        def time(self):
            return self.now

    async def guest(seconds):
        await asyncio.sleep(seconds)
        seen.append(seconds)

    with contextlib.closing(Loop()) as loop:
        tasks = [loop.create_task(guest(each)) for each in (9, 1, 5, 3, 7)]
        for loop.now in (0, 0, 4, 4, 9, 9, 9):
            loop.stop()
            loop.run_forever()
        assert all(task.done() for task in tasks)
    assert seen == [1, 3, 5, 7, 9]


@pytest.mark.parametrize("delay", ["x", None, [], object()])
def test_a_delay_that_is_no_number_fails_at_the_await(run, delay):
    async def main():
        sleep = asyncio.sleep(delay)
        with pytest.raises(TypeError) as failed:
            await sleep
        return str(failed.value)

    kind = type(delay).__name__
    assert run(main) == f"'<=' not supported between instances of '{kind}' and 'int'"


def test_a_delay_that_cannot_be_compared_fails_with_its_own_error(run):
    class Delay:
        def __le__(self, other):
            raise ArithmeticError("no time")

    async def main():
        with pytest.raises(ArithmeticError, match="^no time$"):
            await asyncio.sleep(Delay())
        return "went on"

    assert run(main) == "went on"


if sys.version_info >= (3, 13):

    def test_a_delay_that_is_not_a_number_in_the_other_sense_is_refused(run):
        async def main():
            with pytest.raises(ValueError, match=r"^Invalid delay: NaN \(not a number\)$"):
                await asyncio.sleep(float("nan"))
            return "went on"

        assert run(main) == "went on"


@pytest.mark.parametrize(
    ("arguments", "keywords", "message"),
    [
        ((), {}, r"^sleep\(\) missing 1 required positional argument: 'delay'$"),
        ((1, 2, 3), {}, r"^sleep\(\) takes from 1 to 2 positional arguments but 3 were given$"),
        ((1,), {"loop": None}, r"^sleep\(\) got an unexpected keyword argument 'loop'"),
        ((1,), {"delay": 1}, r"^sleep\(\) got multiple values for argument 'delay'$"),
    ],
)
def test_wrong_arguments_fail_at_the_call(names, arguments, keywords, message):
    with pytest.raises(TypeError, match=message):
        asyncio.sleep(*arguments, **keywords)


def test_arguments_may_be_named(run):
    async def main():
        return await asyncio.sleep(delay=0, result="Mocha"), await asyncio.sleep(0, result=1)

    assert run(main) == ("Mocha", 1)


PLACES = {
    "create_task": lambda sleep: asyncio.create_task(sleep),
    "create_task of the loop": lambda sleep: asyncio.get_running_loop().create_task(sleep),
    "Task": lambda sleep: asyncio.Task(sleep),
    "ensure_future": lambda sleep: asyncio.ensure_future(sleep),
    "wait_for": lambda sleep: asyncio.wait_for(sleep, AN_HOUR),
    "wait_for without a limit": lambda sleep: asyncio.wait_for(sleep, None),
    "shield": lambda sleep: asyncio.shield(sleep),
    "gather": lambda sleep: first(asyncio.gather(sleep)),
    "as_completed": lambda sleep: next(iter(asyncio.as_completed([sleep]))),
    "group": lambda sleep: in_a_group(sleep),
    "coroutine": lambda sleep: awaiting(sleep),
    "partial": lambda sleep: functools.partial(awaiting, sleep)(),
}


async def first(gathering):
    (result,) = await gathering
    return result


async def in_a_group(sleep):
    async with asyncio.TaskGroup() as group:
        task = group.create_task(sleep)
    return task.result()


async def awaiting(sleep):
    return await sleep


@pytest.mark.parametrize("delay", [0, 0.001])
@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_sleep_may_stand_where_a_coroutine_may(run, place, delay):
    async def main():
        return await place(asyncio.sleep(delay, "Mocha"))

    assert run(main) == "Mocha"


@pytest.mark.parametrize("place", PLACES.values(), ids=PLACES)
def test_a_sleep_in_any_place_can_be_cancelled(run, place):
    async def guest():
        return await place(asyncio.sleep(AN_HOUR))

    async def main():
        task = asyncio.create_task(guest())
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        for other in asyncio.all_tasks() - {asyncio.current_task()}:
            # Those whom a shield has spared.
            other.cancel()

    run(main)


def test_a_task_of_a_sleep_shows_it_as_its_coroutine(loop, turn):
    sleep = asyncio.sleep(AN_HOUR)
    task = loop.create_task(sleep, name="nap")
    assert task.get_coro() is sleep
    assert repr(task).startswith("<Task pending name='nap' coro=<sleep() running at ")
    turn()
    assert "coro=<sleep() running at " in repr(task)
    task.cancel()
    turn()
    turn()
    assert repr(task).startswith("<Task cancelled name='nap' coro=<sleep() done")


def test_a_sleep_can_be_run_to_its_end_by_the_loop(loop):
    assert loop.run_until_complete(asyncio.sleep(0, "Mocha")) == "Mocha"
    assert loop.run_until_complete(asyncio.sleep(0.001, "Latte")) == "Latte"


def test_a_sleep_can_be_sent_to_the_loop_from_another_thread(run):
    async def main():
        loop = asyncio.get_running_loop()

        def order():
            return asyncio.run_coroutine_threadsafe(asyncio.sleep(0.001, "Mocha"), loop).result()

        return await asyncio.to_thread(order)

    assert run(main) == "Mocha"


def test_cancelling_a_sleep_takes_its_timer_away(loop, turn):
    class Result:
        pass

    result = Result()
    ref = weakref.ref(result)
    task = loop.create_task(asyncio.sleep(AN_HOUR, result))
    del result
    turn()
    task.cancel()
    turn()
    turn()
    assert task.cancelled()
    del task
    gc.collect()
    assert ref() is None


def test_a_sleep_that_is_never_awaited_is_told(names):
    with pytest.warns(RuntimeWarning, match="^coroutine 'sleep' was never awaited$"):
        asyncio.sleep(AN_HOUR)
        gc.collect()


def test_a_sleep_that_is_closed_is_not_told(names):
    with warnings.catch_warnings(action="error"):
        asyncio.sleep(AN_HOUR).close()
        gc.collect()


def test_a_finished_sleep_lets_its_result_go(run):
    class Result:
        pass

    async def main():
        refs = []
        for delay in (0, 0.001):
            refs.append(weakref.ref(await asyncio.sleep(delay, Result())))
        # The step that was woken by a result may hold it to its end.
        await asyncio.sleep(0)
        gc.collect()
        return [ref() for ref in refs]

    assert run(main) == [None, None]
