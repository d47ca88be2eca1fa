"""A future's states, what may be done in each, and the words with which the rest is refused."""

import asyncio
import traceback

import pytest


@pytest.fixture
def future(loop):
    return loop.create_future()


@pytest.fixture
def task(loop, turn):
    """A task that waits for a future that nobody sets."""

    async def wait():
        await loop.create_future()

    task = loop.create_task(wait())
    turn()
    yield task
    task.cancel()
    turn()
    turn()


class Spilt(Exception):
    pass


def test_a_pending_future_has_neither_result_nor_exception(future):
    assert (future.done(), future.cancelled()) == (False, False)
    with pytest.raises(asyncio.InvalidStateError, match="^Result is not set.$"):
        future.result()
    with pytest.raises(asyncio.InvalidStateError, match="^Exception is not set.$"):
        future.exception()


def test_a_pending_task_has_neither(task):
    with pytest.raises(asyncio.InvalidStateError, match="^Result is not set.$"):
        task.result()
    with pytest.raises(asyncio.InvalidStateError, match="^Exception is not set.$"):
        task.exception()


def test_a_future_with_a_result(future):
    result = object()
    assert future.set_result(result) is None
    assert (future.done(), future.cancelled()) == (True, False)
    assert future.result() is result
    assert future.exception() is None


def test_a_future_with_an_exception(future):
    error = Spilt("milk")
    assert future.set_exception(error) is None
    assert (future.done(), future.cancelled()) == (True, False)
    assert future.exception() is error
    with pytest.raises(Spilt) as failed:
        future.result()
    assert failed.value is error


def test_a_cancelled_future(future):
    assert future.cancel() is True
    assert (future.done(), future.cancelled()) == (True, True)
    for ask in future.result, future.exception:
        with pytest.raises(asyncio.CancelledError):
            ask()


ENDS = {
    "result": lambda future: future.set_result("Mocha"),
    "exception": lambda future: future.set_exception(Spilt("milk")),
    "cancelled": lambda future: future.cancel(),
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_what_is_done_stays_as_it_is(future, end):
    end(future)
    with pytest.raises(asyncio.InvalidStateError, match="^invalid state$"):
        future.set_result("Latte")
    with pytest.raises(asyncio.InvalidStateError, match="^invalid state$"):
        future.set_exception(ValueError())
    assert future.cancel() is False
    if not future.cancelled():
        future.exception()


def test_an_exception_may_be_given_as_its_class(future):
    future.set_exception(Spilt)
    assert type(future.exception()) is Spilt
    assert future.exception().args == ()


@pytest.mark.parametrize("thing", ["milk", 42, None, object, int])
def test_what_is_no_exception_cannot_be_one(future, thing):
    with pytest.raises(TypeError):
        future.set_exception(thing)
    assert not future.done()


def test_a_cancellation_may_be_set_as_an_exception(future):
    future.set_exception(asyncio.CancelledError("by hand"))
    assert not future.cancelled()
    with pytest.raises(asyncio.CancelledError, match="^by hand$"):
        future.result()


@pytest.mark.parametrize("error", [StopIteration, StopIteration(1)])
def test_the_end_of_an_iteration_is_no_exception_for_a_future(future, error):
    # Patch releases differ: the interpreter's own future in Python says what this one does.
    model = asyncio.futures._PyFuture(loop=future.get_loop())
    try:
        model.set_exception(error)
    except TypeError as refusal:
        with pytest.raises(TypeError, match=f"^{refusal}$"):
            future.set_exception(error)
        assert not future.done()
    else:
        model.exception()
        future.set_exception(error)
        failure = future.exception()
        assert type(failure) is RuntimeError
        assert str(failure) == (
            "StopIteration interacts badly with generators and cannot be raised into a Future"
        )
        assert isinstance(failure.__cause__, StopIteration)


def test_a_task_that_raises_the_end_of_an_iteration_fails_with_another_error(loop):
    async def end():
        raise StopIteration("end")

    task = loop.create_task(end())
    loop.run_until_complete(asyncio.wait([task]))
    # The coroutine's own doing: PEP 479.
    assert str(task.exception()) == "coroutine raised StopIteration"


def test_other_endings_may_be_exceptions_of_futures(future):
    future.set_exception(StopAsyncIteration("end"))
    with pytest.raises(StopAsyncIteration, match="^end$"):
        future.result()


def test_a_tasks_outcome_is_its_own_to_set(task):
    with pytest.raises(RuntimeError, match="^Task does not support set_result operation$"):
        task.set_result("Mocha")
    with pytest.raises(RuntimeError, match="^Task does not support set_exception operation$"):
        task.set_exception(Spilt())


def test_methods_may_be_called_by_asyncios_classes(loop, turn):
    seen = []
    future, other, task = loop.create_future(), loop.create_future(), loop.create_task(nothing())
    asyncio.Future.add_done_callback(future, seen.append)
    asyncio.Future.set_result(future, "Mocha")
    asyncio.Future.set_exception(other, Spilt("milk"))
    asyncio.Task.add_done_callback(task, seen.append)
    asyncio.Task.set_name(task, "barista")
    turn()
    turn()
    assert seen == [future, task]
    assert asyncio.Future.result(future) == "Mocha"
    assert asyncio.Future.exception(other) is other.exception()
    assert asyncio.Future.done(task)
    assert asyncio.Task.get_name(task) == "barista"
    assert asyncio.Task.get_loop(task) is loop


async def nothing():
    pass


def test_asking_twice_gives_the_same_answer(future):
    future.set_exception(Spilt("milk"))
    assert future.exception() is future.exception()
    for _ in range(2):
        with pytest.raises(Spilt) as failed:
            future.result()
    # The traceback doesn't grow with each time it is asked for, beyond what raised it last.
    assert len(traceback.extract_tb(failed.value.__traceback__)) <= 3


def test_a_result_may_be_none_or_false_or_an_exception(loop):
    for result in (None, False, 0, "", Spilt("milk"), StopIteration(1), (1, 2)):
        future = loop.create_future()
        future.set_result(result)
        assert future.result() is result
        assert future.exception() is None


@pytest.mark.parametrize("result", [None, (1, 2), (), StopIteration(1), Spilt("milk"), [None]])
def test_any_result_comes_out_of_an_await(loop, future, result):
    async def main():
        return await future

    loop.call_soon(future.set_result, result)
    assert loop.run_until_complete(main()) is result
    assert loop.run_until_complete(future) is result


def test_a_result_that_is_set_twice_in_a_turn_is_refused_in_the_callback(loop, turn, log):
    future = loop.create_future()
    loop.call_soon(future.set_result, 1)
    loop.call_soon(future.set_result, 2)
    turn()
    assert future.result() == 1
    assert log.take_one().exc_info[0] is asyncio.InvalidStateError


@pytest.mark.parametrize(
    "call",
    [
        lambda future: future.set_result(),
        lambda future: future.set_result(1, 2),
        lambda future: future.set_exception(),
        lambda future: future.result(1),
        lambda future: future.add_done_callback(),
        lambda future: future.cancel("message", 1),
        lambda future: future.cancel(message="message"),
    ],
)
def test_wrong_arguments_are_refused(future, call):
    with pytest.raises(TypeError):
        call(future)
    assert not future.done()


def test_a_future_tells_its_loop(future, loop):
    assert future.get_loop() is loop
    future.cancel()
    assert future.get_loop() is loop


def test_a_future_outlives_its_loop(new_loop):
    loop = new_loop()
    future = loop.create_future()
    loop.close()
    future.set_result("Mocha")
    assert future.result() == "Mocha"
    assert future.get_loop() is loop


def test_a_future_with_callbacks_cannot_end_after_its_loop(new_loop):
    loop = new_loop()
    future = loop.create_future()
    future.add_done_callback(print)
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        future.set_result("Mocha")
