"""A future's iterator, driven by hand as a task drives it: send, throw, close."""

import asyncio
import collections.abc
import gc
import sys
import weakref

import pytest


@pytest.fixture
def future(loop):
    return loop.create_future()


# Both ways to an iterator: what `await` uses, and what `yield from` uses.
WAYS = {"await": lambda future: future.__await__(), "iter": iter}


@pytest.fixture(params=WAYS)
def iterate(request):
    return WAYS[request.param]


def test_it_yields_the_future_marked_as_awaited(future, iterate):
    iterator = iterate(future)
    assert future._asyncio_future_blocking is False
    assert next(iterator) is future
    assert future._asyncio_future_blocking is True


def test_the_mark_can_be_set_and_must_be_a_truth_value(future):
    future._asyncio_future_blocking = True
    assert future._asyncio_future_blocking is True
    future._asyncio_future_blocking = False
    assert future._asyncio_future_blocking is False
    with pytest.raises(AttributeError):
        del future._asyncio_future_blocking


def test_it_ends_with_the_result(future, iterate):
    iterator = iterate(future)
    next(iterator)
    future.set_result("Mocha")
    with pytest.raises(StopIteration) as ended:
        next(iterator)
    assert ended.value.value == "Mocha"


def test_it_ends_at_once_if_the_future_is_done(future, iterate):
    future.set_result("Mocha")
    with pytest.raises(StopIteration) as ended:
        next(iterate(future))
    assert ended.value.value == "Mocha"
    assert future._asyncio_future_blocking is False


@pytest.mark.parametrize("result", [(1, 2), (), StopIteration(1), None, ValueError("spilt")])
def test_any_result_is_the_value_of_its_end(future, iterate, result):
    future.set_result(result)
    with pytest.raises(StopIteration) as ended:
        next(iterate(future))
    assert ended.value.value is result


def test_it_raises_the_exception(future, iterate):
    iterator = iterate(future)
    next(iterator)
    error = ValueError("spilt")
    future.set_exception(error)
    with pytest.raises(ValueError) as failed:
        next(iterator)
    assert failed.value is error


def test_it_raises_the_cancellation(future, iterate):
    iterator = iterate(future)
    next(iterator)
    future.cancel("closed")
    with pytest.raises(asyncio.CancelledError, match="^closed$"):
        next(iterator)


def test_going_on_before_the_future_is_done_is_an_error(future, iterate):
    iterator = iterate(future)
    next(iterator)
    with pytest.raises(RuntimeError, match="^await wasn't used with future$"):
        next(iterator)


def test_send_is_next(future, iterate):
    iterator = iterate(future)
    assert iterator.send(None) is future
    future.set_result("Mocha")
    with pytest.raises(StopIteration) as ended:
        iterator.send("ignored")
    assert ended.value.value == "Mocha"


def test_what_is_thrown_in_comes_out(future, iterate):
    for begin in (False, True):
        iterator = iterate(future)
        if begin:
            next(iterator)
        error = ValueError("thrown")
        with pytest.raises(ValueError) as failed:
            iterator.throw(error)
        assert failed.value is error
    assert not future.done()


def test_a_class_can_be_thrown_in(future, iterate):
    iterator = iterate(future)
    next(iterator)
    with pytest.raises(KeyError):
        iterator.throw(KeyError)


@pytest.mark.filterwarnings("ignore:the \\(type, exc, tb\\) signature:DeprecationWarning")
def test_the_old_form_of_throwing_works(future, iterate):
    iterator = iterate(future)
    next(iterator)
    with pytest.raises(ValueError, match="^thrown$"):
        iterator.throw(ValueError, "thrown", None)


@pytest.mark.parametrize("thing", [42, "error", None])
def test_what_is_no_exception_cannot_be_thrown(future, iterate, thing):
    iterator = iterate(future)
    next(iterator)
    with pytest.raises(TypeError):
        iterator.throw(thing)


def test_closing_leaves_the_future_alone(future, iterate):
    iterator = iterate(future)
    next(iterator)
    iterator.close()
    iterator.close()
    assert not future.done()
    future.set_result("Mocha")
    assert future.result() == "Mocha"


def test_one_that_has_ended_stays_ended(future, iterate):
    iterator = iterate(future)
    future.set_result("Mocha")
    with pytest.raises(StopIteration):
        next(iterator)
    with pytest.raises(StopIteration) as ended:
        next(iterator)
    # Since 3.14 it says again with what.
    assert ended.value.value == ("Mocha" if sys.version_info >= (3, 14) else None)


# Since 3.14 asyncio's own crashes the interpreter here.
if sys.version_info < (3, 14):

    def test_one_that_was_thrown_into_has_ended(future, iterate):
        iterator = iterate(future)
        next(iterator)
        with pytest.raises(ValueError):
            iterator.throw(ValueError())
        with pytest.raises(StopIteration) as ended:
            next(iterator)
        assert ended.value.value is None

    def test_one_that_was_closed_has_ended(future, iterate):
        iterator = iterate(future)
        next(iterator)
        iterator.close()
        with pytest.raises(StopIteration) as ended:
            next(iterator)
        assert ended.value.value is None


def test_each_iterator_is_one_of_its_own(future, iterate):
    one, other = iterate(future), iterate(future)
    assert one is not other
    assert next(one) is future
    # The mark is the future's, and taken off by whoever was yielded it.
    with pytest.raises(RuntimeError, match="^await wasn't used with future$"):
        next(iterate(future))
    future._asyncio_future_blocking = False
    assert next(other) is future
    future.set_result("Mocha")
    for iterator in (one, other):
        with pytest.raises(StopIteration) as ended:
            next(iterator)
        assert ended.value.value == "Mocha"


def test_it_is_its_own_iterator(future, iterate):
    iterator = iterate(future)
    assert iter(iterator) is iterator
    assert isinstance(iterator, collections.abc.Iterator)
    assert isinstance(iterator, collections.abc.Generator)


def test_it_keeps_its_future_alive_until_it_ends(loop, iterate):
    future = loop.create_future()
    ref = weakref.ref(future)
    iterator = iterate(future)
    next(iterator)
    del future
    gc.collect()
    assert ref()
    iterator.close()
    gc.collect()
    assert ref() is None


def test_a_task_can_be_iterated_too(loop, turn, iterate):
    async def brew():
        return "Mocha"

    task = loop.create_task(brew())
    iterator = iterate(task)
    assert next(iterator) is task
    turn()
    with pytest.raises(StopIteration) as ended:
        next(iterator)
    assert ended.value.value == "Mocha"


def test_a_coroutine_driven_by_hand_yields_what_it_awaits(loop):
    async def main(future):
        return await future

    future = loop.create_future()
    coroutine = main(future)
    assert coroutine.send(None) is future
    future.set_result("Mocha")
    with pytest.raises(StopIteration) as ended:
        coroutine.send(None)
    assert ended.value.value == "Mocha"


def test_a_coroutine_driven_by_hand_can_be_thrown_into(loop):
    async def main(future):
        try:
            await future
        except ValueError as error:
            return str(error)

    future = loop.create_future()
    coroutine = main(future)
    coroutine.send(None)
    with pytest.raises(StopIteration) as ended:
        coroutine.throw(ValueError("thrown"))
    assert ended.value.value == "thrown"
    assert not future.done()


def test_a_coroutine_driven_by_hand_can_be_closed(loop):
    closed = []

    async def main(future):
        try:
            await future
        finally:
            closed.append(True)

    future = loop.create_future()
    coroutine = main(future)
    coroutine.send(None)
    coroutine.close()
    assert closed == [True]
    assert not future.done()


def test_a_coroutine_shows_what_it_awaits(loop):
    async def main(future):
        await future

    future = loop.create_future()
    coroutine = main(future)
    assert coroutine.cr_await is None
    coroutine.send(None)
    # An iterator over the future, of whatever class.
    assert isinstance(coroutine.cr_await, collections.abc.Iterator)
    coroutine.close()
