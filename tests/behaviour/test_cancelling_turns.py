"""A cancellation and a result that meet in one turn: which of them the task is told."""

import asyncio
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


@pytest.fixture
def waiting(loop, turn):
    """Makes tasks that wait for what they are given, and writes down what they are told."""
    told = []

    def waiting(make):
        async def guest():
            try:
                told.append(await make())
            except asyncio.CancelledError as error:
                told.append(("cancelled", *error.args))
                raise
            except Exception as error:
                told.append(repr(error))

        task = loop.create_task(guest())
        turn()
        return task

    waiting.told = told
    return waiting


def finish(turn, *tasks):
    for _ in range(10):
        turn()
    assert all(task.done() for task in tasks)


def test_a_cancellation_overtakes_a_result_that_is_on_its_way(loop, turn, waiting):
    future = loop.create_future()
    task = waiting(lambda: future)
    future.set_result("Mocha")
    assert task.cancel("closed") is True
    finish(turn, task)
    assert waiting.told == [("cancelled", "closed")]
    assert task.cancelled()
    assert future.result() == "Mocha"


def test_a_cancellation_overtakes_an_exception_that_is_on_its_way(loop, turn, waiting):
    future = loop.create_future()
    task = waiting(lambda: future)
    future.set_exception(ValueError("spilt"))
    assert task.cancel("closed") is True
    finish(turn, task)
    assert waiting.told == [("cancelled", "closed")]
    future.exception()


def test_a_result_finds_its_future_cancelled_by_the_task(loop, turn, waiting):
    future = loop.create_future()
    task = waiting(lambda: future)
    task.cancel()
    assert future.cancelled()
    with pytest.raises(asyncio.InvalidStateError):
        future.set_result("Mocha")
    finish(turn, task)
    assert task.cancelled()


def test_a_cancelled_future_and_a_cancelled_task_are_told_once(loop, turn, waiting):
    future = loop.create_future()
    task = waiting(lambda: future)
    future.cancel("future")
    task.cancel("task")
    finish(turn, task)
    assert waiting.told == [("cancelled", "future")]
    assert task.cancelling() == 1


def test_a_task_that_is_woken_may_be_cancelled_before_it_runs(loop, turn, waiting):
    future = loop.create_future()
    canceller = loop.create_future()
    # Woken in the same turn, in this order: the first cancels the second.
    canceller.add_done_callback(lambda canceller: task.cancel("just in time"))
    task = waiting(lambda: future)
    canceller.set_result(None)
    future.set_result("Mocha")
    finish(turn, task)
    assert waiting.told == [("cancelled", "just in time")]


def test_a_task_that_has_run_may_not(loop, turn, waiting):
    future = loop.create_future()
    canceller = loop.create_future()
    answers = []
    canceller.add_done_callback(lambda canceller: answers.append(task.cancel("too late")))
    task = waiting(lambda: future)
    future.set_result("Mocha")
    canceller.set_result(None)
    finish(turn, task)
    assert waiting.told == ["Mocha"]
    assert answers == [False]
    assert not task.cancelled()


def test_a_cancelled_task_that_waits_for_a_task_waits_until_that_ends(loop, turn, waiting):
    async def stubborn():
        try:
            await loop.create_future()
        except asyncio.CancelledError:
            for _ in range(3):
                await asyncio.sleep(0)
            return "stayed"

    child = loop.create_task(stubborn())
    task = waiting(lambda: child)
    turn()
    task.cancel("closed")
    turn()
    assert waiting.told == []
    finish(turn, task)
    # The child took the cancellation, and its result is what the task is told.
    assert waiting.told == ["stayed"]
    assert not task.cancelled()
    assert (task.cancelling(), child.cancelling()) == (1, 1)


def test_a_cancelled_task_whose_child_has_just_ended_is_told_the_cancellation(loop, turn, waiting):
    future = loop.create_future()
    child = waiting(lambda: future)
    task = waiting(lambda: child)
    future.set_result("Mocha")
    turn()
    assert child.done()
    assert task.cancel("closed") is True
    finish(turn, task)
    assert waiting.told == ["Mocha", ("cancelled", "closed")]


def test_cancelling_a_napping_task_is_told_at_its_next_step(loop, turn, waiting):
    task = waiting(lambda: asyncio.sleep(0, "slept"))
    task.cancel("closed")
    assert not task.done()
    turn()
    assert waiting.told == [("cancelled", "closed")]
    assert task.cancelled()


def test_cancelling_a_sleeping_task_is_told_in_the_next_turn(loop, turn, waiting):
    task = waiting(lambda: asyncio.sleep(AN_HOUR))
    task.cancel("closed")
    turn()
    assert waiting.told == [("cancelled", "closed")]


def test_cancelling_a_task_whose_sleep_is_just_over(loop, turn, waiting):
    task = waiting(lambda: asyncio.sleep(1e-9, "slept"))
    # Its timer is due, and its result on its way, in this turn.
    turn()
    assert task.cancel("closed") is True
    finish(turn, task)
    assert waiting.told == [("cancelled", "closed")]


def test_a_second_cancellation_while_the_first_is_handled_is_told_at_the_next_await(loop, turn):
    told = []

    async def guest():
        for _ in range(3):
            try:
                await asyncio.sleep(AN_HOUR)
            except asyncio.CancelledError as error:
                told.append(error.args)

    task = loop.create_task(guest())
    turn()
    for message in ("first", "second", "third"):
        task.cancel(message)
        turn()
    finish(turn, task)
    assert told == [("first",), ("second",), ("third",)]


def test_a_task_cancelled_while_it_runs_is_told_at_its_next_await(loop, turn):
    told = []
    future = loop.create_future()

    async def guest():
        loop_task.cancel("from inside")
        try:
            await future
        except asyncio.CancelledError as error:
            told.append(error.args)

    loop_task = loop.create_task(guest())
    finish(turn, loop_task)
    # What it was about to wait for is cancelled as well.
    assert told == [("from inside",)]
    assert future.cancelled()


def test_a_task_cancelled_while_it_runs_passes_by_what_is_done(loop, turn):
    told = []
    future = loop.create_future()
    future.set_result("Mocha")

    async def guest():
        task.cancel("from inside")
        told.append(await future)
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            told.append(error.args)

    task = loop.create_task(guest())
    finish(turn, task)
    assert told == ["Mocha", ("from inside",)]


def test_a_wait_for_that_is_cancelled_as_its_result_arrives(loop, turn, waiting):
    future = loop.create_future()
    task = waiting(lambda: asyncio.wait_for(future, AN_HOUR))
    future.set_result("Mocha")
    task.cancel("closed")
    finish(turn, task)
    # Before 3.12 the result was the stronger one here.
    assert waiting.told == [("cancelled", "closed") if sys.version_info >= (3, 12) else "Mocha"]


def test_a_shield_that_is_cancelled_as_its_result_arrives(loop, turn, waiting):
    future = loop.create_future()
    task = waiting(lambda: asyncio.shield(future))
    future.set_result("Mocha")
    task.cancel("closed")
    finish(turn, task)
    assert waiting.told == [("cancelled", "closed")]
    assert future.result() == "Mocha"


def test_a_gathering_that_is_cancelled_as_its_last_result_arrives(loop, turn, waiting):
    future = loop.create_future()
    task = waiting(lambda: asyncio.gather(future))
    future.set_result("Mocha")
    # The gathering can't be cancelled any more, so the task keeps it for its next step.
    assert task.cancel("closed") is True
    finish(turn, task)
    assert waiting.told == [("cancelled", "closed")]


def test_a_timeout_that_is_over_as_the_result_arrives(loop, turn, waiting):
    future = loop.create_future()

    async def limited():
        async with asyncio.timeout(None) as limit:
            loop.limit = limit
            return await future

    task = waiting(limited)
    # In the next turn the result is set, and then the limit finds the task still waiting.
    loop.call_soon(loop.call_soon, future.set_result, "Mocha")
    loop.call_soon(loop.limit.reschedule, 0)
    del loop.limit
    finish(turn, task)
    assert waiting.told == ["TimeoutError()"]
    assert task.cancelling() == 0
