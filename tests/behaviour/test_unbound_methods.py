"""Methods and attributes taken from asyncio's classes, for the objects that the loop hands out.

`asyncio.Task.cancel(task)` does what `task.cancel()` does: for every method and attribute that
the classes have on the Python at hand, in every state.  And `asyncio.Future`'s own, of a task, do
what they do to the future that the task is.
"""

import asyncio
import functools
import io
import types

import pytest


class Spilt(Exception):
    pass


def ignore(future):
    pass


KINDS = {"future": asyncio.Future, "task": asyncio.Task}
STATES = ("pending", "finished", "failed", "cancelled")

# What a method is called with, by position and by name; most take nothing.
ARGUMENTS = {
    "set_result": [("Latte",), {}],
    "set_exception": [(Spilt("sugar"),), {}],
    "add_done_callback": [(ignore,), {}],
    "remove_done_callback": [(ignore,), {}],
    "cancel": [(), {"msg": "closed"}],
    "set_name": [("barista",), {}],
    "get_stack": [(), {"limit": 1}],
    "print_stack": [(), {"file": io.StringIO()}],
}
# What an attribute is set to, where it can be.
VALUES = {
    "_asyncio_future_blocking": True,
    "_log_traceback": False,
    "_log_destroy_pending": False,
    "_cancel_message": "closed",
}
# About the class and not about its instances, or tested below by itself.
OF_THE_CLASS = {"__new__", "__class_getitem__", "__doc__", "__module__", "__init__", "__del__"}


def members(owner, *kinds):
    return [name for name, member in vars(owner).items()
            if isinstance(member, kinds) and name not in OF_THE_CLASS]


METHODS = types.MethodDescriptorType, types.WrapperDescriptorType
ATTRIBUTES = types.GetSetDescriptorType


@pytest.fixture
def make(loop, turn):
    """Makes objects of a kind and in a state, each as the others, and ends those that are left."""
    made = []

    def make(kind, state):
        ended = loop.create_future()
        coroutine = wait(ended)
        made.append(loop.create_task(coroutine, name="guest") if kind == "task" else ended)
        made[-1].add_done_callback(ignore)
        if kind == "task":
            turn()
        if state == "finished":
            ended.set_result("Mocha")
        elif state == "failed":
            ended.set_exception(Spilt("milk"))
        elif state == "cancelled":
            made[-1].cancel("by hand")
        if kind == "future":
            coroutine.close()
        for _ in range(3):
            turn()
        return made[-1]

    yield make
    for each in made:
        if not each.done():
            each.cancel()
    for _ in range(3):
        turn()
    for each in made:
        assert each.done()
        if not each.cancelled():
            each.exception()


async def wait(future):
    return await future


def outcome(call):
    """What a call came to, in a form that can be compared with another object's."""
    try:
        answer = call()
    except Exception as error:
        return "raised", type(error), str(error)
    except asyncio.CancelledError as error:
        return "raised", type(error), error.args
    if isinstance(answer, (Spilt, asyncio.CancelledError)):
        return "exception", type(answer), answer.args
    if isinstance(answer, (types.CoroutineType, asyncio.Future, list)):
        # Its own coroutine, what it waits for, its frames or its callbacks.
        return type(answer), len(answer) if isinstance(answer, list) else None
    if isinstance(answer, str):
        # Two objects have two addresses.
        return answer.split(" at 0x")[0].split(" coro=")[0].split("[")[0]
    if hasattr(answer, "__next__"):
        return "iterator", outcome(functools.partial(next, answer))
    return answer


def condition(thing):
    """All that can be asked of an object."""
    asked = {name: outcome(getattr(thing, name)) for name in ("done", "cancelled", "get_loop")}
    for name in ("_state", "_result", "_cancel_message", "_asyncio_future_blocking", "_callbacks"):
        asked[name] = outcome(functools.partial(getattr, thing, name))
    if thing.done():
        asked["exception"] = outcome(thing.exception)
    if isinstance(thing, asyncio.Task):
        asked["name"], asked["requests"] = thing.get_name(), thing.cancelling()
    return asked


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", KINDS)
def test_a_method_of_the_class_does_as_the_objects_own(make, turn, kind, state):
    names = members(KINDS[kind], *METHODS)
    assert {"cancel", "result", "__await__", "__repr__"} <= set(names)
    for name in names:
        args, options = ARGUMENTS.get(name, [(), {}])
        one, other = make(kind, state), make(kind, state)
        assert condition(one) == condition(other)
        own = outcome(lambda: getattr(one, name)(*args, **options))
        taken = outcome(lambda: getattr(KINDS[kind], name)(other, *args, **options))
        assert own == taken, name
        assert condition(one) == condition(other), name
        turn()
        assert condition(one) == condition(other), name


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("kind", KINDS)
def test_an_attribute_of_the_class_does_as_the_objects_own(make, kind, state):
    # Since 3.14 a task has most of them from the future that it is.
    for owner in {KINDS[kind], asyncio.Future}:
        names = members(owner, ATTRIBUTES)
        assert names
        for name in names:
            one, other = make(kind, state), make(kind, state)
            attribute = vars(owner)[name]
            own = outcome(lambda: getattr(one, name))
            assert own == outcome(lambda: attribute.__get__(other)), name
            value = VALUES.get(name)
            own = outcome(lambda: setattr(one, name, value))
            taken = outcome(lambda: attribute.__set__(other, value))
            # A refusal names the class that refuses.
            assert own == taken or own[:2] == taken[:2] == ("raised", AttributeError), name
            own = outcome(lambda: delattr(one, name))
            assert own[:2] == outcome(lambda: attribute.__delete__(other))[:2], name
            assert condition(one) == condition(other), name


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_arguments_are_refused_as_the_objects_own_method_does(make, kind):
    one, other = make(kind, "pending"), make(kind, "pending")
    for name in members(KINDS[kind], *METHODS):
        for args, options in [((1, 2, 3), {}), ((), {"barista": 1})]:
            own = outcome(lambda: getattr(one, name)(*args, **options))
            taken = outcome(lambda: getattr(KINDS[kind], name)(other, *args, **options))
            # On 3.12 methods without arguments take some.
            assert own == taken or own[:2] == taken[:2] == ("raised", TypeError), name
            assert name not in ARGUMENTS or own[1] is TypeError, name
    assert condition(one) == condition(other)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_future_is_refused(make, kind):
    for name in members(KINDS[kind], *METHODS):
        for thing in (1, asyncio.futures._PyFuture(loop=make(kind, "pending").get_loop())):
            with pytest.raises(TypeError):
                getattr(KINDS[kind], name)(thing)


def test_methods_of_the_class_work_where_functions_are_wanted(loop, turn):
    tasks = [loop.create_task(wait(loop.create_future()), name=f"guest {n}") for n in range(3)]
    turn()
    assert sorted(tasks, key=asyncio.Task.get_name) == tasks
    assert list(map(asyncio.Task.cancel, tasks)) == [True] * 3
    assert list(map(asyncio.Task.cancelling, tasks)) == [1] * 3
    turn()
    turn()
    assert list(filter(asyncio.Task.cancelled, tasks)) == tasks
    assert set(map(asyncio.Future.get_loop, tasks)) == {loop}


def test_a_method_of_the_class_can_be_a_callback(loop, turn):
    futures = [loop.create_future() for _ in range(100)]
    for number, future in enumerate(futures):
        loop.call_soon(asyncio.Future.set_result, future, number)
    turn()
    assert [asyncio.Future.result(future) for future in futures] == list(range(100))


def test_a_method_bound_by_hand_is_bound(loop):
    future = loop.create_future()
    set_result = asyncio.Future.set_result.__get__(future, asyncio.Future)
    set_result("Mocha")
    assert future.result() == "Mocha"


def test_a_future_of_a_call_through_the_class_wakes_who_waits(loop):
    future = loop.create_future()
    loop.call_soon(asyncio.Future.set_result, future, "Mocha")
    assert loop.run_until_complete(wait(future)) == "Mocha"


def test_a_class_derived_from_the_loops_may_call_asyncios_methods(loop, turn):
    Base = type(loop.create_future())

    class Noting(Base):
        def set_result(self, result):
            asyncio.Future.set_result(self, [result])

        def cancel(self, msg=None):
            return asyncio.Future.cancel(self, msg=msg)

        def __repr__(self):
            return asyncio.Future.__repr__(self).upper()

    future, other = Noting(loop=loop), Noting(loop=loop)
    future.set_result("Mocha")
    assert future.result() == ["Mocha"]
    assert repr(future).startswith("<NOTING FINISHED")
    assert other.cancel() and other.cancelled()


def test_a_class_derived_from_asyncios_may_call_its_methods_after_the_loops_were_used(loop, turn):
    loop.create_future().cancel()
    seen = []

    class Noting(asyncio.Future):
        def __init__(self, **options):
            asyncio.Future.__init__(self, **options)

        def set_result(self, result):
            super().set_result([result])

        def add_done_callback(self, fn, *, context=None):
            seen.append(fn)
            asyncio.Future.add_done_callback(self, fn, context=context)

    future = Noting(loop=loop)
    loop.call_soon(future.set_result, "Mocha")
    assert loop.run_until_complete(future) == ["Mocha"]
    assert repr(future) == "<Noting finished result=['Mocha']>"
    assert len(seen) == 1


# --- what asyncio.Future's methods do to a task


def test_a_tasks_outcome_can_be_forced_and_its_step_is_reported(loop, turn, log):
    async def never():
        raise AssertionError

    task = loop.create_task(never())
    asyncio.Future.set_result(task, "forced")
    assert task.result() == "forced"
    assert asyncio.all_tasks(loop) == set()
    turn()
    record = log.take_one()
    assert record.exc_info[0] is asyncio.InvalidStateError
    assert "step(): already done: <Task finished" in str(record.exc_info[1])
    assert task.result() == "forced"
    task.get_coro().close()


def test_a_task_can_be_cancelled_as_the_future_that_it_is(make, loop, turn, log):
    ended = loop.create_future()
    task = loop.create_task(wait(ended))
    turn()
    assert asyncio.Future.cancel(task, msg="forced")
    # Its coroutine isn't told.
    assert (task.cancelled(), task.cancelling(), ended.done()) == (True, 0, False)
    ended.set_result("Mocha")
    turn()
    assert log.take_one().exc_info[0] is asyncio.InvalidStateError
    task.get_coro().close()


def test_a_task_is_shown_as_a_task_by_both(make):
    task = make("task", "pending")
    assert asyncio.Task.__repr__(task) == repr(task)
    assert asyncio.Future.__repr__(task).startswith("<Task pending")
    assert "name=" not in asyncio.Future.__repr__(task)


def test_a_gathering_is_the_future_that_it_is(run):
    async def main():
        loop = asyncio.get_running_loop()
        children = [loop.create_future(), loop.create_future()]
        gathering = asyncio.gather(*children)
        assert not asyncio.Future.done(gathering)
        assert asyncio.Future.cancel(gathering)
        # Its children aren't told.
        assert gathering.cancelled() and not children[0].done()
        for child in children:
            child.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gathering

    run(main)


# --- beginnings and ends


def test_asyncios_init_begins_a_future(loop):
    future = (kind := type(loop.create_future())).__new__(kind)
    asyncio.Future.__init__(future, loop=loop)
    assert future.get_loop() is loop
    loop.call_soon(future.set_result, "Mocha")
    assert loop.run_until_complete(future) == "Mocha"


def test_asyncios_init_begins_a_task(loop):
    async def brew():
        await asyncio.sleep(0)
        return "Mocha"

    first = loop.create_task(brew())
    loop.run_until_complete(first)
    task = type(first).__new__(type(first))
    asyncio.Task.__init__(task, brew(), loop=loop, name="barista")
    assert task.get_name() == "barista"
    assert loop.run_until_complete(task) == "Mocha"


def test_asyncios_del_says_what_the_end_of_a_future_says(loop, log):
    future = loop.create_future()
    future.set_exception(Spilt("milk"))
    asyncio.Future.__del__(future)
    assert log.take_one().getMessage().startswith("Future exception was never retrieved")


def test_asyncios_del_says_what_the_end_of_a_task_says(loop, turn, log):
    task = loop.create_task(wait(loop.create_future()))
    turn()
    asyncio.Task.__del__(task)
    assert log.take_one().getMessage().startswith("Task was destroyed but it is pending!")
    task.cancel()
    turn()
    turn()
