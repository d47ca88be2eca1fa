"""What becomes of exceptions in callbacks: which are reported, how, and which leave the loop."""

import asyncio
import contextvars
import gc
import sys
import traceback

import pytest

flavour = contextvars.ContextVar("flavour", default="Vanilla")


class Spilt(Exception):
    pass


class Flood(BaseException):
    pass


def spill():
    raise Spilt("milk")


SPILL = f"spill() at {__file__}:{spill.__code__.co_firstlineno}"


def raise_it(error):
    raise error


@pytest.fixture
def reports(loop):
    """The contexts that reach the loop's exception handler, which does nothing else."""
    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context))
    return reports


def test_an_exception_in_a_callback_is_logged_with_the_callback(loop, turn, log):
    loop.call_soon(spill)
    turn()
    record = log.take_one()
    assert record.levelname == "ERROR"
    assert record.getMessage() == f"Exception in callback {SPILL}\nhandle: <Handle {SPILL}>"
    assert record.exc_info[0] is Spilt
    assert traceback.extract_tb(record.exc_info[2])[-1].name == "spill"


def test_an_exception_in_a_timer_is_logged_with_its_deadline(loop, turn, log):
    timer = loop.call_at(1.5, spill)
    turn()
    assert log.take_one().getMessage() == (
        f"Exception in callback {SPILL}\nhandle: <TimerHandle when=1.5 {SPILL}>"
    )
    assert not timer.cancelled()


def test_the_loop_goes_on_after_an_exception_in_a_callback(loop, turn, log):
    seen = []
    loop.call_soon(spill)
    loop.call_soon(seen.append, "same turn")
    loop.call_soon(loop.call_soon, seen.append, "next turn")
    turn()
    turn()
    assert seen == ["same turn", "next turn"]
    log.take_one()


def test_the_handler_is_told_the_message_the_exception_and_the_handle(loop, turn, reports):
    handle = loop.call_soon(spill)
    turn()
    (report,) = reports
    assert set(report) == {"message", "exception", "handle"}
    assert report["message"] == f"Exception in callback {SPILL}"
    assert isinstance(report["exception"], Spilt)
    assert report["handle"] is handle


def test_in_debug_mode_the_handler_is_told_where_the_callback_was_scheduled(loop, turn, reports):
    loop.set_debug(True)
    loop.call_soon(spill)
    turn()
    (report,) = reports
    scheduled_in = report["source_traceback"][-1]
    assert (scheduled_in.filename, scheduled_in.name) == (__file__, sys._getframe().f_code.co_name)


def test_the_handler_is_called_with_the_loop(loop, turn):
    seen = []
    loop.set_exception_handler(lambda *arguments: seen.append(arguments[0]))
    loop.call_soon(spill)
    turn()
    assert seen == [loop]


def test_what_is_not_an_exception_of_control_is_reported_too(loop, turn, reports):
    for error in (Flood(), GeneratorExit(), asyncio.CancelledError(), StopIteration()):
        loop.call_soon(raise_it, error)
    turn()
    assert [type(report["exception"]) for report in reports] == [
        Flood,
        GeneratorExit,
        asyncio.CancelledError,
        StopIteration,
    ]


def test_calling_what_is_not_callable_is_reported_when_its_turn_comes(loop, turn, reports):
    loop.call_soon("not callable")
    turn()
    (report,) = reports
    assert isinstance(report["exception"], TypeError)
    assert str(report["exception"]) == "'str' object is not callable"


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_or_an_exit_leaves_the_loop(loop, turn, error):
    loop.call_soon(raise_it, error())
    with pytest.raises(error):
        turn()
    assert not loop.is_running()
    assert not loop.is_closed()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_after_an_interrupt_the_rest_of_the_turn_is_still_to_run(loop, turn, error):
    seen = []
    loop.call_soon(seen.append, "before")
    loop.call_soon(raise_it, error())
    loop.call_soon(seen.append, "after")
    with pytest.raises(error):
        turn()
    assert seen == ["before"]
    turn()
    assert seen == ["before", "after"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_or_an_exit_in_a_timer_leaves_the_loop(virtual_time, loop, error):
    loop.call_later(1, raise_it, error())
    with pytest.raises(error):
        loop.run_forever()


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_an_interrupt_or_an_exit_in_a_coroutine_leaves_the_loop(loop, log, error):
    async def leave():
        await asyncio.sleep(0)
        raise error

    with pytest.raises(error):
        loop.run_until_complete(leave())
    assert loop.run_until_complete(asyncio.sleep(0, "running again")) == "running again"


def test_the_handler_can_be_asked_for_and_reset(loop, turn, log):
    def handler(loop, context):
        pass

    assert loop.get_exception_handler() is None
    loop.set_exception_handler(handler)
    assert loop.get_exception_handler() is handler
    loop.set_exception_handler(None)
    assert loop.get_exception_handler() is None
    loop.call_soon(spill)
    turn()
    log.take_one()


def test_a_handler_that_is_not_callable_is_refused(loop):
    with pytest.raises(TypeError, match="^A callable object or None is expected, got 'handler'$"):
        loop.set_exception_handler("handler")


def test_a_handler_that_raises_is_logged_with_what_it_was_told(loop, turn, log):
    def broken_handler(loop, context):
        raise Flood("in the handler")

    loop.set_exception_handler(broken_handler)
    loop.call_soon(spill)
    turn()
    record = log.take_one()
    first_line, context_line = record.getMessage().splitlines()
    assert first_line == "Unhandled error in exception handler"
    assert context_line.startswith("context: {'message': 'Exception in callback spill()")
    assert record.exc_info[0] is Flood


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_handler_may_leave_the_loop(loop, turn, error):
    loop.set_exception_handler(lambda loop, context: raise_it(error()))
    loop.call_soon(spill)
    with pytest.raises(error):
        turn()


def test_a_handler_may_fall_back_on_the_default_one(loop, turn, log):
    loop.set_exception_handler(lambda loop, context: loop.default_exception_handler(context))
    loop.call_soon(spill)
    turn()
    assert log.take_one().exc_info[0] is Spilt


def test_a_handler_runs_in_the_context_of_what_failed_where_the_interpreter_does_so(loop, turn):
    seen = []
    loop.set_exception_handler(lambda loop, context: seen.append(flavour.get()))
    context = contextvars.copy_context()
    context.run(flavour.set, "Caramel")
    loop.call_soon(spill, context=context)
    turn()
    # Since 3.12; before, it ran in whatever context the loop itself ran in.
    assert seen == ["Caramel" if sys.version_info >= (3, 12) else "Vanilla"]


def test_a_report_without_a_message_is_logged_as_unhandled(loop, log):
    loop.call_exception_handler({})
    record = log.take_one()
    assert record.getMessage() == "Unhandled exception in event loop"
    assert not record.exc_info


def test_a_report_is_logged_with_its_other_keys_in_their_order(loop, log):
    loop.call_exception_handler({"message": "spilt", "what": "milk", "amount": 2})
    assert log.take_one().getMessage() == "spilt\namount: 2\nwhat: 'milk'"


def test_an_exception_that_nobody_asked_a_task_for_is_reported(loop, reports):
    async def spill():
        raise Spilt

    task = loop.create_task(spill())
    loop.run_until_complete(asyncio.wait([task]))
    assert reports == []
    del task
    gc.collect()
    (report,) = reports
    assert report["message"] == "Task exception was never retrieved"


def test_an_exception_in_a_done_callback_of_a_future_is_reported(loop, turn, reports):
    future = loop.create_future()
    future.add_done_callback(lambda future: spill())
    future.set_result(None)
    turn()
    (report,) = reports
    assert isinstance(report["exception"], Spilt)
