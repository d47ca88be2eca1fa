"""Requests of cancellation are counted, and can be taken back: `cancelling` and `uncancel`."""

import asyncio
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


def test_requests_are_counted(loop, turn):
    task = loop.create_task(asyncio.sleep(AN_HOUR))
    counts = [task.cancelling()]
    for _ in range(3):
        task.cancel()
        counts.append(task.cancelling())
    assert counts == [0, 1, 2, 3]
    turn()
    assert task.cancelled()
    assert task.cancelling() == 3


def test_taking_requests_back_stops_at_none(loop, turn):
    task = loop.create_task(asyncio.sleep(0))
    task.cancel()
    task.cancel()
    assert [task.uncancel() for _ in range(3)] == [1, 0, 0]
    assert task.cancelling() == 0
    turn()
    turn()
    assert task.done()


def test_a_request_taken_back_before_it_is_told_is_forgotten_where_the_interpreter_forgets_it(
    loop, turn
):
    seen = []

    async def guest():
        try:
            await asyncio.sleep(0)
            seen.append("went on")
        except asyncio.CancelledError:
            seen.append("cancelled")

    task = loop.create_task(guest())
    turn()
    task.cancel()
    task.uncancel()
    turn()
    assert seen == [FORGOTTEN]


# Since 3.13; before, a request once made was told.
FORGOTTEN = "went on" if sys.version_info >= (3, 13) else "cancelled"


def test_a_request_among_others_that_are_not_taken_back_is_told(loop, turn):
    seen = []

    async def guest():
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            seen.append(error.args)

    task = loop.create_task(guest())
    turn()
    task.cancel("first")
    task.cancel("second")
    task.uncancel()
    turn()
    assert seen == [("second",)]
    assert task.cancelling() == 1


def test_a_task_that_swallows_its_cancellation_can_go_on_as_if_nothing_had_been(run):
    async def guest():
        try:
            await asyncio.sleep(AN_HOUR)
        except asyncio.CancelledError:
            left = asyncio.current_task().uncancel()
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(0))
        async with asyncio.timeout(AN_HOUR):
            await asyncio.sleep(0)
        return left

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        task.cancel()
        return await task

    assert run(main) == 0


def test_a_timeout_takes_its_own_request_back(run):
    async def main():
        task = asyncio.current_task()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await asyncio.sleep(AN_HOUR)
        return task.cancelling()

    assert run(main) == 0


def test_a_timeout_and_a_request_from_outside_end_as_a_cancellation(run):
    async def guest():
        try:
            async with asyncio.timeout(0):
                await asyncio.sleep(AN_HOUR)
        except TimeoutError:
            return "timed out"

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        task.cancel("from outside")
        await asyncio.wait([task])
        return task.cancelled(), task.cancelling()

    assert run(main) == (True, 1)


def test_a_group_takes_its_own_request_back(run):
    async def spill():
        raise ValueError("spilt")

    async def main():
        task = asyncio.current_task()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(spill())
                await asyncio.sleep(AN_HOUR)
        except* ValueError:
            pass
        return task.cancelling()

    assert run(main) == 0


def test_a_group_whose_parent_is_cancelled_leaves_the_request_standing(run):
    async def guest():
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(AN_HOUR))

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        return task.cancelled(), task.cancelling()

    assert run(main) == (True, 1)


def test_a_nested_timeout_that_ends_with_the_outer_one_is_told_apart(run):
    async def main():
        seen = []
        task = asyncio.current_task()
        try:
            async with asyncio.timeout(0) as outer:
                try:
                    async with asyncio.timeout(0) as inner:
                        await asyncio.sleep(AN_HOUR)
                except TimeoutError:
                    seen.append(("inner", inner.expired()))
                    await asyncio.sleep(AN_HOUR)
        except TimeoutError:
            seen.append(("outer", outer.expired()))
        return seen[-1], task.cancelling()

    assert run(main) == (("outer", True), 0)


def test_a_wait_for_takes_its_own_request_back(run):
    async def main():
        task = asyncio.current_task()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(AN_HOUR), 0)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.sleep(AN_HOUR), 0.001)
        return task.cancelling()

    assert run(main) == 0


def test_the_count_of_a_child_is_not_its_parents(run):
    async def main():
        child = asyncio.create_task(asyncio.sleep(AN_HOUR))
        await asyncio.sleep(0)
        child.cancel()
        counts = child.cancelling(), asyncio.current_task().cancelling()
        await asyncio.wait([child])
        return counts

    assert run(main) == (1, 0)


def test_gathered_children_are_asked_once_each(run):
    async def main():
        children = [asyncio.create_task(asyncio.sleep(AN_HOUR)) for _ in range(3)]
        gathering = asyncio.gather(*children)
        await asyncio.sleep(0)
        gathering.cancel()
        counts = [child.cancelling() for child in children]
        with pytest.raises(asyncio.CancelledError):
            await gathering
        return counts

    assert run(main) == [1, 1, 1]
