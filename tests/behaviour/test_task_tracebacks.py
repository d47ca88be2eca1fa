"""Tracebacks of what leaves a task: asyncio's frames, and none of a loop that is no Python."""

import asyncio
import sys
import traceback

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


class Spilt(Exception):
    pass


async def spill():
    await asyncio.sleep(0)
    raise Spilt("milk")


async def carry(awaitable):
    return await awaitable


def frames(error):
    """The functions in an exception's traceback, from the outermost on."""
    return [frame.name for frame in traceback.extract_tb(error.__traceback__)]


def error_of(loop, main):
    """What a coroutine's task raises, before anybody else has raised it again."""
    task = loop.create_task(main)
    loop.run_until_complete(asyncio.wait([task]))
    return task.exception()


def test_a_failed_tasks_traceback_begins_in_its_coroutine(loop):
    assert frames(error_of(loop, spill())) == ["spill"]
    assert frames(error_of(loop, carry(spill()))) == ["carry", "spill"]


def test_awaiting_a_failed_task_adds_the_frames_of_those_who_await(loop):
    async def main():
        await carry(asyncio.create_task(spill()))

    assert frames(error_of(loop, main())) == ["main", "carry", "spill"]


def test_awaiting_a_failed_future_shows_those_who_await(loop):
    async def main():
        future = loop.create_future()
        loop.call_soon(future.set_exception, Spilt())
        await carry(future)

    assert frames(error_of(loop, main())) == ["main", "carry"]


def test_a_gatherings_exception_shows_the_child_and_those_who_await(loop):
    async def main():
        await asyncio.gather(carry(spill()), asyncio.sleep(0))

    assert frames(error_of(loop, main())) == ["main", "carry", "spill"]


def test_a_shields_exception_shows_what_is_behind_it(loop):
    async def main():
        await asyncio.shield(spill())

    error = error_of(loop, main())
    assert frames(error) == ["main", "spill"]


def test_a_limited_wait_shows_asyncios_own_frame(loop):
    async def main():
        await asyncio.wait_for(spill(), AN_HOUR)

    assert frames(error_of(loop, main())) == ["main", "wait_for", "spill"]


def test_a_groups_errors_show_their_own_tasks_alone(loop):
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(carry(spill()))

    error = error_of(loop, main())
    assert frames(error)[0] == "main"
    (child,) = error.exceptions
    assert frames(child) == ["carry", "spill"]


def test_a_cancellation_shows_where_the_task_waited(loop, turn):
    async def main():
        await carry(loop.create_future())

    task = loop.create_task(main())
    turn()
    task.cancel("closed")
    turn()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        loop.run_until_complete(task)
    names = frames(cancelled.value)
    assert names[-2:] == ["main", "carry"]


# docs/divergences.md: a native sleep has no frame.
@pytest.mark.parametrize("names", ["found"])
def test_a_cancelled_sleep_shows_the_sleep(names, loop, turn):
    async def main():
        await asyncio.sleep(AN_HOUR)

    task = loop.create_task(main())
    turn()
    task.cancel()
    turn()
    with pytest.raises(asyncio.CancelledError) as cancelled:
        loop.run_until_complete(task)
    assert frames(cancelled.value)[-2:] == ["main", "sleep"]


def test_what_a_task_raises_out_of_the_loop_shows_nothing_below_its_coroutine(loop):
    with pytest.raises(Spilt) as failed:
        loop.run_until_complete(carry(spill()))
    names = frames(failed.value)
    assert names[-2:] == ["carry", "spill"]
    assert names[0] == sys._getframe().f_code.co_name


@pytest.mark.parametrize("leave", [KeyboardInterrupt, SystemExit])
def test_what_leaves_through_the_loop_ends_in_the_coroutine(loop, leave):
    async def main():
        await asyncio.sleep(0)
        raise leave

    with pytest.raises(leave) as left:
        loop.run_until_complete(carry(main()))
    assert frames(left.value)[-2:] == ["carry", "main"]


def test_the_first_who_awaits_a_failed_task_is_shown_where_it_failed(loop):
    async def main():
        task = asyncio.create_task(spill())
        shown = []
        for _ in range(3):
            try:
                await task
            except Spilt as error:
                shown.append(frames(error))
        return shown

    # The frames are handed on once; those who come later see their own.
    assert loop.run_until_complete(main()) == [["main", "spill"], ["main"], ["main"]]


def test_context_and_cause_are_the_coroutines_own(loop):
    async def main():
        try:
            await spill()
        except Spilt as error:
            raise ValueError("mopped") from error

    error = error_of(loop, main())
    assert frames(error) == ["main"]
    assert isinstance(error.__cause__, Spilt)
    assert frames(error.__cause__) == ["main", "spill"]


def test_a_failure_that_follows_a_cancellation_has_it_as_context(loop, turn):
    async def main():
        try:
            await loop.create_future()
        finally:
            raise Spilt("milk")

    task = loop.create_task(main())
    turn()
    task.cancel("closed")
    turn()
    error = task.exception()
    assert type(error.__context__) is asyncio.CancelledError
    assert error.__context__.args == ("closed",)


def test_a_task_that_fails_while_another_handles_an_error_is_not_about_that(loop, turn):
    """Each task has a stack of handled exceptions of its own."""
    seen = []

    async def handling():
        try:
            raise Spilt("milk")
        except Spilt:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            seen.append(sys.exc_info()[0])

    async def failing():
        seen.append(sys.exc_info()[0])
        raise ValueError("spilt")

    tasks = [loop.create_task(handling()), loop.create_task(failing())]
    loop.run_until_complete(asyncio.wait(tasks))
    assert seen == [None, Spilt]
    assert tasks[1].exception().__context__ is None


def test_a_task_that_is_made_while_an_error_is_handled_does_not_see_it(loop):
    seen = []

    async def look():
        seen.append(sys.exc_info()[0])

    async def main():
        try:
            raise Spilt("milk")
        except Spilt:
            await asyncio.create_task(look())
            await asyncio.gather(look())

    loop.run_until_complete(main())
    assert seen == [None, None]


def test_between_a_task_and_whoever_runs_the_loop_stand_asyncios_frames_at_most(loop):
    async def main():
        frame = sys._getframe().f_back
        names = set()
        while frame.f_code.co_filename != __file__:
            names.add(frame.f_code.co_name)
            frame = frame.f_back
        return names

    names = loop.run_until_complete(main())
    assert names <= {"_run", "_run_once", "run_forever", "run_until_complete"}


def test_a_profilers_view_of_a_task_is_the_coroutines(loop):
    calls = []

    def profile(frame, event, argument):
        if event == "call" and frame.f_code.co_filename == __file__:
            calls.append(frame.f_code.co_name)

    async def main():
        sys.setprofile(profile)
        try:
            with pytest.raises(Spilt):
                await asyncio.create_task(spill())
        finally:
            sys.setprofile(None)

    loop.run_until_complete(main())
    # Called, and called again when it went on.
    assert [name for name in calls if name == "spill"] == ["spill", "spill"]
