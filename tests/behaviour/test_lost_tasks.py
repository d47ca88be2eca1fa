"""What is told of tasks and futures that are dropped: pending, failed, or never begun."""

import asyncio
import gc
import re
import sys
import warnings

import pytest

pytestmark = pytest.mark.usefixtures("names")


class Spilt(Exception):
    pass


async def spill():
    raise Spilt("milk")


@pytest.fixture
def reports(loop):
    """The contexts that reach the loop's exception handler, without what would keep them alive."""
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context))
    return reports


def lose(loop, turn):
    """Drops a task that waits for what only it knows."""

    async def lost():
        await loop.create_future()

    loop.create_task(lost(), name="lost")
    turn()
    gc.collect()


def fail(loop, turn):
    """Drops a task that has failed."""
    loop.create_task(spill(), name="failed")
    turn()
    gc.collect()


# Whether the coroutine is already closed when its task is told of is the collector's business.
LOST_COROUTINE = rf"<lose\.<locals>\.lost\(\) .* {re.escape(__file__)}:\d+>"


def test_a_pending_task_that_is_lost_is_told(loop, turn, reports):
    lose(loop, turn)
    (report,) = reports
    assert set(report) == {"message", "task"}
    assert report["message"] == "Task was destroyed but it is pending!"
    assert isinstance(report["task"], asyncio.Task)
    assert re.fullmatch(
        rf"<Task pending name='lost' coro={LOST_COROUTINE} "
        r"wait_for=<Future pending cb=\[Task\.task_wakeup\(\)\]>>",
        repr(report["task"]),
    )


def test_it_is_logged_with_its_repr(loop, turn, log):
    lose(loop, turn)
    record = log.take_one()
    assert record.levelname == "ERROR"
    assert re.fullmatch(
        "Task was destroyed but it is pending!\n"
        rf"task: <Task pending name='lost' coro={LOST_COROUTINE} wait_for=<Future .*>>",
        record.getMessage(),
    )
    assert not record.exc_info


def test_in_debug_mode_it_is_told_with_the_place_of_its_making(loop, turn, reports):
    loop.set_debug(True)
    lose(loop, turn)
    (report,) = reports
    assert set(report) == {"message", "task", "source_traceback"}
    last = report["source_traceback"][-1]
    assert (last.filename, last.name) == (__file__, "lose")
    assert last.line == 'loop.create_task(lost(), name="lost")'


def test_a_task_that_is_told_of_may_be_kept(loop, turn, reports):
    lose(loop, turn)
    task = reports.pop()["task"]
    assert not task.done()
    assert task.get_name() == "lost"
    task.cancel()
    turn()
    turn()
    assert task.done()


def test_a_pending_task_that_is_known_elsewhere_is_not_told(loop, turn, reports):
    future = loop.create_future()

    async def wait():
        await future

    loop.create_task(wait())
    turn()
    gc.collect()
    # The future knows who waits for it.
    assert reports == []
    future.cancel()
    turn()
    turn()


def test_a_pending_task_may_be_told_to_be_silent(loop, turn, reports):
    async def lost():
        asyncio.current_task()._log_destroy_pending = False
        await loop.create_future()

    loop.create_task(lost())
    turn()
    gc.collect()
    assert reports == []


def test_a_cancelled_task_that_is_lost_before_it_is_told_is_told_of(loop, turn, reports):
    async def lost():
        await loop.create_future()

    task = loop.create_task(lost(), name="lost")
    turn()
    task.cancel()
    del task
    gc.collect()
    # Its step is on its way, and keeps it.
    assert reports == []
    turn()
    assert reports == []


def test_children_of_a_gathering_are_lost_in_silence(loop, turn, reports):
    async def lost():
        await loop.create_future()

    async def gather():
        asyncio.gather(lost(), lost())

    loop.run_until_complete(gather())
    turn()
    gc.collect()
    assert reports == []


def test_a_failed_task_that_nobody_asked_is_told(loop, turn, reports):
    fail(loop, turn)
    (report,) = reports
    assert set(report) == {"message", "exception", "future"}
    assert report["message"] == "Task exception was never retrieved"
    assert isinstance(report["exception"], Spilt)
    assert re.fullmatch(
        r"<Task finished name='failed' coro=<spill\(\) done, defined at .*> "
        r"exception=Spilt\('milk'\)>",
        repr(report["future"]),
    )


def test_it_is_logged_with_its_traceback(loop, turn, log):
    fail(loop, turn)
    record = log.take_one()
    assert record.levelname == "ERROR"
    assert record.getMessage().startswith(
        "Task exception was never retrieved\nfuture: <Task finished name='failed' coro=<spill() "
    )
    assert record.exc_info[0] is Spilt
    assert record.exc_info[2] is not None


def test_in_debug_mode_a_failure_is_told_with_the_place_of_its_tasks_making(loop, turn, reports):
    loop.set_debug(True)
    fail(loop, turn)
    (report,) = reports
    assert set(report) == {"message", "exception", "future", "source_traceback"}
    assert report["source_traceback"][-1].name == "fail"


def test_a_failed_future_is_told(loop, reports):
    loop.create_future().set_exception(Spilt("milk"))
    gc.collect()
    (report,) = reports
    assert report["message"] == "Future exception was never retrieved"
    assert repr(report["future"]) == "<Future finished exception=Spilt('milk')>"


def test_subclasses_are_told_by_their_own_names(loop, turn, reports):
    class Order(asyncio.Future):
        pass

    class Barista(asyncio.Task):
        pass

    Order(loop=loop).set_exception(Spilt())
    Barista(spill(), loop=loop)
    turn()
    gc.collect()
    assert sorted(report["message"] for report in reports) == [
        "Barista exception was never retrieved",
        "Order exception was never retrieved",
    ]


ASK = {
    "result": lambda task: pytest.raises(Spilt, task.result),
    "exception": lambda task: task.exception(),
    "cancel": lambda task: task.cancel(),
    "await": lambda task: pytest.raises(Spilt, task.get_loop().run_until_complete, task),
}


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
@pytest.mark.parametrize("kind", ["task", "future"])
def test_a_failure_that_somebody_asked_for_is_not_told(loop, turn, reports, kind, ask):
    if kind == "task":
        failed = loop.create_task(spill())
        turn()
    else:
        failed = loop.create_future()
        failed.set_exception(Spilt())
    ask(failed)
    del failed
    gc.collect()
    assert reports == []


def test_a_failure_may_be_marked_as_asked_for(loop, reports):
    future = loop.create_future()
    future.set_exception(Spilt())
    assert future._log_traceback is True
    future._log_traceback = False
    with pytest.raises(ValueError, match="^_log_traceback can only be set to False$"):
        future._log_traceback = True
    del future
    gc.collect()
    assert reports == []


def test_a_callback_alone_does_not_count_as_asking(loop, turn, reports):
    future = loop.create_future()
    future.add_done_callback(lambda future: None)
    future.set_exception(Spilt())
    turn()
    del future
    gc.collect()
    assert len(reports) == 1


def test_the_end_of_a_cancelled_or_finished_task_is_not_told(loop, turn, reports):
    async def nothing():
        pass

    loop.create_task(nothing())
    loop.create_task(nothing()).cancel()
    loop.create_future()
    loop.create_future().set_result(None)
    loop.create_future().cancel()
    turn()
    turn()
    gc.collect()
    assert reports == []


def test_a_shielded_failure_whose_waiter_went_is_told_as_the_interpreter_tells_it(
    loop, turn, reports
):
    future = loop.create_future()
    shield = asyncio.shield(future)
    shield.cancel()
    turn()
    future.set_exception(Spilt("milk"))
    turn()
    del shield, future
    gc.collect()
    messages = [report["message"] for report in reports]
    # Since 3.14 it is told at once; before, when it was collected.
    if sys.version_info >= (3, 14):
        assert messages == ["Spilt exception in shielded future"]
    else:
        assert messages == ["Future exception was never retrieved"]


def test_a_handler_that_fails_at_a_lost_task_is_not_the_programs_problem(loop, turn, log):
    def broken(loop, context):
        raise Spilt("in the handler")

    loop.set_exception_handler(broken)
    lose(loop, turn)
    assert log.take_one().getMessage().startswith("Unhandled error in exception handler")


def test_a_coroutine_that_no_task_took_is_told():
    with pytest.warns(RuntimeWarning, match="^coroutine 'spill' was never awaited$"):
        spill()
        gc.collect()


def test_a_coroutine_of_a_task_that_never_began_is_told(new_loop, log):
    loop = new_loop()
    task = loop.create_task(spill(), name="never begun")
    loop.close()
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        del task
        gc.collect()
    assert [str(warning.message) for warning in told] == ["coroutine 'spill' was never awaited"]
    assert log.take_one().getMessage().startswith(
        "Task was destroyed but it is pending!\ntask: <Task pending name='never begun' coro="
    )


def test_a_coroutine_of_a_task_that_was_cancelled_before_it_began_is_not_told(loop, turn):
    task = loop.create_task(spill())
    task.cancel()
    turn()
    turn()
    assert task.cancelled()
    del task
    gc.collect()
