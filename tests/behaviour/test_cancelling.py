"""Cancelling a task: what its code is told, and whoever awaits it, and what it may do about it."""

import asyncio

import pytest

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600


async def endless():
    await asyncio.get_running_loop().create_future()


async def in_a_timeout():
    async with asyncio.timeout(AN_HOUR):
        await endless()


async def in_a_group():
    async with asyncio.TaskGroup() as group:
        group.create_task(endless())


async def at_a_lock():
    lock = asyncio.Lock()
    await lock.acquire()
    await lock.acquire()


async def at_a_condition():
    condition = asyncio.Condition()
    async with condition:
        await condition.wait()


# Everything that a task may wait for when it is cancelled.
WAITS = {
    "sleep": lambda: asyncio.sleep(AN_HOUR),
    "sleep of zero": lambda: asyncio.sleep(0),
    "future": endless,
    "task": lambda: asyncio.ensure_future(endless()),
    "gather of coroutines": lambda: asyncio.gather(endless(), endless()),
    "gather of sleeps": lambda: asyncio.gather(asyncio.sleep(AN_HOUR), asyncio.sleep(AN_HOUR)),
    "gather of exceptions": lambda: asyncio.gather(endless(), return_exceptions=True),
    "gather of gathers": lambda: asyncio.gather(asyncio.gather(endless()), endless()),
    "wait": lambda: asyncio.wait([asyncio.ensure_future(asyncio.sleep(0.001))]),
    "wait_for": lambda: asyncio.wait_for(endless(), AN_HOUR),
    "wait_for without a limit": lambda: asyncio.wait_for(endless(), None),
    "timeout": in_a_timeout,
    "group": in_a_group,
    "event": lambda: asyncio.Event().wait(),
    "lock": at_a_lock,
    "condition": at_a_condition,
    "semaphore": lambda: asyncio.Semaphore(0).acquire(),
    "queue": lambda: asyncio.Queue().get(),
}


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_a_message_reaches_the_code_and_whoever_awaits_the_task(run, wait):
    told = []

    async def guest():
        try:
            await wait()
        except asyncio.CancelledError as error:
            told.append(error.args)
            raise

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        assert task.cancel("no more coffee")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        assert task.cancelled()
        return cancelled.value.args

    assert run(main) == ("no more coffee",)
    assert told == [("no more coffee",)]


@pytest.mark.parametrize("wait", WAITS.values(), ids=WAITS)
def test_without_a_message_there_is_none(run, wait):
    async def guest():
        await wait()

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        assert task.cancel()
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return cancelled.value.args

    assert run(main) == ()


@pytest.mark.parametrize("message", ["", 42, ("a", "tuple"), ValueError("spilt")])
def test_a_message_may_be_anything(run, message):
    async def main():
        task = asyncio.create_task(asyncio.sleep(AN_HOUR))
        await asyncio.sleep(0)
        task.cancel(msg=message)
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return cancelled.value.args

    assert run(main) == (message,)


def test_a_shielded_task_is_not_told(run):
    async def main():
        inner = asyncio.create_task(endless())

        async def guest():
            await asyncio.shield(inner)

        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        task.cancel("no more coffee")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        spared = not inner.done() and not inner.cancelling()
        inner.cancel()
        return spared, cancelled.value.args

    assert run(main) == (True, ("no more coffee",))


def test_what_awaits_a_task_through_a_shield_is_not_told_the_message(run):
    async def main():
        inner = asyncio.create_task(endless())
        shield = asyncio.shield(inner)
        await asyncio.sleep(0)
        inner.cancel("no more coffee")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await shield
        return cancelled.value.args

    # `shield` cancels its outer future without one.
    assert run(main) == ()


def test_a_task_cancelled_before_it_began_never_begins(run):
    begun = []

    async def guest():
        begun.append(True)

    async def main():
        task = asyncio.create_task(guest())
        task.cancel("closed")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return cancelled.value.args, task.cancelled()

    assert run(main) == (("closed",), True)
    assert begun == []


def test_a_task_that_cancels_itself_is_told_at_its_next_await(run):
    seen = []

    async def guest():
        asyncio.current_task().cancel("myself")
        seen.append("went on")
        try:
            await asyncio.sleep(0)
        except asyncio.CancelledError as error:
            seen.append(error.args)
            raise

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.wait([task])
        return task.cancelled()

    assert run(main)
    assert seen == ["went on", ("myself",)]


def test_a_task_that_cancels_itself_and_ends_is_cancelled(run):
    async def guest():
        asyncio.current_task().cancel("myself")
        return "Mocha"

    async def main():
        task = asyncio.create_task(guest())
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return task.cancelled(), cancelled.value.args

    assert run(main) == (True, ("myself",))


def test_a_task_that_cancels_itself_and_fails_has_failed(run):
    async def guest():
        asyncio.current_task().cancel()
        raise ValueError("spilt")

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.wait([task])
        return task.cancelled(), str(task.exception())

    assert run(main) == (False, "spilt")


def test_a_task_may_refuse_to_end(run):
    async def guest():
        try:
            await asyncio.sleep(AN_HOUR)
        except asyncio.CancelledError:
            await asyncio.sleep(0)
            return "stayed"

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        task.cancel()
        return await task, task.cancelled(), task.cancelling()

    assert run(main) == ("stayed", False, 1)


def test_a_task_may_turn_its_cancellation_into_an_error(run):
    async def guest():
        try:
            await asyncio.sleep(AN_HOUR)
        except asyncio.CancelledError as error:
            raise ValueError("spilt") from error

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        task.cancel("no more coffee")
        with pytest.raises(ValueError) as failed:
            await task
        return failed.value.__cause__.args

    assert run(main) == ("no more coffee",)


def test_a_task_that_raises_a_cancellation_of_its_own_is_cancelled(run):
    async def guest():
        raise asyncio.CancelledError("by hand", 42)

    async def main():
        task = asyncio.create_task(guest())
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return task.cancelled(), cancelled.value.args, task.cancelling()

    assert run(main) == (True, ("by hand", 42), 0)


def test_the_last_of_several_messages_is_told(run):
    async def main():
        task = asyncio.create_task(asyncio.sleep(AN_HOUR))
        task.cancel("first")
        task.cancel("second")
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await task
        return cancelled.value.args, task.cancelling()

    assert run(main) == (("second",), 2)


def test_a_second_cancel_while_the_first_is_on_its_way_is_told_once(run):
    told = []

    async def guest():
        for _ in range(3):
            try:
                await asyncio.sleep(0.001)
                told.append("slept")
            except asyncio.CancelledError as error:
                told.append(error.args)

    async def main():
        task = asyncio.create_task(guest())
        await asyncio.sleep(0)
        # The first cancels what it waits for; the second finds that done, and changes nothing.
        assert task.cancel("first")
        assert task.cancel("second")
        await task
        return task.cancelling()

    assert run(main) == 2
    assert told == [("first",), "slept", "slept"]


def test_cancelling_what_is_done_does_nothing(run):
    async def main():
        task = asyncio.create_task(asyncio.sleep(0, "Mocha"))
        await task
        return task.cancel("too late"), task.cancelling(), task.result()

    assert run(main) == (False, 0, "Mocha")


def test_a_future_takes_its_cancellation_at_once(loop):
    future = loop.create_future()
    assert future.cancel("no more coffee") is True
    assert future.cancelled()
    assert future.cancel("again") is False
    for ask in future.result, future.exception:
        with pytest.raises(asyncio.CancelledError) as cancelled:
            ask()
        assert cancelled.value.args == ("no more coffee",)


def test_cancelling_a_chain_of_tasks_cancels_the_innermost_first(run):
    ended = []

    async def guest(depth):
        try:
            if depth:
                await asyncio.create_task(guest(depth - 1))
            else:
                await asyncio.sleep(AN_HOUR)
        except asyncio.CancelledError as error:
            ended.append((depth, error.args))
            raise

    async def main():
        task = asyncio.create_task(guest(3))
        for _ in range(5):
            await asyncio.sleep(0)
        task.cancel("closed")
        await asyncio.wait([task])

    run(main)
    assert ended == [(depth, ("closed",)) for depth in range(4)]


def test_the_message_of_a_cancelled_task_is_told_to_the_first_who_asks(run):
    async def main():
        task = asyncio.create_task(asyncio.sleep(AN_HOUR))
        await asyncio.sleep(0)
        task.cancel("closed")
        told = []
        for _ in range(2):
            try:
                await task
            except asyncio.CancelledError as error:
                told.append(error.args)
        return told

    # The exception that ended the task is handed on once; later ones are made anew.
    assert run(main) == [("closed",), ()]
