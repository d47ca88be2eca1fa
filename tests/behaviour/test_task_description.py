"""What a task and a future tell of themselves: name, repr, coroutine, context, stack."""

import asyncio
import contextvars
import io
import re
import sys
import types

import pytest

flavour = contextvars.ContextVar("flavour", default="Vanilla")


async def brew(coffee="Mocha"):
    await asyncio.sleep(0)
    return coffee


async def wait_for(future):
    return await future


async def spill():
    raise ValueError("spilt")


def line_of(function, further=0):
    return f"{__file__}:{function.__code__.co_firstlineno + further}"


def served(future):
    pass


@pytest.fixture
def waiting(loop, turn):
    """A task that waits for a future, and the future."""
    future = loop.create_future()
    task = loop.create_task(wait_for(future), name="guest")
    turn()
    yield task, future
    if not future.done():
        future.set_result(None)
    loop.run_until_complete(asyncio.wait([task]))


def test_names_are_counted_unless_given(loop):
    tasks = [loop.create_task(brew()) for _ in range(3)]
    numbers = [int(re.fullmatch(r"Task-(\d+)", task.get_name())[1]) for task in tasks]
    assert numbers == list(range(numbers[0], numbers[0] + 3))
    loop.run_until_complete(asyncio.wait(tasks))


def test_a_name_that_is_given_takes_no_number(loop):
    tasks = [loop.create_task(brew(), name=name) for name in (None, "barista", None)]
    first, name, second = (task.get_name() for task in tasks)
    assert name == "barista"
    assert int(second.removeprefix("Task-")) == int(first.removeprefix("Task-")) + 1
    loop.run_until_complete(asyncio.wait(tasks))


def test_a_name_that_is_no_string_is_made_one(loop):
    tasks = [loop.create_task(brew(), name=name) for name in (42, "", ("a", 1))]
    assert [task.get_name() for task in tasks] == ["42", "", "('a', 1)"]
    assert [type(task.get_name()) for task in tasks] == [str] * 3
    loop.run_until_complete(asyncio.wait(tasks))


def test_a_name_can_be_changed_at_any_time(loop):
    task = loop.create_task(brew(), name="barista")
    task.set_name("waiter")
    assert task.get_name() == "waiter"
    loop.run_until_complete(task)
    task.set_name(42)
    assert task.get_name() == "42"


def test_a_task_that_has_not_begun_shows_where_it_would(loop):
    task = loop.create_task(brew(), name="barista")
    assert repr(task) == (
        f"<Task pending name='barista' coro=<brew() running at {line_of(brew)}>>"
    )
    loop.run_until_complete(task)


def test_a_task_that_waits_shows_where_and_for_what(waiting):
    task, future = waiting
    waiter = "cb=[Task.task_wakeup()]"
    assert repr(future) == f"<Future pending {waiter}>"
    assert repr(task) == (
        f"<Task pending name='guest' coro=<wait_for() running at {line_of(wait_for, 1)}> "
        f"wait_for=<Future pending {waiter}>>"
    )


def test_a_task_that_is_woken_still_shows_what_it_waited_for(waiting):
    task, future = waiting
    future.set_result("Mocha")
    assert "wait_for=<Future finished result='Mocha'>" in repr(task)


def test_a_task_that_runs_shows_itself_as_pending(loop):
    async def show():
        return repr(asyncio.current_task())

    shown = loop.run_until_complete(loop.create_task(show(), name="barista"))
    assert re.fullmatch(
        r"<Task pending name='barista' coro=<.*show\(\) running at .*> cb=\[.*\]>", shown
    )


def test_a_task_that_is_being_cancelled_shows_that(waiting):
    task, _ = waiting
    task.cancel()
    assert repr(task).startswith("<Task cancelling name='guest' coro=<wait_for() running at ")


def test_a_task_that_ended_shows_its_result(loop):
    task = loop.create_task(brew(), name="barista")
    loop.run_until_complete(task)
    assert repr(task) == (
        f"<Task finished name='barista' coro=<brew() done, defined at {line_of(brew)}> "
        "result='Mocha'>"
    )


def test_a_task_that_failed_shows_its_exception(loop):
    task = loop.create_task(spill(), name="barista")
    loop.run_until_complete(asyncio.wait([task]))
    assert repr(task) == (
        f"<Task finished name='barista' coro=<spill() done, defined at {line_of(spill)}> "
        "exception=ValueError('spilt')>"
    )
    task.exception()


def test_a_task_that_was_cancelled_shows_that(waiting, loop):
    task, _ = waiting
    task.cancel()
    loop.run_until_complete(asyncio.wait([task]))
    assert repr(task) == (
        f"<Task cancelled name='guest' coro=<wait_for() done, defined at {line_of(wait_for)}>>"
    )


def test_callbacks_are_shown_the_first_and_the_last(loop):
    future = loop.create_future()
    source = f"served() at {line_of(served)}"
    shown = []
    for _ in range(4):
        future.add_done_callback(served)
        shown.append(repr(future))
    assert shown == [
        f"<Future pending cb=[{source}]>",
        f"<Future pending cb=[{source}, {source}]>",
        f"<Future pending cb=[{source}, <1 more>, {source}]>",
        f"<Future pending cb=[{source}, <2 more>, {source}]>",
    ]


def test_a_tasks_callbacks_are_shown_at_its_end(loop):
    task = loop.create_task(brew(), name="barista")
    task.add_done_callback(served)
    assert repr(task).endswith(f"> cb=[served() at {line_of(served)}]>")
    loop.run_until_complete(task)


def test_a_future_shows_its_state(loop):
    futures = [loop.create_future() for _ in range(4)]
    futures[1].set_result(list(range(100)))
    futures[2].set_exception(ValueError("spilt"))
    futures[3].cancel("no more coffee")
    assert [repr(future) for future in futures] == [
        "<Future pending>",
        "<Future finished result=[0, 1, 2, 3, 4, 5, ...]>",
        "<Future finished exception=ValueError('spilt')>",
        "<Future cancelled>",
    ]
    futures[2].exception()


def test_a_future_whose_result_is_itself_can_be_shown(loop):
    future = loop.create_future()
    future.set_result(future)
    assert repr(future) == "<Future finished result=...>"


def test_a_subclass_shows_its_own_name(loop):
    class Order(asyncio.Future):
        pass

    class Barista(asyncio.Task):
        pass

    task = Barista(brew(), loop=loop, name="Ada")
    assert repr(Order(loop=loop)) == "<Order pending>"
    assert repr(task).startswith("<Barista pending name='Ada' coro=<brew() running at ")
    loop.run_until_complete(task)


def test_a_task_tells_its_coroutine(loop):
    coroutine = brew()
    task = loop.create_task(coroutine)
    assert task.get_coro() is coroutine
    loop.run_until_complete(task)
    assert task.get_coro() is coroutine


if sys.version_info >= (3, 12):

    def test_a_task_tells_its_context(loop):
        context = contextvars.copy_context()
        given, copied = loop.create_task(brew(), context=context), loop.create_task(brew())
        assert given.get_context() is context
        assert type(copied.get_context()) is contextvars.Context
        assert copied.get_context() is copied.get_context()
        loop.run_until_complete(asyncio.wait([given, copied]))

    def test_what_a_task_sets_is_seen_in_the_context_that_it_tells(loop):
        async def choose():
            flavour.set("Caramel")
            await asyncio.sleep(0)
            return asyncio.current_task().get_context().get(flavour)

        task = loop.create_task(choose())
        assert loop.run_until_complete(task) == "Caramel"
        assert task.get_context()[flavour] == "Caramel"
        assert flavour.get() == "Vanilla"

    def test_what_is_set_in_the_context_that_a_task_tells_is_seen_by_the_task(loop):
        async def taste():
            return flavour.get()

        task = loop.create_task(taste())
        task.get_context().run(flavour.set, "Pistachio")
        assert loop.run_until_complete(task) == "Pistachio"


def test_the_stack_of_a_waiting_task_is_its_coroutines_frame(waiting):
    task, _ = waiting
    (frame,) = task.get_stack()
    assert frame is task.get_coro().cr_frame
    assert frame.f_lineno == wait_for.__code__.co_firstlineno + 1
    assert task.get_stack(limit=0) == []


def test_the_stack_of_a_running_task_ends_where_it_runs(run):
    def ask():
        return [frame.f_code.co_name for frame in asyncio.current_task().get_stack()]

    async def main():
        return ask(), asyncio.current_task().get_stack(limit=1)[0] is sys._getframe()

    names, own = run(main)
    # The coroutine's frame and its callers, not what it calls.
    assert names[-1] == "main"
    assert "ask" not in names
    assert own


def test_the_stack_of_a_failed_task_is_its_traceback(loop):
    async def carry():
        await spill()

    task = loop.create_task(carry())
    loop.run_until_complete(asyncio.wait([task]))
    assert [frame.f_code.co_name for frame in task.get_stack()] == ["carry", "spill"]
    assert [frame.f_code.co_name for frame in task.get_stack(limit=1)] == ["carry"]
    task.exception()


def test_a_task_that_ended_well_has_no_stack(loop):
    task = loop.create_task(brew())
    loop.run_until_complete(task)
    assert task.get_stack() == []


def test_a_stack_is_printed_with_its_lines(waiting):
    task, _ = waiting
    file = io.StringIO()
    task.print_stack(file=file)
    head, place, line = file.getvalue().splitlines()
    assert head == f"Stack for {task!r} (most recent call last):"
    file_name, number = line_of(wait_for, 1).rsplit(":", 1)
    assert place == f'  File "{file_name}", line {number}, in wait_for'
    assert line == "    return await future"


def test_a_traceback_is_printed_with_its_exception(loop):
    task = loop.create_task(spill())
    loop.run_until_complete(asyncio.wait([task]))
    file = io.StringIO()
    task.print_stack(file=file)
    head, *_, last = file.getvalue().splitlines()
    assert head == f"Traceback for {task!r} (most recent call last):"
    assert last == "ValueError: spilt"
    task.exception()


def test_without_a_stack_that_is_printed(loop, capsys):
    task = loop.create_task(brew())
    loop.run_until_complete(task)
    task.print_stack()
    # To standard output, whatever asyncio's documents say.
    assert capsys.readouterr().out == f"No stack for {task!r}\n"


if sys.version_info < (3, 12):

    def test_a_task_of_a_generator_based_coroutine_has_a_stack(loop, turn):
        @types.coroutine
        def old():
            yield

        task = loop.create_task(old())
        turn()
        assert [frame.f_code.co_name for frame in task.get_stack()] == ["old"]
        loop.run_until_complete(task)
