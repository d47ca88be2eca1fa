"""Cancelling what is gathered: the gathering as a whole, one of its children, whoever awaits it."""

import asyncio
import sys

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


class Spilt(Exception):
    pass


async def endless():
    await asyncio.get_running_loop().create_future()


async def spill():
    await asyncio.sleep(0)
    raise Spilt("milk")


async def turns(number):
    for _ in range(number):
        await asyncio.sleep(0)


def outcomes(futures):
    """What each ended with, in words."""
    words = []
    for future in futures:
        if not future.done():
            words.append("pending")
        elif future.cancelled():
            words.append("cancelled")
        else:
            words.append(repr(future.exception() or future.result()))
    return words


@pytest.mark.parametrize("return_exceptions", [False, True])
def test_cancelling_a_gathering_cancels_its_children(run, return_exceptions):
    async def main():
        children = [asyncio.create_task(endless()), asyncio.create_task(asyncio.sleep(AN_HOUR))]
        gathering = asyncio.gather(*children, return_exceptions=return_exceptions)
        await turns(1)
        assert gathering.cancel("closed") is True
        # Like a task, it is not cancelled before its children are.
        assert not gathering.done()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await gathering
        return cancelled.value.args, outcomes(children), gathering.cancelled()

    # The gathering has an exception, which is a cancellation; it isn't itself cancelled.
    assert run(main) == (("closed",), ["cancelled"] * 2, False)


def test_the_cancellation_can_be_had_as_the_gatherings_exception(run):
    async def main():
        gathering = asyncio.gather(endless())
        await turns(1)
        gathering.cancel("closed")
        await asyncio.wait([gathering])
        return type(gathering.exception()), gathering.exception().args

    assert run(main) == (asyncio.CancelledError, ("closed",))


def test_cancelling_a_gathering_that_is_done_does_nothing(run):
    async def main():
        late = asyncio.create_task(endless())
        gathering = asyncio.gather(late, spill())
        with pytest.raises(Spilt):
            await gathering
        answer = gathering.cancel(), late.cancelling()
        late.cancel()
        return answer

    assert run(main) == (False, 0)


def test_an_empty_gathering_cannot_be_cancelled(run):
    async def main():
        return asyncio.gather().cancel()

    assert run(main) is False


def test_a_gathering_of_children_that_are_all_done_cannot_be_cancelled(run):
    async def main():
        loop = asyncio.get_running_loop()
        futures = [loop.create_future() for _ in range(2)]
        gathering = asyncio.gather(*futures)
        for future in futures:
            future.set_result("Mocha")
        answer = gathering.cancel()
        return answer, await gathering

    assert run(main) == (False, ["Mocha", "Mocha"])


def test_children_that_are_done_keep_their_results_when_the_rest_is_cancelled(run):
    async def main():
        children = [asyncio.create_task(asyncio.sleep(0, "Mocha")), asyncio.create_task(endless())]
        gathering = asyncio.gather(*children)
        await turns(3)
        assert gathering.cancel() is True
        await asyncio.wait([gathering])
        return outcomes(children), type(gathering.exception())

    assert run(main) == (["'Mocha'", "cancelled"], asyncio.CancelledError)


def test_a_child_that_refuses_to_end_keeps_the_gathering_open(run):
    async def stubborn():
        try:
            await endless()
        except asyncio.CancelledError:
            await turns(3)
            return "stayed"

    async def main():
        child = asyncio.create_task(stubborn())
        gathering = asyncio.gather(child, endless(), return_exceptions=True)
        await turns(1)
        gathering.cancel()
        await turns(2)
        open_still = not gathering.done()
        with pytest.raises(asyncio.CancelledError):
            await gathering
        return open_still, outcomes([child])

    assert run(main) == (True, ["'stayed'"])


def test_children_that_all_refuse_leave_their_results_unless_asked_for_exceptions(run):
    async def stubborn():
        try:
            await endless()
        except asyncio.CancelledError:
            return "stayed"

    async def main(return_exceptions):
        gathering = asyncio.gather(stubborn(), stubborn(), return_exceptions=return_exceptions)
        await turns(1)
        gathering.cancel("closed")
        await asyncio.wait([gathering])
        return repr(gathering.exception())

    assert run(lambda: main(False)) == "CancelledError()"
    assert run(lambda: main(True)) == "CancelledError()"


def test_a_cancelled_child_fails_the_gathering_but_does_not_cancel_it(run):
    async def main():
        child, other = asyncio.create_task(endless()), asyncio.create_task(endless())
        gathering = asyncio.gather(other, child)
        await turns(1)
        child.cancel("closed")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await gathering
        answer = cancelled.value.args, gathering.cancelled(), outcomes([other, child])
        other.cancel()
        return answer

    assert run(main) == (("closed",), False, ["pending", "cancelled"])


def test_cancelled_children_among_exceptions_are_results(run):
    async def main():
        future = asyncio.get_running_loop().create_future()

        async def cancel_itself():
            asyncio.current_task().cancel("itself")

        children = [future, asyncio.create_task(endless()), asyncio.create_task(cancel_itself())]
        gathering = asyncio.gather(*children, spill(), return_exceptions=True)
        await turns(1)
        future.cancel("future")
        children[1].cancel("thrown in")
        return [(type(each), each.args) for each in await gathering]

    # A task whose coroutine was told has no message left; a missing one becomes an empty one.
    assert run(main) == [
        (asyncio.CancelledError, ("future",)),
        (asyncio.CancelledError, ("",)),
        (asyncio.CancelledError, ("itself",)),
        (Spilt, ("milk",)),
    ]


def test_a_future_cancelled_before_it_is_gathered_fails_the_gathering(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        future.cancel("closed")
        gathering = asyncio.gather(future, asyncio.sleep(0))
        assert gathering.done() is (sys.version_info >= (3, 12))
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await gathering
        await turns(2)
        return cancelled.value.args

    assert run(main) == ("closed",)


def test_cancelling_whoever_awaits_cancels_the_children(run):
    async def main():
        children = [asyncio.create_task(endless()) for _ in range(2)]

        async def guest():
            await asyncio.gather(*children)

        task = asyncio.create_task(guest())
        await turns(2)
        task.cancel("closed")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return cancelled.value.args, outcomes(children)

    assert run(main) == (("closed",), ["cancelled"] * 2)


def test_two_who_await_one_gathering_are_both_told(run):
    async def guest(gathering):
        return await gathering

    async def main():
        gathering = asyncio.gather(endless())
        tasks = [asyncio.create_task(guest(gathering)) for _ in range(2)]
        await turns(1)
        tasks[0].cancel("closed")
        await asyncio.wait(tasks)
        return outcomes(tasks)

    assert run(main) == ["cancelled", "cancelled"]


def test_cancelling_an_outer_gathering_cancels_the_inner_children(run):
    async def main():
        child = asyncio.create_task(endless())
        inner = asyncio.gather(child)
        outer = asyncio.gather(inner, asyncio.gather(inner, endless()))
        await turns(1)
        outer.cancel("closed")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await outer
        await turns(2)
        return cancelled.value.args, outcomes([child])

    assert run(main) == (("closed",), ["cancelled"])


def test_a_shielded_gathering_goes_on(run):
    async def main():
        future = asyncio.get_running_loop().create_future()
        gathering = asyncio.gather(future, asyncio.sleep(0, 2))

        async def guest():
            await asyncio.shield(gathering)

        task = asyncio.create_task(guest())
        await turns(1)
        task.cancel()
        await asyncio.wait([task])
        future.set_result(1)
        return task.cancelled(), await gathering

    assert run(main) == (True, [1, 2])


def test_a_gathering_that_times_out_is_cancelled(virtual_time, run):
    async def main():
        children = [asyncio.create_task(endless()) for _ in range(2)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.gather(*children), AN_HOUR)
        return outcomes(children)

    assert run(main) == ["cancelled"] * 2


def test_cancelling_in_the_turn_in_which_the_last_child_ends_comes_too_late(run):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        gathering = asyncio.gather(future)
        future.set_result("Mocha")
        # The child is done, the gathering will be told in the next turn.
        answer = gathering.cancel("too late"), gathering.done()
        return answer, await gathering

    assert run(main) == ((False, False), ["Mocha"])


def test_cancelling_whoever_awaits_in_the_turn_in_which_the_last_child_ends(run):
    async def main():
        loop = asyncio.get_running_loop()
        future = loop.create_future()

        async def guest():
            return await asyncio.gather(future)

        task = asyncio.create_task(guest())
        await turns(1)
        future.set_result("Mocha")
        task.cancel("closed")
        await asyncio.wait([task])
        return outcomes([task])

    assert run(main) == ["cancelled"]


def test_a_child_that_cancels_the_gathering_is_cancelled_with_it(run):
    gathering = None

    async def revolt():
        await asyncio.sleep(0)
        gathering.cancel("revolt")
        await asyncio.sleep(0)

    async def main():
        nonlocal gathering
        gathering = asyncio.gather(revolt(), endless())
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await gathering
        return cancelled.value.args

    assert run(main) == ("revolt",)
    gathering = None
