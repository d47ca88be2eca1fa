"""What asyncio's own modules, debuggers and libraries read of tasks and futures, underscores or not.

asyncio's functions in Python (`base_tasks`, `gather`, `shield`, `all_tasks`) go by these names, as
do anyio, tornado and aiohttp: a value that is read must be the one of that moment.
"""

import asyncio
import concurrent.futures
import contextvars
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


async def wait_for(future):
    return await future


@pytest.fixture
def future(loop):
    return loop.create_future()


@pytest.fixture
def waiting(loop, turn, future):
    """A task that waits for the future."""
    task = loop.create_task(wait_for(future))
    turn()
    yield task
    task.cancel()
    turn()
    turn()


STATES = {
    "PENDING": lambda future: None,
    "FINISHED": lambda future: future.set_result("Mocha"),
    "CANCELLED": lambda future: future.cancel("closed"),
}


@pytest.mark.parametrize("state", STATES)
def test_the_state_is_a_word(future, state):
    STATES[state](future)
    assert future._state == state


def test_the_outcome_can_be_read_without_asking_for_it(loop, log):
    futures = [loop.create_future() for _ in range(3)]
    error = ValueError("spilt")
    futures[1].set_result("Mocha")
    futures[2].set_exception(error)
    assert [future._result for future in futures] == [None, "Mocha", None]
    assert [future._exception for future in futures] == [None, None, error]
    # It still counts as never retrieved.
    assert [future._log_traceback for future in futures] == [False, False, True]
    futures[2]._log_traceback = False


def test_callbacks_are_pairs_of_a_function_and_its_context_or_nothing(future):
    assert future._callbacks is None
    contexts = [contextvars.copy_context() for _ in range(3)]
    for number, context in enumerate(contexts):
        future.add_done_callback(print, context=context)
        assert future._callbacks == [(print, context) for context in contexts[: number + 1]]
    future.remove_done_callback(print)
    assert not future._callbacks
    future.add_done_callback(print)
    future.set_result(None)
    assert not future._callbacks


def test_a_waiting_task_is_among_the_callbacks(future, waiting):
    ((callback, context),) = future._callbacks
    assert callback.__self__ is waiting
    assert callback.__name__ == "task_wakeup"
    assert isinstance(context, contextvars.Context)
    future.add_done_callback(print)
    assert [each.__name__ for each, _ in future._callbacks] == ["task_wakeup", "print"]
    future.remove_done_callback(print)


def test_a_waiting_task_can_be_taken_out_of_the_callbacks_and_put_back(
    loop, turn, future, waiting
):
    # As a library does that moves a wait from one future to another.
    ((callback, context),) = future._callbacks
    assert future.remove_done_callback(callback) == 1
    future.set_result("Mocha")
    turn()
    assert not waiting.done()
    loop.call_soon(callback, future, context=context)
    turn()
    assert waiting.result() == "Mocha"


def test_what_a_task_waits_for_can_be_read(loop, turn, future, waiting):
    assert waiting._fut_waiter is future
    future.set_result("Mocha")
    # Until its next step.
    assert waiting._fut_waiter is future
    turn()
    assert waiting._fut_waiter is None


def test_a_running_or_napping_task_waits_for_nothing(loop, turn):
    seen = []

    async def look():
        seen.append(asyncio.current_task()._fut_waiter)
        await asyncio.sleep(0)

    task = loop.create_task(look())
    seen.append(task._fut_waiter)
    turn()
    seen.append(task._fut_waiter)
    turn()
    assert seen == [None, None, None]
    assert task.done()


@pytest.mark.parametrize(
    "wait",
    [
        lambda: asyncio.sleep(AN_HOUR),
        lambda: asyncio.Event().wait(),
        lambda: asyncio.wait_for(asyncio.sleep(AN_HOUR), AN_HOUR),
        lambda: wait_for(asyncio.gather(asyncio.sleep(AN_HOUR))),
    ],
    ids=["sleep", "event", "wait_for", "gather"],
)
def test_whatever_a_task_waits_for_is_a_pending_future(loop, turn, wait):
    async def main():
        await wait()

    # By this anyio tells whether a task may be cancelled now, and whether all are at rest.
    task = loop.create_task(main())
    turn()
    assert isinstance(task._fut_waiter, asyncio.Future)
    assert not task._fut_waiter.done()
    assert task._fut_waiter.get_loop() is loop
    task.cancel()
    assert not task._must_cancel
    for _ in range(4):
        turn()
    assert task.cancelled()


def test_a_cancellation_that_is_still_to_be_told_can_be_seen(loop, turn, future, waiting):
    assert waiting._must_cancel is False
    future.set_result("Mocha")
    waiting.cancel("closed")
    assert waiting._must_cancel is True
    assert waiting._cancel_message == "closed"
    turn()
    assert waiting._must_cancel is False
    assert waiting.cancelled()


def test_a_napping_task_that_is_cancelled_is_to_be_told(loop, turn):
    task = loop.create_task(asyncio.sleep(0))
    task.cancel("closed")
    assert task._must_cancel is True
    task.uncancel()
    # Since 3.13 the last request that is taken back takes that with it.
    assert task._must_cancel is (sys.version_info < (3, 13))
    task.cancel("closed")
    turn()
    assert task.cancelled()


def test_the_message_of_a_cancellation_can_be_read_and_set(future):
    assert future._cancel_message is None
    future.cancel("closed")
    assert future._cancel_message == "closed"
    future._cancel_message = "shut"
    with pytest.raises(asyncio.CancelledError, match="^shut$"):
        future.result()


def test_a_cancellation_can_be_made_of_a_future(future):
    error = future._make_cancelled_error()
    assert (type(error), error.args) == (asyncio.CancelledError, ())
    future.cancel("closed")
    error = future._make_cancelled_error()
    assert (type(error), error.args) == (asyncio.CancelledError, ("closed",))


def test_a_cancelled_tasks_own_exception_is_handed_out_once(loop, turn, future, waiting):
    waiting.cancel("closed")
    turn()
    assert waiting._make_cancelled_error().args == ("closed",)
    assert waiting._make_cancelled_error().args == ()


def test_the_coroutine_and_the_loop_can_be_read(loop, future, waiting):
    assert waiting._coro is waiting.get_coro()
    assert waiting._loop is future._loop is loop


def test_whether_a_loss_is_told_can_be_read_and_set(future, waiting):
    assert waiting._log_destroy_pending is True
    waiting._log_destroy_pending = False
    assert waiting._log_destroy_pending is False
    assert not hasattr(future, "_log_destroy_pending")


@pytest.mark.parametrize(
    "name", ["_state", "_result", "_exception", "_callbacks", "_loop", "_source_traceback"]
)
def test_what_asyncio_does_not_let_be_set_stays(future, waiting, name):
    for thing in (future, waiting):
        before = getattr(thing, name)
        with pytest.raises(AttributeError):
            setattr(thing, name, None)
        assert getattr(thing, name) == before


@pytest.mark.parametrize("name", ["_coro", "_fut_waiter", "_must_cancel"])
def test_what_asyncio_does_not_let_be_set_of_a_task_stays(waiting, name):
    before = getattr(waiting, name)
    with pytest.raises(AttributeError):
        setattr(waiting, name, None)
    assert getattr(waiting, name) == before


def test_nothing_that_asyncios_types_have_is_missing(future, waiting):
    asyncios = asyncio.Future(loop=future.get_loop())
    for name in dir(asyncios):
        getattr(future, name)
        getattr(waiting, name)
    assert set(dir(asyncio.Task)) <= set(dir(waiting))
    # Neither has asyncio's pure Python internals, by which some tell them apart.
    for name in ("_step", "_wakeup", "_cancelled_exc", "_num_cancels_requested", "_context"):
        assert not hasattr(waiting, name)


def test_asyncios_helpers_in_python_take_both(loop, future, waiting):
    assert asyncio.futures._get_loop(future) is loop
    assert asyncio.futures._get_loop(waiting) is loop
    assert asyncio.base_futures._future_repr_info(future)[0] == "pending"
    info = asyncio.base_tasks._task_repr_info(waiting)
    assert info[:2] == ["pending", f"name={waiting.get_name()!r}"]
    assert asyncio.base_tasks._task_get_stack(waiting, None) == waiting.get_stack()
    asyncio.futures._set_result_unless_cancelled(future, "Mocha")
    assert future.result() == "Mocha"


def test_a_future_can_be_chained_to_one_of_a_thread(loop, turn):
    source, target = loop.create_future(), concurrent.futures.Future()
    asyncio.futures._chain_future(source, target)
    source.set_result("Mocha")
    turn()
    assert target.result() == "Mocha"
    source, target = concurrent.futures.Future(), loop.create_future()
    asyncio.futures._chain_future(source, target)
    source.set_exception(ValueError("spilt"))
    turn()
    assert str(target.exception()) == "spilt"


def test_cancelling_one_of_a_chain_cancels_the_other(loop, turn):
    source, target = concurrent.futures.Future(), loop.create_future()
    asyncio.futures._chain_future(source, target)
    target.cancel()
    turn()
    assert source.cancelled()


def test_the_main_task_can_be_told_by_the_callback_that_ends_the_run(loop):
    # anyio looks for it to find the root task.
    async def main():
        callbacks = [callback for callback, _ in asyncio.current_task()._callbacks]
        return asyncio.base_events._run_until_complete_cb in callbacks

    assert loop.run_until_complete(main())
