"""Which task runs, and which there are: `current_task` and `all_tasks`, wherever they're asked."""

import asyncio
import contextlib
import gc
import sys
import threading
import weakref

import pytest

MANY = 1000

LEAVING_ANOTHER = (
    "^Invalid attempt to leave task .* while task .* is entered"
    if sys.version_info >= (3, 14)
    else "^Leaving task .* does not match the current task"
)


async def endless():
    await asyncio.get_running_loop().create_future()


def cancel_all(loop):
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    loop.run_until_complete(asyncio.wait(tasks))


def test_the_current_task_is_the_one_whose_code_runs(run):
    async def itself():
        return asyncio.current_task()

    async def main():
        tasks = [asyncio.create_task(itself()) for _ in range(3)]
        own = asyncio.current_task()
        found = [await task for task in tasks]
        return found == tasks, asyncio.current_task() is own, own in tasks

    assert run(main) == (True, True, False)


def test_after_each_await_the_task_is_the_current_one_again(run):
    seen = []

    async def itself():
        own = asyncio.current_task()
        for delay in (0, 0.001, 0):
            await asyncio.sleep(delay)
            seen.append(asyncio.current_task() is own)

    async def main():
        await asyncio.gather(*(itself() for _ in range(3)))

    run(main)
    assert seen == [True] * 9


def test_in_a_callback_there_is_no_current_task(loop, turn):
    seen = []
    loop.call_soon(lambda: seen.append(asyncio.current_task()))
    loop.call_soon(lambda: seen.append(asyncio.current_task(loop)))
    turn()
    assert seen == [None, None]


def test_in_a_done_callback_there_is_no_current_task(loop, turn):
    seen = []
    task = loop.create_task(asyncio.sleep(0))
    task.add_done_callback(lambda task: seen.append(asyncio.current_task()))
    loop.run_until_complete(task)
    turn()
    assert seen == [None]


def test_without_a_running_loop_the_current_task_can_be_asked_for_by_loop_alone(loop, turn):
    task = loop.create_task(endless())
    turn()
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        asyncio.current_task()
    assert asyncio.current_task(loop) is None
    with pytest.raises(RuntimeError, match="^no running event loop$"):
        asyncio.all_tasks()
    assert asyncio.all_tasks(loop) == {task}
    cancel_all(loop)


def test_a_task_that_failed_is_no_longer_the_current_one(loop):
    async def spill():
        raise ValueError("spilt")

    with pytest.raises(ValueError):
        loop.run_until_complete(spill())
    assert asyncio.current_task(loop) is None


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_task_that_left_the_loop_is_no_longer_the_current_one(loop, error):
    async def leave():
        raise error

    with pytest.raises(error):
        loop.run_until_complete(leave())
    assert asyncio.current_task(loop) is None


def test_a_task_is_known_from_its_making_to_its_end(loop, turn):
    task = loop.create_task(asyncio.sleep(0))
    known = [asyncio.all_tasks(loop) == {task}]
    turn()
    known.append(asyncio.all_tasks(loop) == {task})
    turn()
    assert known == [True, True]
    assert task.done()
    assert asyncio.all_tasks(loop) == set()


def test_a_task_that_was_cancelled_is_known_until_it_ended(loop, turn):
    task = loop.create_task(endless())
    turn()
    task.cancel()
    assert asyncio.all_tasks(loop) == {task}
    turn()
    turn()
    assert asyncio.all_tasks(loop) == set()


def test_futures_are_not_among_the_tasks(loop):
    waiting = [loop.create_future(), asyncio.gather(loop.create_future())]
    assert asyncio.all_tasks(loop) == set()
    waiting[1].cancel()


def test_all_tasks_are_a_set_of_ones_own(loop, turn):
    task = loop.create_task(endless())
    tasks = asyncio.all_tasks(loop)
    assert type(tasks) is set
    tasks.clear()
    assert asyncio.all_tasks(loop) == {task}
    cancel_all(loop)


def test_tasks_of_all_kinds_are_known(loop, turn):
    class Subclass(asyncio.Task):
        pass

    tasks = {
        loop.create_task(endless()),
        asyncio.Task(endless(), loop=loop),
        Subclass(endless(), loop=loop),
    }
    assert asyncio.all_tasks(loop) == tasks
    turn()
    assert asyncio.all_tasks(loop) == tasks
    cancel_all(loop)


def test_each_loop_has_tasks_of_its_own(new_loop):
    with contextlib.closing(new_loop()) as one, contextlib.closing(new_loop()) as other:
        task = one.create_task(endless())
        other_task = other.create_task(endless())
        assert asyncio.all_tasks(one) == {task}
        assert asyncio.all_tasks(other) == {other_task}
        cancel_all(one)
        assert asyncio.all_tasks(other) == {other_task}
        cancel_all(other)


def test_the_tasks_of_a_loop_can_be_asked_for_in_another_thread(loop):
    seen = []

    async def main():
        task = asyncio.create_task(endless())
        await asyncio.sleep(0)
        await asyncio.to_thread(lambda: seen.append(asyncio.all_tasks(loop)))
        task.cancel()
        return {task, asyncio.current_task()}

    tasks = loop.run_until_complete(main())
    assert seen == [tasks]
    loop.run_until_complete(loop.shutdown_default_executor())


def test_the_current_task_of_a_loop_can_be_asked_for_in_another_thread(loop):
    seen = []

    async def main():
        # Blocks the loop: its current task is this one all the while.
        thread = threading.Thread(target=lambda: seen.append(asyncio.current_task(loop)))
        thread.start()
        thread.join()
        return asyncio.current_task()

    task = loop.run_until_complete(main())
    assert seen == [task]


def test_another_thread_can_look_while_tasks_come_and_go(loop):
    over = threading.Event()
    started = threading.Event()
    failures = []

    def look():
        while not over.is_set():
            try:
                tasks = asyncio.all_tasks(loop)
                if not all(isinstance(task, asyncio.Task) for task in tasks):
                    failures.append(tasks)
            except Exception as error:
                failures.append(error)
            started.set()

    async def main():
        while not started.is_set():
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(20)))
        for _ in range(50):
            await asyncio.gather(*(asyncio.sleep(0) for _ in range(20)))

    watcher = threading.Thread(target=look)
    watcher.start()
    loop.run_until_complete(main())
    over.set()
    watcher.join()
    assert failures == []


def test_being_known_keeps_no_finished_task(loop):
    async def main():
        return [weakref.ref(asyncio.create_task(asyncio.sleep(0))) for _ in range(MANY)]

    refs = loop.run_until_complete(main())
    loop.run_until_complete(asyncio.sleep(0))
    gc.collect()
    assert sum(ref() is not None for ref in refs) == 0
    assert asyncio.all_tasks(loop) == set()


def test_being_known_keeps_no_pending_task_either(loop, turn, log):
    async def forgotten():
        await loop.create_future()

    ref = weakref.ref(loop.create_task(forgotten()))
    turn()
    gc.collect()
    assert ref() is None
    assert asyncio.all_tasks(loop) == set()
    assert log.take_one().getMessage().startswith("Task was destroyed but it is pending!")


def test_tasks_of_a_closed_loop_are_still_known(new_loop, log):
    loop = new_loop()
    task = loop.create_task(endless())
    loop.stop()
    loop.run_forever()
    loop.close()
    assert asyncio.all_tasks(loop) == {task}
    task.get_coro().close()
    del task
    gc.collect()
    log.take_one()


def test_a_task_of_ones_own_kind_can_be_registered(loop):
    class Kind:
        def get_loop(self):
            return loop

        def done(self):
            return False

    task = Kind()
    asyncio._register_task(task)
    assert asyncio.all_tasks(loop) == {task}
    asyncio._unregister_task(task)
    assert asyncio.all_tasks(loop) == set()


def test_a_task_of_ones_own_kind_can_be_entered_and_left(run):
    async def main():
        loop = asyncio.get_running_loop()
        seen = []

        class Kind:
            pass

        def step():
            asyncio._enter_task(loop, task)
            seen.append(asyncio.current_task() is task)
            asyncio._leave_task(loop, task)
            seen.append(asyncio.current_task())

        task = Kind()
        loop.call_soon(step)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return seen

    assert run(main) == [True, None]


def test_two_tasks_cannot_be_entered_at_once(run):
    async def main():
        loop = asyncio.get_running_loop()
        own = asyncio.current_task()
        other = asyncio.create_task(asyncio.sleep(0))
        with pytest.raises(RuntimeError, match="^Cannot enter into task .* while another task .*"):
            asyncio._enter_task(loop, other)
        with pytest.raises(RuntimeError, match=LEAVING_ANOTHER):
            asyncio._leave_task(loop, other)
        await other
        return asyncio.current_task() is own

    assert run(main)


def test_a_loop_run_within_a_task_by_leaving_it_has_its_own_current_tasks(loop):
    # What nest_asyncio and debuggers do.
    async def inner():
        return asyncio.current_task()

    async def main():
        own = asyncio.current_task()
        asyncio._leave_task(loop, own)
        task = loop.create_task(inner())
        seen = []
        try:
            loop.call_soon(lambda: None)
            seen.append(asyncio.current_task())
        finally:
            asyncio._enter_task(loop, own)
        return seen, asyncio.current_task() is own, await task is task

    assert loop.run_until_complete(main()) == ([None], True, True)


if sys.version_info >= (3, 12):

    def test_the_current_task_can_be_swapped(run):
        async def main():
            loop = asyncio.get_running_loop()
            own = asyncio.current_task()
            other = asyncio.create_task(asyncio.sleep(0))
            before = asyncio.tasks._swap_current_task(loop, other)
            swapped = asyncio.current_task()
            asyncio.tasks._swap_current_task(loop, before)
            await other
            return before is own, swapped is other, asyncio.current_task() is own

        assert run(main) == (True, True, True)
