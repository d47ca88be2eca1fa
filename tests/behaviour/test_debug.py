"""Debug mode: slow callbacks, wrong threads and forgotten coroutines are told, and where."""

import asyncio
import gc
import re
import sys
import threading
import warnings

import pytest

AN_HOUR = 3600

WRONG_THREAD = "^Non-thread-safe operation invoked on an event loop other than the current one$"

# How many frames of a coroutine's birth asyncio keeps in debug mode: asyncio.constants.
ORIGIN_DEPTH = 10

SCHEDULERS = {
    "call_soon": lambda loop, *call: loop.call_soon(*call),
    "call_soon_threadsafe": lambda loop, *call: loop.call_soon_threadsafe(*call),
    # `call_later` checks nothing of its own: the message names what it calls.
    "call_at": lambda loop, *call: loop.call_at(loop.time() + AN_HOUR, *call),
    "run_in_executor": lambda loop, *call: loop.run_in_executor(None, *call),
}


@pytest.fixture
def loop(loop):
    loop.set_debug(True)
    return loop


async def coroutine_function():
    pass


def brew(*ingredients):
    pass


BREW = f"brew() at {__file__}:{brew.__code__.co_firstlineno}"


def here():
    """The line that calls this, as debug mode writes it."""
    caller = sys._getframe(1)
    return f"created at {caller.f_code.co_filename}:{caller.f_lineno}"


def test_debug_mode_is_off_unless_asked_for(run_script):
    printed = run_script("loop = new_loop(); print(loop.get_debug()); loop.close()")
    assert printed == "False\n"


@pytest.mark.parametrize(
    ("options", "environment"), [(["-X", "dev"], {}), ([], {"PYTHONASYNCIODEBUG": "1"})]
)
def test_the_interpreters_switches_turn_debug_mode_on(run_script, options, environment):
    source = "loop = new_loop(); print(loop.get_debug()); loop.close()"
    assert run_script(source, *options, **environment) == "True\n"


def test_debug_mode_can_be_switched(loop):
    loop.set_debug(False)
    assert loop.get_debug() is False
    loop.set_debug(True)
    assert loop.get_debug() is True


def test_a_callback_counts_as_slow_from_a_tenth_of_a_second_on(loop):
    assert loop.slow_callback_duration == 0.1


def test_a_slow_callback_is_logged_with_its_time(loop, turn, log):
    loop.slow_callback_duration = 0
    handle = loop.call_soon(brew)
    turn()
    record = log.take_one()
    assert record.levelname == "WARNING"
    start, _, time = record.getMessage().rpartition(" took ")
    assert start == f"Executing {handle!r}"
    assert re.fullmatch(r"\d+\.\d{3} seconds", time)


def test_a_slow_timer_is_logged_as_one(loop, turn, log):
    loop.slow_callback_duration = 0
    timer = loop.call_at(1.5, brew)
    turn()
    assert log.take_one().getMessage().startswith(f"Executing {timer!r} took ")


def test_a_slow_step_of_a_task_is_logged_with_the_task(loop, turn, log):
    loop.slow_callback_duration = 0
    task = loop.create_task(coroutine_function(), name="barista")
    turn()
    assert log.take_one().getMessage().startswith("Executing <Task finished name='barista' coro=")
    assert task.done()


def test_a_quick_callback_is_not_logged(loop, turn, log):
    loop.slow_callback_duration = AN_HOUR
    loop.call_soon(brew)
    turn()
    assert log.take() == []


def test_without_debug_mode_slowness_is_not_logged(loop, turn, log):
    loop.set_debug(False)
    loop.slow_callback_duration = 0
    loop.call_soon(brew)
    turn()
    assert log.take() == []


def test_a_slow_callback_that_fails_is_logged_for_its_failure_alone(loop, turn, log):
    loop.slow_callback_duration = 0
    loop.call_soon(lambda: 1 / 0)
    turn()
    messages = [record.getMessage().split(" ")[0] for record in log.take()]
    # A callback's exception is caught within the time that is measured.
    assert messages == ["Exception", "Executing"]


@pytest.mark.parametrize("name", ["call_soon", "call_later", "call_at"])
def test_scheduling_from_another_thread_is_an_error(loop, run_until_stopped, name):
    call = {
        "call_soon": lambda: loop.call_soon(brew),
        "call_later": lambda: loop.call_later(AN_HOUR, brew),
        "call_at": lambda: loop.call_at(0, brew),
    }[name]

    def break_the_rule():
        with pytest.raises(RuntimeError, match=WRONG_THREAD):
            call()
        loop.call_soon_threadsafe(loop.stop)

    stranger = threading.Thread(target=break_the_rule)
    loop.call_soon(stranger.start)
    run_until_stopped()
    stranger.join()


def test_a_loop_that_does_not_run_may_be_prepared_by_another_thread(loop, turn):
    seen = []
    stranger = threading.Thread(target=loop.call_soon, args=(seen.append, "prepared"))
    stranger.start()
    stranger.join()
    turn()
    assert seen == ["prepared"]


@pytest.mark.parametrize("name", SCHEDULERS)
def test_scheduling_a_coroutine_function_is_refused(loop, name):
    with pytest.raises(TypeError, match=rf"^coroutines cannot be used with {name}\(\)$"):
        SCHEDULERS[name](loop, coroutine_function)


@pytest.mark.parametrize("name", SCHEDULERS)
def test_scheduling_a_coroutine_is_refused(loop, name):
    coroutine = coroutine_function()
    with pytest.raises(TypeError, match=rf"^coroutines cannot be used with {name}\(\)$"):
        SCHEDULERS[name](loop, coroutine)
    coroutine.close()


@pytest.mark.parametrize("name", SCHEDULERS)
def test_scheduling_what_is_not_callable_is_refused(loop, name):
    message = rf"^a callable object was expected by {name}\(\), got 'beans'$"
    with pytest.raises(TypeError, match=message):
        SCHEDULERS[name](loop, "beans")


def test_call_later_refuses_in_the_name_of_call_at(loop):
    with pytest.raises(TypeError, match=r"^coroutines cannot be used with call_at\(\)$"):
        loop.call_later(0, coroutine_function)


def test_a_handle_shows_where_it_was_made(loop):
    assert repr(loop.call_soon(brew)) == f"<Handle {BREW} {here()}>"
    assert repr(loop.call_soon_threadsafe(brew)).endswith(f" {BREW} {here()}>")
    assert repr(loop.call_at(1.5, brew)) == f"<TimerHandle when=1.5 {BREW} {here()}>"
    assert repr(loop.call_later(AN_HOUR, brew)).endswith(f" {BREW} {here()}>")


def test_a_cancelled_handle_still_shows_what_it_was(loop):
    handle = loop.call_soon(brew, "beans")
    before = repr(handle)
    handle.cancel()
    assert repr(handle) == before.replace("<Handle ", "<Handle cancelled ")


def test_an_exception_in_a_callback_is_logged_with_the_place_of_its_scheduling(loop, turn, log):
    line = sys._getframe().f_lineno + 1
    loop.call_soon(lambda: 1 / 0)
    turn()
    lines = log.take_one().getMessage().splitlines()
    assert "source_traceback: Object created at (most recent call last):" in lines
    this_test = sys._getframe().f_code.co_name
    assert f'  File "{__file__}", line {line}, in {this_test}' in lines


def test_a_report_made_within_a_callback_tells_where_that_was_scheduled(loop, turn, log):
    loop.call_soon(loop.call_exception_handler, {"message": "spilt"})
    turn()
    message = log.take_one().getMessage()
    assert "handle_traceback: Handle created at (most recent call last):\n" in message


def test_a_forgotten_coroutine_is_told_with_the_place_of_its_birth(loop, turn):
    def forget():
        coroutine_function()

    loop.call_soon(forget)
    with pytest.warns(RuntimeWarning) as told:
        turn()
    (warning,) = told
    message = str(warning.message)
    assert message.startswith("coroutine 'coroutine_function' was never awaited\n")
    assert "Coroutine created at (most recent call last)\n" in message
    assert f'File "{__file__}", line {forget.__code__.co_firstlineno + 1}, in forget' in message


def test_a_forgotten_sleep_is_told_with_the_place_of_its_birth(loop, names):
    async def forget():
        asyncio.sleep(0)

    with pytest.warns(RuntimeWarning) as told:
        loop.run_until_complete(forget())
    (warning,) = told
    message = str(warning.message)
    assert message.startswith("coroutine 'sleep' was never awaited\n")
    assert f'File "{__file__}", line {forget.__code__.co_firstlineno + 1}, in forget' in message


def test_a_sleep_knows_where_it_was_made_and_sleeps_as_ever(loop, names):
    async def sleep(seconds):
        nap = asyncio.sleep(seconds)
        made_at = [line for _, line, _ in nap.cr_origin][0]
        await nap
        return made_at

    line = sleep.__code__.co_firstlineno + 1
    for seconds in (0, 1e-9):
        assert loop.run_until_complete(sleep(seconds)) == line

    async def throw():
        nap = asyncio.sleep(1)
        with pytest.raises(LookupError):
            nap.throw(LookupError())

    async def close():
        asyncio.sleep(1).close()

    with warnings.catch_warnings(action="error"):
        loop.run_until_complete(throw())
        loop.run_until_complete(close())


def test_births_of_coroutines_are_tracked_only_while_the_loop_runs(loop, turn):
    depths = []
    loop.call_soon(lambda: depths.append(sys.get_coroutine_origin_tracking_depth()))
    turn()
    depths.append(sys.get_coroutine_origin_tracking_depth())
    assert depths == [ORIGIN_DEPTH, 0]


def test_a_depth_of_tracking_that_was_set_before_comes_back_after_the_run(loop, turn):
    sys.set_coroutine_origin_tracking_depth(3)
    turn()
    assert sys.get_coroutine_origin_tracking_depth() == 3
    sys.set_coroutine_origin_tracking_depth(0)


def test_switching_debug_mode_in_a_running_loop_switches_the_tracking(loop):
    depths = []

    async def main():
        for debug in (False, True):
            loop.set_debug(debug)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            depths.append(sys.get_coroutine_origin_tracking_depth())

    loop.run_until_complete(main())
    assert depths == [0, ORIGIN_DEPTH]


def test_without_debug_mode_nothing_is_checked(loop, turn, log):
    loop.set_debug(False)
    with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
        loop.call_soon(coroutine_function)
        turn()
    loop.call_soon("beans").cancel()
    stranger = threading.Thread(target=loop.call_later, args=(AN_HOUR, brew))
    loop.call_soon(stranger.start)
    turn()
    stranger.join()
    assert log.take() == []


def test_a_task_made_in_debug_mode_tells_where_if_it_is_lost(loop, turn, log):
    async def lost():
        await loop.create_future()

    loop.create_task(lost(), name="lost")
    turn()
    gc.collect()
    message = log.take_one().getMessage()
    assert message.startswith("Task was destroyed but it is pending!\n")
    assert f'File "{__file__}", line ' in message
