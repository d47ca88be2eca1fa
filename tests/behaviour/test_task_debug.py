"""Tasks and futures in debug mode: where they were made, and who was slow."""

import asyncio
import gc
import re
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

HERE = re.escape(__file__)


@pytest.fixture
def loop(loop):
    loop.set_debug(True)
    return loop


async def nothing():
    pass


async def nap():
    await asyncio.sleep(0)


def places(thing):
    """The files and functions of what a thing remembers of its making."""
    return [(frame.filename, frame.name) for frame in thing._source_traceback]


def test_without_debug_mode_nothing_is_remembered(loop, turn):
    loop.set_debug(False)
    task = loop.create_task(nothing())
    assert loop.create_future()._source_traceback is None
    assert task._source_traceback is None
    turn()


def test_a_future_remembers_where_it_was_made(loop):
    future = loop.create_future()
    here = (__file__, sys._getframe().f_code.co_name)
    # asyncio's own loop stands between.
    assert here in places(future)[-2:]


def test_a_task_remembers_where_it_was_made(loop, turn):
    task = loop.create_task(nothing())
    assert places(task)[-1] == (__file__, sys._getframe().f_code.co_name)
    turn()


def test_tasks_made_by_asyncios_functions_remember_the_program_too(loop):
    async def main():
        made = [
            asyncio.create_task(nothing()),
            asyncio.ensure_future(nothing()),
            asyncio.Task(nothing()),
        ]
        async with asyncio.TaskGroup() as group:
            made.append(group.create_task(nothing()))
        gathering = asyncio.gather(nothing())
        await gathering
        return [*made, gathering]

    for thing in loop.run_until_complete(main()):
        assert (__file__, "main") in places(thing)


def test_the_repr_shows_where_a_thing_was_made(loop, turn):
    task = loop.create_task(nothing(), name="barista")
    line = sys._getframe().f_lineno - 1
    assert re.fullmatch(
        rf"<Task pending name='barista' coro=<nothing\(\) running at {HERE}:\d+> "
        rf"created at {HERE}:{line}>",
        repr(task),
    )
    turn()
    assert repr(task).endswith(f" result=None created at {__file__}:{line}>")


def test_a_callback_adds_its_place_to_the_repr_of_a_waiting_task(loop, turn):
    task = loop.create_task(nap())
    task.add_done_callback(print)
    assert re.search(rf" cb=\[print\(\)\] created at {HERE}:\d+>$", repr(task))
    turn()
    turn()


def test_a_slow_step_names_the_task(loop, turn, log):
    loop.slow_callback_duration = 0
    task = loop.create_task(nap(), name="barista")
    turn()
    (record,) = log.take()
    assert re.match(
        rf"Executing <Task pending name='barista' coro=<nap\(\) running at {HERE}:\d+> .*"
        r"created at .*> took \d+\.\d{3} seconds$",
        record.getMessage(),
    )
    turn()
    (record,) = log.take()
    assert re.match(
        rf"Executing <Task finished name='barista' coro=<nap\(\) done, defined at {HERE}:\d+> "
        r"result=None created at .*> took \d+\.\d{3} seconds$",
        record.getMessage(),
    )
    assert task.done()


def test_a_slow_wake_up_names_the_task(loop, turn, log):
    async def wait():
        await future

    future = loop.create_future()
    task = loop.create_task(wait(), name="guest")
    turn()
    log.take()
    future.set_result(None)
    loop.slow_callback_duration = 0
    turn()
    (record,) = log.take()
    assert record.getMessage().startswith("Executing <Task finished name='guest' coro=<")
    assert task.done()


def test_a_slow_done_callback_is_named_itself(loop, turn, log):
    def slow(future):
        pass

    future = loop.create_future()
    future.add_done_callback(slow)
    future.set_result(None)
    loop.slow_callback_duration = 0
    turn()
    (record,) = log.take()
    assert re.match(r"Executing <Handle .*slow\(.*\) at .*> took ", record.getMessage())


if sys.version_info >= (3, 12):

    def test_a_slow_step_that_begins_eagerly_is_its_makers(loop, turn, log):
        async def main():
            asyncio.Task(nothing(), loop=loop, eager_start=True)

        loop.slow_callback_duration = 0
        loop.create_task(main(), name="main")
        turn()
        (record,) = log.take()
        assert record.getMessage().startswith("Executing <Task finished name='main' coro=<")


def test_a_task_is_not_made_by_a_thread_that_is_not_the_loops(loop, log):
    async def main():
        return await asyncio.to_thread(attempt)

    def attempt():
        coroutine = nothing()
        try:
            # A task is scheduled by `call_soon`, which is the loop's thread's alone.
            loop.create_task(coroutine)
        except RuntimeError as error:
            return str(error)
        finally:
            coroutine.close()

    message = "Non-thread-safe operation invoked on an event loop other than the current one"
    assert loop.run_until_complete(main()) == message
    loop.run_until_complete(loop.shutdown_default_executor())
    # What was made of it before it was refused is lost.
    gc.collect()
    assert log.take_one().getMessage().startswith("Task was destroyed but it is pending!\n")


def test_a_forgotten_sleep_is_told_with_the_place_of_its_making(loop, turn):
    def forget():
        asyncio.sleep(1)

    loop.call_soon(forget)
    with pytest.warns(RuntimeWarning) as told:
        turn()
    (warning,) = told
    message = str(warning.message)
    assert message.startswith("coroutine 'sleep' was never awaited\n")
    assert "Coroutine created at (most recent call last)\n" in message
    assert f'File "{__file__}", line {forget.__code__.co_firstlineno + 1}, in forget' in message


PROGRAM = """
import asyncio, gc, logging, re
logging.basicConfig(format="%(message)s")

async def lost():
    await asyncio.get_running_loop().create_future()

async def main():
    # On a busy machine anything may be slow, and would be told as well.
    asyncio.get_running_loop().slow_callback_duration = 60
    asyncio.create_task(lost(), name="lost")
    await asyncio.sleep(0)
    gc.collect()
    return asyncio.get_running_loop().get_debug()

with asyncio.Runner(loop_factory=new_loop) as runner:
    print(runner.run(main()))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "environment"), [(["-X", "dev"], {}), ([], {"PYTHONASYNCIODEBUG": "1"})]
)
def test_the_interpreters_switches_make_lost_tasks_tell_their_places(
    start_script, options, environment
):
    process = start_script(PROGRAM, *options, **environment)
    printed, complaints = process.communicate(timeout=60)
    assert (process.returncode, printed) == (0, "True\n")
    head, source, *rest = complaints.splitlines()
    assert head == "Task was destroyed but it is pending!"
    assert source == "source_traceback: Object created at (most recent call last):"
    assert any(line.endswith(", in main") for line in rest)
    assert rest[-1].startswith("task: <Task pending name='lost' coro=<lost() ")
