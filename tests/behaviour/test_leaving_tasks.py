"""KeyboardInterrupt and SystemExit out of tasks: they leave the loop, and nothing is lost by it."""

import asyncio
import gc

import pytest

pytestmark = [
    pytest.mark.usefixtures("names"),
    pytest.mark.parametrize("leave", [KeyboardInterrupt, SystemExit]),
]

AN_HOUR = 3600


async def leaving(leave, turns=1):
    for _ in range(turns):
        await asyncio.sleep(0)
    raise leave("closing time")


def test_it_leaves_the_loop_and_is_the_tasks_exception(loop, leave):
    task = loop.create_task(leaving(leave))
    with pytest.raises(leave, match="^closing time$"):
        loop.run_forever()
    assert not loop.is_running()
    assert task.done()
    assert not task.cancelled()
    assert type(task.exception()) is leave


def test_the_loop_can_be_run_again(loop, leave):
    task = loop.create_task(leaving(leave))
    with pytest.raises(leave):
        loop.run_until_complete(task)
    assert loop.run_until_complete(asyncio.sleep(0, "open again")) == "open again"


def test_what_stands_behind_it_in_the_turn_runs_in_the_next_run(loop, turn, leave):
    seen = []

    async def guest(name):
        seen.append(name)

    before = loop.create_task(guest("before"))
    task = loop.create_task(leaving(leave, turns=0))
    after = loop.create_task(guest("after"))
    loop.call_soon(seen.append, "callback")
    with pytest.raises(leave):
        turn()
    assert seen == ["before"]
    assert (before.done(), after.done()) == (True, False)
    turn()
    assert seen == ["before", "after", "callback"]
    task.exception()


def test_callbacks_of_the_task_are_told_in_the_next_run(loop, turn, leave):
    seen = []
    task = loop.create_task(leaving(leave, turns=0))
    task.add_done_callback(seen.append)
    with pytest.raises(leave):
        turn()
    assert seen == []
    turn()
    assert seen == [task]
    task.exception()


def test_whoever_awaits_the_task_is_told_and_leaves_in_turn(loop, turn, leave):
    seen = []

    async def wait():
        try:
            await task
        except leave as error:
            seen.append(type(error))
            raise

    task = loop.create_task(leaving(leave))
    waiter = loop.create_task(wait())
    turn()
    for seen_by_then in ([], [leave]):
        with pytest.raises(leave):
            turn()
        assert seen == seen_by_then
    assert type(waiter.exception()) is leave


def test_whoever_awaits_the_task_may_stay(loop, turn, leave):
    async def wait():
        try:
            await task
        except leave:
            return "stayed"

    task = loop.create_task(leaving(leave))
    waiter = loop.create_task(wait())
    turn()
    with pytest.raises(leave):
        turn()
    assert loop.run_until_complete(waiter) == "stayed"


def test_one_that_is_caught_within_the_task_leaves_nothing(loop, leave):
    async def main():
        try:
            await leaving(leave)
        except leave:
            return "stayed"

    assert loop.run_until_complete(main()) == "stayed"


def test_a_gathering_that_has_one_is_told(loop, turn, leave):
    async def main():
        await asyncio.gather(leaving(leave, turns=0), asyncio.sleep(AN_HOUR))

    task = loop.create_task(main())
    with pytest.raises(leave):
        loop.run_until_complete(task)
    # The children's callbacks run later, and the gathering's after those.
    with pytest.raises(leave):
        loop.run_until_complete(task)
    assert type(task.exception()) is leave
    for rest in asyncio.all_tasks(loop):
        rest.cancel()
    turn()
    turn()


def test_a_group_that_has_one_lets_it_out_as_it_is(loop, leave):
    ended = []

    async def endless():
        try:
            await asyncio.sleep(AN_HOUR)
        finally:
            ended.append(True)

    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(endless())
            group.create_task(leaving(leave))

    task = loop.create_task(main())
    for _ in range(2):
        with pytest.raises(leave):
            loop.run_until_complete(task)
    # No group of exceptions, which nobody would catch by its kind.
    assert type(task.exception()) is leave
    assert ended == [True]


def test_a_cancelled_task_may_leave(loop, turn, leave):
    async def main():
        try:
            await asyncio.sleep(AN_HOUR)
        except asyncio.CancelledError:
            raise leave from None

    task = loop.create_task(main())
    turn()
    task.cancel()
    with pytest.raises(leave):
        loop.run_until_complete(task)
    assert not task.cancelled()
    assert type(task.exception()) is leave


def test_after_it_left_no_task_counts_as_running(loop, leave):
    task = loop.create_task(leaving(leave))
    with pytest.raises(leave):
        loop.run_forever()
    assert asyncio.current_task(loop) is None
    assert asyncio.all_tasks(loop) == set()
    task.exception()


def test_a_runner_cancels_the_rest_and_lets_it_out(run, leave):
    ended = []

    async def endless():
        try:
            await asyncio.sleep(AN_HOUR)
        finally:
            ended.append(True)

    async def main():
        task = asyncio.create_task(endless())
        await asyncio.sleep(0)
        try:
            await leaving(leave)
        finally:
            ended.append(task.done())

    with pytest.raises(leave):
        run(main)
    assert ended == [False, True]


def test_one_that_nobody_asks_for_is_told_as_any_exception(loop, leave, log):
    loop.create_task(leaving(leave))
    with pytest.raises(leave):
        loop.run_forever()
    gc.collect()
    assert log.take_one().getMessage().startswith("Task exception was never retrieved\n")
