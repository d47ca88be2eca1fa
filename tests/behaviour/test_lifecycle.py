"""A loop's life: made, run, stopped, run again, closed; and what it refuses at each stage."""

import asyncio
import contextlib
import gc
import signal
import sys
import warnings

import pytest


async def nothing():
    pass


@contextlib.contextmanager
def unawaited(coroutine_function):
    """A coroutine that whoever gets it is going to refuse."""
    with contextlib.closing(coroutine_function()) as coroutine:
        yield coroutine


# Each is called with a closed loop and an unawaited coroutine.
REFUSED_WHEN_CLOSED = {
    "run_forever": lambda loop, coroutine: loop.run_forever(),
    "run_until_complete": lambda loop, coroutine: loop.run_until_complete(coroutine),
    "call_soon": lambda loop, coroutine: loop.call_soon(print),
    "call_soon_threadsafe": lambda loop, coroutine: loop.call_soon_threadsafe(print),
    "call_later": lambda loop, coroutine: loop.call_later(0, print),
    "call_at": lambda loop, coroutine: loop.call_at(0, print),
    "create_task": lambda loop, coroutine: loop.create_task(coroutine),
    "run_in_executor": lambda loop, coroutine: loop.run_in_executor(None, print),
    "add_reader": lambda loop, coroutine: loop.add_reader(0, print),
    "add_writer": lambda loop, coroutine: loop.add_writer(0, print),
    "add_signal_handler": lambda loop, coroutine: loop.add_signal_handler(signal.SIGUSR1, print),
}


@pytest.mark.parametrize("name", REFUSED_WHEN_CLOSED)
def test_a_closed_loop_refuses_work(new_loop, name):
    loop = new_loop()
    loop.close()
    with unawaited(nothing) as coroutine:
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            REFUSED_WHEN_CLOSED[name](loop, coroutine)


def test_a_closed_loop_can_still_be_asked(new_loop):
    loop = new_loop()
    loop.close()
    loop.close()
    loop.stop()
    assert loop.is_closed()
    assert not loop.is_running()
    assert loop.time() > 0
    assert loop.get_debug() is False
    assert loop.create_future().get_loop() is loop


def test_closing_drops_what_was_still_to_run(new_loop):
    seen = []
    loop = new_loop()
    loop.call_soon(seen.append, "ready")
    loop.call_later(0, seen.append, "due")
    loop.close()
    assert seen == []


def test_a_running_loop_refuses_to_be_closed(loop, turn):
    errors = []

    def close():
        try:
            loop.close()
        except RuntimeError as error:
            errors.append(str(error))

    loop.call_soon(close)
    turn()
    assert errors == ["Cannot close a running event loop"]
    assert not loop.is_closed()


def test_a_loop_knows_whether_it_runs(loop, turn):
    running = []
    assert not loop.is_running()
    loop.call_soon(lambda: running.append(loop.is_running()))
    turn()
    assert running == [True]
    assert not loop.is_running()


def test_the_running_loop_is_the_one_that_calls(loop, turn):
    running = []
    loop.call_soon(lambda: running.append(asyncio.get_running_loop()))
    turn()
    assert running == [loop]
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        asyncio.get_running_loop()


def test_a_loop_shows_its_state(loop, turn):
    shown = []
    name = type(loop).__name__
    assert repr(loop) == f"<{name} running=False closed=False debug=False>"
    loop.call_soon(lambda: shown.append(repr(loop)))
    turn()
    assert shown == [f"<{name} running=True closed=False debug=False>"]
    loop.set_debug(True)
    loop.close()
    assert repr(loop) == f"<{name} running=False closed=True debug=True>"


def test_a_loop_runs_again_and_again(loop):
    seen = []
    for number in range(100):
        loop.call_soon(seen.append, number)
        loop.call_soon(loop.stop)
        loop.run_forever()
    assert seen == list(range(100))


def test_running_until_complete_gives_the_result(loop):
    async def brew():
        await asyncio.sleep(0)
        return "Mocha"

    assert loop.run_until_complete(brew()) == "Mocha"


def test_running_until_complete_raises_what_the_coroutine_raised(loop):
    async def spill():
        raise ValueError("spilt")

    with pytest.raises(ValueError, match="^spilt$"):
        loop.run_until_complete(spill())


def test_running_until_complete_takes_a_future(virtual_time, loop):
    future = loop.create_future()
    loop.call_later(1, future.set_result, "Mocha")
    assert loop.run_until_complete(future) == "Mocha"
    assert loop.run_until_complete(future) == "Mocha"


def test_running_until_complete_raises_the_cancellation_of_its_future(loop):
    future = loop.create_future()
    loop.call_soon(future.cancel)
    with pytest.raises(asyncio.CancelledError):
        loop.run_until_complete(future)


def test_running_until_complete_takes_whatever_can_be_awaited(loop):
    class Cup:
        def __await__(self):
            yield from asyncio.sleep(0).__await__()
            return "Mocha"

    assert loop.run_until_complete(Cup()) == "Mocha"


@pytest.mark.parametrize("what", [None, 42, print, lambda: nothing])
def test_running_until_complete_refuses_what_cannot_be_awaited(loop, what):
    message = "^An asyncio.Future, a coroutine or an awaitable is required$"
    with pytest.raises(TypeError, match=message):
        loop.run_until_complete(what)


def test_running_until_complete_refuses_the_future_of_another_loop(loop, new_loop):
    with contextlib.closing(new_loop()) as other:
        future = other.create_future()
        message = "^The future belongs to a different loop than the one specified as the loop arg"
        with pytest.raises(ValueError, match=message):
            loop.run_until_complete(future)


def test_a_stop_before_completion_is_an_error(loop):
    async def stop_first():
        loop.stop()
        await asyncio.sleep(0)
        return "completed"

    task = loop.create_task(stop_first())
    with pytest.raises(RuntimeError, match="^Event loop stopped before Future completed.$"):
        loop.run_until_complete(task)
    assert loop.run_until_complete(task) == "completed"


def test_completion_ends_the_run_though_other_work_is_left(loop):
    loop.call_later(3600, print)
    endless = loop.create_future()
    waiting = asyncio.ensure_future(endless, loop=loop)
    loop.run_until_complete(nothing())
    assert not waiting.done()


def test_a_run_within_its_own_run_is_refused(loop):
    async def nested():
        with unawaited(nothing) as coroutine:
            loop.run_until_complete(coroutine)

    with pytest.raises(RuntimeError, match="^This event loop is already running$"):
        loop.run_until_complete(nested())


def test_a_run_within_the_run_of_another_loop_is_refused(loop, new_loop):
    async def nested():
        with contextlib.closing(new_loop()) as other, unawaited(nothing) as coroutine:
            other.run_until_complete(coroutine)

    message = "^Cannot run the event loop while another loop is running$"
    with pytest.raises(RuntimeError, match=message):
        loop.run_until_complete(nested())


# CPython 3.13.0's own loop forgets that it is running once a nested `run_forever` was refused.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_a_refused_run_leaves_the_running_loop_running(loop):
    async def nested():
        with pytest.raises(RuntimeError, match="^This event loop is already running$"):
            loop.run_forever()
        await asyncio.sleep(0)
        return loop.is_running() and asyncio.get_running_loop() is loop

    assert loop.run_until_complete(nested())


def test_an_error_leaves_the_loop_ready_for_the_next_run(loop):
    async def leave():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        loop.run_until_complete(leave())
    assert not loop.is_running()
    assert loop.run_until_complete(asyncio.sleep(0, "next")) == "next"


def test_a_loop_that_was_not_closed_is_warned_of_and_closed(new_loop, open_descriptors):
    descriptors = open_descriptors()
    loop = new_loop()
    shown = repr(loop)
    with pytest.warns(ResourceWarning) as told:
        del loop
        gc.collect()
    assert [str(warning.message) for warning in told] == [f"unclosed event loop {shown}"]
    assert open_descriptors() == descriptors


def test_a_closed_loop_goes_without_a_warning(new_loop):
    with warnings.catch_warnings(record=True, action="always") as told:
        loop = new_loop()
        loop.run_until_complete(nothing())
        loop.close()
        del loop
        gc.collect()
    assert told == []


def test_a_loop_is_not_the_current_one_for_having_been_made(new_loop):
    asyncio.set_event_loop(None)
    with contextlib.closing(new_loop()) as loop:
        with pytest.raises(RuntimeError, match="^There is no current event loop in thread"):
            asyncio.get_event_loop()
        asyncio.set_event_loop(loop)
        assert asyncio.get_event_loop() is loop
        asyncio.set_event_loop(None)


def test_a_runner_runs_and_closes_the_loop(run):
    async def main():
        return asyncio.get_running_loop()

    loop = run(main)
    assert loop.is_closed()


def test_a_runner_passes_the_debug_mode_on(run):
    async def main():
        return asyncio.get_running_loop().get_debug()

    assert run(main, debug=True) is True
    assert run(main, debug=False) is False


def test_a_runner_cancels_what_its_program_left_running(run):
    ended = []

    async def endless():
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            ended.append("cancelled")

    async def main():
        tasks.append(asyncio.create_task(endless()))
        await asyncio.sleep(0)

    tasks = []
    run(main)
    assert ended == ["cancelled"]
    assert tasks.pop().cancelled()


if sys.version_info >= (3, 12):
    # asyncio.run takes a loop's factory since 3.12.
    def test_the_standard_run_takes_the_loop(new_loop):
        async def main():
            return type(asyncio.get_running_loop())

        assert asyncio.run(main(), loop_factory=new_loop) is new_loop
