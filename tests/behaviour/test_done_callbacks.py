"""Callbacks at a future's end: when, how often, in which context, and how they're taken back."""

import asyncio
import contextvars
import functools
import gc
import weakref

import pytest

flavour = contextvars.ContextVar("flavour", default="Vanilla")


def with_flavour(value):
    context = contextvars.copy_context()
    context.run(flavour.set, value)
    return context


async def nothing():
    pass


# Each makes something that ends within a few turns.
MAKERS = {
    "future": lambda loop: settled(loop),
    "task": lambda loop: loop.create_task(nothing()),
    "gathering": lambda loop: asyncio.gather(settled(loop), settled(loop)),
    "shield": lambda loop: asyncio.shield(settled(loop)),
}


def settled(loop):
    future = loop.create_future()
    loop.call_soon(future.set_result, None)
    return future


@pytest.fixture(params=MAKERS)
def ending(loop, request, finish):
    yield MAKERS[request.param](loop)
    finish()


@pytest.fixture
def finish(turn):
    def finish():
        for _ in range(5):
            turn()

    return finish


def test_a_callback_is_called_once_with_what_ended(ending, finish):
    seen = []
    assert ending.add_done_callback(seen.append) is None
    assert seen == []
    finish()
    assert seen == [ending]


def test_callbacks_run_in_the_order_in_which_they_were_added(ending, finish):
    seen = []
    for number in range(5):
        ending.add_done_callback(lambda _, number=number: seen.append(number))
    finish()
    assert seen == [0, 1, 2, 3, 4]


def test_a_callback_that_is_added_twice_runs_twice(ending, finish):
    seen = []
    ending.add_done_callback(seen.append)
    ending.add_done_callback(seen.append)
    finish()
    assert seen == [ending, ending]


def test_a_callback_added_to_what_is_done_runs_in_the_next_turn(ending, finish, turn):
    seen = []
    finish()
    ending.add_done_callback(seen.append)
    assert seen == []
    turn()
    assert seen == [ending]


def test_callbacks_are_taken_back_by_equality_and_counted(ending, finish):
    seen = []

    class Callback:
        def __eq__(self, other):
            return isinstance(other, Callback)

        __hash__ = None

        def __call__(self, future):
            seen.append("called")

    for callback in (Callback(), print, Callback(), seen.append, Callback()):
        ending.add_done_callback(callback)
    assert ending.remove_done_callback(Callback()) == 3
    assert ending.remove_done_callback(Callback()) == 0
    assert ending.remove_done_callback(print) == 1
    finish()
    assert seen == [ending]


def test_a_callback_that_was_never_added_cannot_be_taken_back(ending):
    assert ending.remove_done_callback(print) == 0


def test_callbacks_of_what_is_done_can_no_longer_be_taken_back(loop, turn):
    seen = []
    future = loop.create_future()
    future.add_done_callback(seen.append)
    future.set_result(None)
    assert future.remove_done_callback(seen.append) == 0
    turn()
    assert seen == [future]


def test_an_error_of_a_comparison_comes_out(loop):
    class Unequal:
        def __eq__(self, other):
            raise ArithmeticError

        def __call__(self, future):
            pass

    future = loop.create_future()
    callback = Unequal()
    for _ in range(3):
        future.add_done_callback(callback)
    with pytest.raises(ArithmeticError):
        future.remove_done_callback(print)


def test_a_comparison_may_add_and_take_back_callbacks(loop, turn):
    seen = []
    future = loop.create_future()

    class Meddler:
        meddling = False

        def __eq__(self, other):
            if not Meddler.meddling:
                Meddler.meddling = True
                future.remove_done_callback(seen.append)
                future.add_done_callback(seen.append)
                Meddler.meddling = False
            return False

        def __call__(self, future):
            seen.append("meddler")

    for _ in range(4):
        future.add_done_callback(Meddler())
    assert future.remove_done_callback(print) == 0
    future.set_result(None)
    turn()
    assert seen.count("meddler") == 4


def test_a_callback_runs_in_a_copy_of_the_context_of_its_adding(ending, finish):
    seen = []
    with_flavour("Caramel").run(ending.add_done_callback, lambda _: seen.append(flavour.get()))
    ending.add_done_callback(lambda _: seen.append(flavour.get()))
    finish()
    assert seen == ["Caramel", "Vanilla"]


def test_a_callback_runs_in_the_context_that_it_is_given(ending, finish):
    context = with_flavour("Caramel")
    seen = []

    def callback(_):
        seen.append(flavour.get())
        flavour.set("Pistachio")

    ending.add_done_callback(callback, context=context)
    finish()
    assert seen == ["Caramel"]
    assert context[flavour] == "Pistachio"


def test_what_was_set_after_a_callback_was_added_is_not_seen_by_it(loop, turn):
    seen = []
    future = loop.create_future()

    def add_and_change():
        future.add_done_callback(lambda _: seen.append(flavour.get()))
        flavour.set("Pistachio")
        future.set_result(None)

    with_flavour("Caramel").run(add_and_change)
    turn()
    assert seen == ["Caramel"]


def test_a_context_is_given_by_name_alone(ending):
    with pytest.raises(TypeError):
        ending.add_done_callback(print, contextvars.copy_context())
    with pytest.raises(TypeError):
        ending.add_done_callback(print, loop=None)


def test_a_callback_that_fails_is_reported_and_the_next_ones_run(loop, turn, log):
    seen = []
    future = loop.create_future()
    future.add_done_callback(lambda _: 1 / 0)
    future.add_done_callback(seen.append)
    future.set_result(None)
    turn()
    assert seen == [future]
    assert log.take_one().exc_info[0] is ZeroDivisionError


def test_a_callback_may_add_another_to_what_has_ended(loop, turn):
    seen = []
    future = loop.create_future()
    future.add_done_callback(lambda future: future.add_done_callback(seen.append))
    future.set_result(None)
    turn()
    assert seen == []
    turn()
    assert seen == [future]


@pytest.mark.parametrize("add_first", [False, True])
def test_any_callable_may_be_a_callback(loop, turn, add_first):
    seen = []

    class Owner:
        def method(self, future):
            seen.append("method")

        def __call__(self, future):
            seen.append("instance")

    owner = Owner()
    future = loop.create_future()
    if not add_first:
        future.set_result(None)
    for callback in (owner, owner.method, functools.partial(seen.append), seen.append):
        future.add_done_callback(callback)
    if add_first:
        future.set_result(None)
    turn()
    assert seen == ["instance", "method", future, future]


def test_what_is_not_callable_is_reported_when_its_time_comes(loop, turn, log):
    future = loop.create_future()
    future.add_done_callback("beans")
    future.set_result(None)
    turn()
    assert str(log.take_one().exc_info[1]) == "'str' object is not callable"


def test_callbacks_are_let_go_of_when_they_have_run(loop, turn):
    class Callback:
        def __call__(self, future):
            pass

    future = loop.create_future()
    refs = []
    for _ in range(3):
        callback = Callback()
        refs.append(weakref.ref(callback))
        future.add_done_callback(callback)
    del callback
    future.set_result(None)
    turn()
    gc.collect()
    assert [ref() for ref in refs] == [None] * 3


def test_callbacks_are_told_of_a_cancellation(loop, turn):
    seen = []
    future = loop.create_future()
    future.add_done_callback(lambda future: seen.append(future.cancelled()))
    future.cancel()
    turn()
    assert seen == [True]


def test_a_wait_is_over_even_if_callbacks_are_added_and_taken_back_meanwhile(loop, turn):
    async def wait():
        return await future

    future = loop.create_future()
    future.add_done_callback(print)
    task = loop.create_task(wait())
    turn()
    future.add_done_callback(print)
    assert future.remove_done_callback(print) == 2
    future.set_result("Mocha")
    turn()
    assert task.result() == "Mocha"
