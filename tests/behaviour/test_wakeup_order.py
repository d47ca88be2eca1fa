"""The order in which tasks and callbacks are woken: asyncio's, step by step.

Each test writes down in which turn what ran.  The numbers are asyncio's; programs rely on them
without knowing, when a lock is handed over or a result overtakes a cancellation.
"""

import asyncio
import contextlib
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


@pytest.fixture
def trace(loop):
    """Runs a coroutine for some turns; `note` writes down what happens in which."""
    turn = 0
    seen = []

    def note(*words):
        seen.append((turn, *words))

    def trace(main, turns=12):
        nonlocal turn
        task = loop.create_task(main(note))
        while turn < turns:
            turn += 1
            loop.stop()
            loop.run_forever()
        assert task.done(), "needs more turns"
        task.result()
        return seen

    return trace


def ticks(loop, note, turns):
    """Notes each turn from within it, behind what was ready before."""
    note("tick")
    if turns:
        loop.call_soon(ticks, loop, note, turns - 1)


def test_naps_and_callbacks_take_turns(loop, trace):
    async def napping(note, name):
        for step in range(3):
            note(name, step)
            await asyncio.sleep(0)

    async def main(note):
        loop.call_soon(note, "callback before")
        first = asyncio.create_task(napping(note, "first"))
        loop.call_soon(note, "callback between")
        second = asyncio.create_task(napping(note, "second"))
        loop.call_soon(note, "callback after")
        note("main")
        await asyncio.sleep(0)
        note("main again")
        await asyncio.wait([first, second])
        note("main at last")

    assert trace(main) == [
        (1, "main"),
        (2, "callback before"),
        (2, "first", 0),
        (2, "callback between"),
        (2, "second", 0),
        (2, "callback after"),
        (2, "main again"),
        (3, "first", 1),
        (3, "second", 1),
        (4, "first", 2),
        (4, "second", 2),
        (7, "main at last"),
    ]


def test_whoever_awaits_a_future_is_woken_among_its_callbacks_in_their_order(loop, trace):
    async def waiting(note, future, name):
        note(name, await future)

    async def main(note):
        future = loop.create_future()
        future.add_done_callback(lambda future: note("callback first"))
        tasks = [asyncio.create_task(waiting(note, future, "first"))]
        await asyncio.sleep(0)
        future.add_done_callback(lambda future: note("callback between"))
        tasks.append(asyncio.create_task(waiting(note, future, "second")))
        await asyncio.sleep(0)
        future.add_done_callback(lambda future: note("callback last"))
        loop.call_soon(note, "before the result")
        future.set_result("Mocha")
        loop.call_soon(note, "after the result")
        await asyncio.wait(tasks)

    assert trace(main) == [
        (4, "before the result"),
        (4, "callback first"),
        (4, "first", "Mocha"),
        (4, "callback between"),
        (4, "second", "Mocha"),
        (4, "callback last"),
        (4, "after the result"),
    ]


def test_awaiting_a_done_future_takes_no_turn(loop, trace):
    async def main(note):
        future = loop.create_future()
        future.set_result("Mocha")
        loop.call_soon(note, "callback")
        note(await future)
        note(await future)
        await asyncio.sleep(0)

    assert trace(main) == [(1, "Mocha"), (1, "Mocha"), (2, "callback")]


def test_awaiting_a_done_task_takes_no_turn(loop, trace):
    async def main(note):
        task = asyncio.create_task(asyncio.sleep(0, "Mocha"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        note(task.done())
        loop.call_soon(note, "callback")
        note(await task)
        await asyncio.sleep(0)

    assert trace(main) == [(3, True), (3, "Mocha"), (4, "callback")]


def test_a_tasks_end_is_told_in_the_next_turn(loop, trace):
    async def guest(note):
        note("guest")

    async def main(note):
        task = asyncio.create_task(guest(note))
        task.add_done_callback(lambda task: note("told"))
        ticks(loop, note, 3)
        await task
        note("main")

    assert trace(main) == [
        (1, "tick"),
        (2, "guest"),
        (2, "tick"),
        (3, "told"),
        (3, "main"),
        (3, "tick"),
        (4, "tick"),
    ]


def test_a_gathering_is_told_one_turn_after_its_last_child(loop, trace):
    async def guest(note, name, turns):
        for _ in range(turns):
            await asyncio.sleep(0)
        note(name)

    async def main(note):
        ticks(loop, note, 6)
        gathering = asyncio.gather(guest(note, "late", 2), guest(note, "early", 0))
        gathering.add_done_callback(lambda gathering: note("told"))
        await gathering
        note("main")

    assert trace(main) == [
        (1, "tick"),
        (2, "tick"),
        (2, "early"),
        (3, "tick"),
        (4, "tick"),
        (4, "late"),
        (5, "tick"),
        (6, "tick"),
        (6, "told"),
        (6, "main"),
        (7, "tick"),
    ]


def test_an_empty_gathering_takes_no_turn(loop, trace):
    async def main(note):
        loop.call_soon(note, "callback")
        note(await asyncio.gather())
        await asyncio.sleep(0)

    assert trace(main) == [(1, []), (2, "callback")]


def test_a_gathering_of_what_is_done_takes_turns_as_the_interpreters_does(loop, trace):
    async def main(note):
        futures = [loop.create_future() for _ in range(2)]
        for future in futures:
            future.set_result("Mocha")
        await asyncio.gather(*futures)
        note("main")

    # None since 3.12; before, one for the children's callbacks and one for its own.
    assert trace(main) == [(1 if sys.version_info >= (3, 12) else 3, "main")]


def test_waiting_for_several_is_told_one_turn_after_the_last(loop, trace):
    async def main(note):
        futures = [loop.create_future() for _ in range(2)]
        loop.call_soon(futures[1].set_result, 1)
        loop.call_soon(loop.call_soon, futures[0].set_result, 0)
        ticks(loop, note, 6)
        await asyncio.wait(futures)
        note("main")

    # Set in the third turn, counted in the fourth, told in the fifth.
    assert trace(main)[3:6] == [(4, "tick"), (5, "main"), (5, "tick")]


def test_a_shield_takes_one_turn_more_than_what_is_behind_it(loop, trace):
    async def waiting(note, thing, name):
        note(name, await thing)

    async def main(note):
        future = loop.create_future()
        shielded = asyncio.create_task(waiting(note, asyncio.shield(future), "shielded"))
        direct = asyncio.create_task(waiting(note, future, "direct"))
        await asyncio.sleep(0)
        future.set_result("Mocha")
        await asyncio.wait([shielded, direct])

    assert trace(main) == [(3, "direct", "Mocha"), (4, "shielded", "Mocha")]


def test_waiting_with_a_limit_takes_turns_as_the_interpreters_does(loop, trace):
    async def main(note):
        future = loop.create_future()
        loop.call_soon(future.set_result, "Mocha")
        note(await asyncio.wait_for(future, AN_HOUR))

    # Since 3.12 the waiting task awaits the future itself.
    assert trace(main) == [(3 if sys.version_info >= (3, 12) else 4, "Mocha")]


def test_a_group_ends_in_the_turn_in_which_its_last_task_is_told(loop, trace):
    async def guest(note, name, turns):
        for _ in range(turns):
            await asyncio.sleep(0)
        note(name)

    async def main(note):
        async with asyncio.TaskGroup() as group:
            group.create_task(guest(note, "late", 2))
            group.create_task(guest(note, "early", 0))
            note("body")
        note("main")

    assert trace(main) == [(1, "body"), (2, "early"), (4, "late"), (6, "main")]


def test_a_failing_task_cancels_its_group_in_the_turn_after(loop, trace):
    async def endless(note):
        try:
            await loop.create_future()
        finally:
            note("cancelled")

    async def spill(note):
        note("spilt")
        raise ValueError("spilt")

    async def main(note):
        with contextlib.suppress(BaseExceptionGroup):
            async with asyncio.TaskGroup() as group:
                group.create_task(endless(note))
                group.create_task(spill(note))
                try:
                    await loop.create_future()
                finally:
                    note("body")
        note("main")

    assert trace(main) == [(2, "spilt"), (4, "cancelled"), (4, "body"), (6, "main")]


def test_a_timeout_that_is_over_cancels_in_the_next_turn(loop, trace):
    async def main(note):
        ticks(loop, note, 4)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0):
                note("body")
                try:
                    await loop.create_future()
                finally:
                    note("cancelled")
        note("main")

    assert trace(main) == [
        (1, "tick"),
        (1, "body"),
        (2, "tick"),
        (3, "tick"),
        (3, "cancelled"),
        (3, "main"),
        (4, "tick"),
        (5, "tick"),
    ]


def test_a_timeout_that_is_not_over_takes_no_turn(loop, trace):
    async def main(note):
        loop.call_soon(note, "callback")
        async with asyncio.timeout(AN_HOUR):
            note("body")
        note("main")
        await asyncio.sleep(0)

    assert trace(main) == [(1, "body"), (1, "main"), (2, "callback")]


def test_a_sleep_is_told_in_the_turn_after_its_timer(loop, trace):
    async def main(note):
        # Due at the very next turn, before what that turn schedules.
        loop.call_later(1e-9, note, "timer before")
        task = asyncio.create_task(asyncio.sleep(0))
        await asyncio.sleep(1e-9)
        note("main")
        await task

    assert trace(main) == [(2, "timer before"), (3, "main")]
