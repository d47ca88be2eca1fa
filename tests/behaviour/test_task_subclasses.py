"""Tasks and futures as base classes in Python: what a subclass overrides is what is called."""

import asyncio
import copy
import gc
import pickle
import sys
import weakref

import pytest


async def brew(coffee="Mocha"):
    await asyncio.sleep(0)
    return coffee


@pytest.fixture
def task_class(loop):
    """The class of the loop's own tasks."""
    task = loop.create_task(brew())
    loop.run_until_complete(task)
    return type(task)


@pytest.fixture
def future_class(loop):
    """The class of the loop's own futures."""
    return type(loop.create_future())


# Programs derive from asyncio's names; those who look at what the loop makes find another class.
@pytest.fixture(params=["asyncio.Task", "the loop's"])
def task_base(request, task_class):
    return asyncio.Task if request.param == "asyncio.Task" else task_class


@pytest.fixture(params=["asyncio.Future", "the loop's"])
def future_base(request, future_class):
    return asyncio.Future if request.param == "asyncio.Future" else future_class


def test_a_subclass_of_future_is_a_future(loop, future_base):
    class Order(future_base):
        pass

    async def main():
        return await order

    order = Order(loop=loop)
    assert isinstance(order, asyncio.Future)
    assert type(order) is Order
    loop.call_soon(order.set_result, "Mocha")
    assert loop.run_until_complete(main()) == "Mocha"


def test_a_subclass_of_task_is_a_task(loop, task_base):
    class Barista(task_base):
        pass

    barista = Barista(brew(), loop=loop, name="Ada")
    assert isinstance(barista, asyncio.Task)
    assert type(barista) is Barista
    assert barista.get_name() == "Ada"
    assert barista in asyncio.all_tasks(loop)
    assert loop.run_until_complete(barista) == "Mocha"


def test_subclasses_may_have_constructors_and_attributes_of_their_own(loop, task_base, future_base):
    class Barista(task_base):
        def __init__(self, coroutine, loop, *, shift):
            super().__init__(coroutine, loop=loop)
            self.shift = shift

    class Order(future_base):
        __slots__ = ("table",)

        def __init__(self, table, loop):
            super().__init__(loop=loop)
            self.table = table

    barista, order = Barista(brew(), loop, shift="early"), Order(7, loop)
    assert (barista.shift, order.table) == ("early", 7)
    assert loop.run_until_complete(barista) == "Mocha"


def test_without_its_base_constructor_a_future_is_refused_at_use(loop, future_base):
    class Careless(future_base):
        def __init__(self):
            pass

    future = Careless()
    for use in (future.get_loop, lambda: future.set_result(1), lambda: next(iter(future))):
        with pytest.raises(RuntimeError, match="^Future object is not initialized"):
            use()
    with pytest.raises(asyncio.InvalidStateError, match="^Future object is not initialized"):
        future.result()


def test_without_its_base_constructor_a_task_is_refused_at_use(loop, task_base):
    class Careless(task_base):
        def __init__(self):
            pass

    task = Careless()
    with pytest.raises(RuntimeError, match="^Future object is not initialized"):
        task.get_loop()


def test_a_half_made_future_or_task_can_be_collected(loop, future_base, task_base):
    refs = [weakref.ref(each.__new__(each)) for each in (future_base, task_base)]
    gc.collect()
    assert [ref() for ref in refs] == [None, None]


def test_an_overridden_callback_adder_is_what_a_waiting_task_calls(loop, future_base):
    added = []

    class Counting(future_base):
        def add_done_callback(self, callback, *, context=None):
            added.append(context)
            super().add_done_callback(callback, context=context)

    async def main():
        loop.call_soon(counting.set_result, "Mocha")
        return await counting

    counting = Counting(loop=loop)
    assert loop.run_until_complete(loop.create_task(main())) == "Mocha"
    (context,) = added
    assert context is not None


def test_an_overridden_cancel_is_what_cancelling_its_waiter_calls(loop, turn, future_base):
    asked = []

    class Stubborn(future_base):
        def cancel(self, msg=None):
            asked.append(msg)
            return False

    async def main():
        await future

    future = Stubborn(loop=loop)
    task = loop.create_task(main())
    turn()
    task.cancel("closed")
    assert asked == ["closed"]
    assert not future.done()
    future.set_result("Mocha")
    turn()
    turn()
    # It refused, so the task is told when it goes on.
    assert task.cancelled()


def test_overridden_results_are_what_a_waiting_task_gets(loop, future_base):
    class Polite(future_base):
        def result(self):
            return f"{super().result()}, please"

        def __await__(self):
            yield from super().__await__()
            return self.result()

    async def main():
        loop.call_soon(polite.set_result, "Mocha")
        return await polite

    polite = Polite(loop=loop)
    assert loop.run_until_complete(main()) == "Mocha, please"


def test_an_overridden_set_result_is_called_by_those_who_set_it(loop, future_base):
    class Doubling(future_base):
        def set_result(self, result):
            super().set_result(result * 2)

    future = Doubling(loop=loop)
    loop.call_soon(future.set_result, 21)
    assert loop.run_until_complete(future) == 42


def test_an_overridden_cancel_of_a_task_is_what_groups_and_limits_call(loop, task_base):
    asked = []

    class Noting(task_base):
        def cancel(self, msg=None):
            asked.append((self.get_name(), msg))
            return super().cancel(msg)

    async def endless():
        await loop.create_future()

    async def spill():
        raise ValueError("spilt")

    async def main():
        with pytest.raises(ExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(endless(), name="endless")
                group.create_task(spill(), name="spill")
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await endless()
        return await asyncio.gather(brew())

    loop.set_task_factory(lambda loop, coro, **kw: Noting(coro, loop=loop, **kw))
    assert loop.run_until_complete(loop.create_task(main(), name="main")) == ["Mocha"]
    assert sorted(name for name, _ in asked) == ["endless", "main", "main"]


def test_overridden_names_and_reprs_are_shown(loop, task_base):
    class Barista(task_base):
        def __repr__(self):
            return "<Ada>"

    async def main():
        await barista

    barista = Barista(brew(), loop=loop)
    assert f"{barista!r}" == "<Ada>"
    waiting = loop.create_task(main())
    loop.stop()
    loop.run_forever()
    assert "wait_for=<Ada>" in repr(waiting)
    loop.run_until_complete(waiting)


def test_a_subclass_may_have_a_finaliser(loop, task_base, future_base):
    ended = []

    class Barista(task_base):
        def __del__(self):
            ended.append("barista")
            super().__del__()

    class Order(future_base):
        def __del__(self):
            ended.append("order")
            super().__del__()

    order = Order(loop=loop)
    loop.run_until_complete(Barista(brew(), loop=loop))
    del order
    gc.collect()
    assert sorted(ended) == ["barista", "order"]


def test_a_subclass_may_have_several_bases(loop, future_base):
    class Named:
        name = "order"

        def shout(self):
            return self.name.upper()

    class Order(Named, future_base):
        pass

    order = Order(loop=loop)
    order.set_result(order.shout())
    assert loop.run_until_complete(order) == "ORDER"


def test_a_subclass_may_be_generic(loop, task_base, future_base):
    class Order(future_base[str]):
        pass

    class Barista(task_base[str]):
        pass

    assert isinstance(Order(loop=loop), asyncio.Future)
    assert loop.run_until_complete(Barista(brew(), loop=loop)) == "Mocha"


def test_subclasses_of_the_pure_python_classes_work(loop):
    class Order(asyncio.futures._PyFuture):
        pass

    class Barista(asyncio.tasks._PyTask):
        pass

    async def main():
        order = Order(loop=loop)
        loop.call_soon(order.set_result, "Latte")
        return await order, await Barista(brew(), loop=loop)

    assert loop.run_until_complete(main()) == ("Latte", "Mocha")


def test_the_class_of_a_future_cannot_be_changed_to_a_stranger(loop):
    future = loop.create_future()
    with pytest.raises(TypeError):
        future.__class__ = object


def test_futures_and_tasks_are_neither_copied_nor_pickled(loop):
    task = loop.create_task(brew())
    for thing in (loop.create_future(), task):
        for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
            with pytest.raises(TypeError):
                attempt(thing)
    loop.run_until_complete(task)


def test_the_interpreters_own_constructor_refuses_what_is_no_coroutine(loop, task_base):
    for thing in (42, None, brew, [], loop.create_future()):
        with pytest.raises(TypeError, match="^a coroutine was expected, got "):
            task_base(thing, loop=loop)


def test_constructing_twice_is_taken_as_the_interpreter_takes_it(loop, future_base):
    future = future_base(loop=loop)
    future.set_result("Mocha")
    if sys.version_info >= (3, 15):
        with pytest.raises(RuntimeError, match="is already initialized$"):
            future.__init__(loop=loop)
        assert future.result() == "Mocha"
    else:
        future.__init__(loop=loop)
        assert not future.done()


def test_the_loop_is_given_by_name_alone(loop, future_base):
    with pytest.raises(TypeError):
        future_base(loop)
    with pytest.raises(TypeError):
        future_base(loop=loop, name="order")


# docs/divergences.md: the loop's own classes go with its kind of loop alone.
@pytest.mark.parametrize("loop_name", ["asyncio"])
def test_what_is_no_loop_is_taken_until_it_is_used(future_base):
    # asyncio asks a loop nothing but whether it debugs.
    class Quiet:
        def get_debug(self):
            return False

    quiet = Quiet()
    assert future_base(loop=quiet).get_loop() is quiet
    with pytest.raises(AttributeError, match="get_debug"):
        future_base(loop="beans")
