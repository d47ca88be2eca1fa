"""Several loops: each in a thread of its own, and what becomes of things of one in another."""

import asyncio
import concurrent.futures
import contextlib
import gc
import threading

import pytest

pytestmark = pytest.mark.usefixtures("names")

LOOPS = 4

FOREIGN = "^Task <Task .*> got Future <[A-Za-z_]+ .*> attached to a different loop$"


@pytest.fixture(params=["same", "asyncio's"])
def stranger(request, loop_class, left_as_found):
    """A loop of the same class, or of asyncio's."""
    with contextlib.closing(
        loop_class() if request.param == "same" else asyncio.SelectorEventLoop()
    ) as stranger:
        yield stranger


async def brew(coffee="Mocha", turns=1):
    for _ in range(turns):
        await asyncio.sleep(0)
    return coffee


async def awaiting(thing):
    return await thing


def one_turn(loop):
    loop.stop()
    loop.run_forever()


def test_awaiting_a_future_of_another_loop_is_an_error(loop, stranger):
    future = stranger.create_future()
    with pytest.raises(RuntimeError, match=FOREIGN):
        loop.run_until_complete(awaiting(future))
    assert not future.done()


def test_awaiting_a_task_of_another_loop_is_an_error(loop, stranger):
    task = stranger.create_task(brew())
    with pytest.raises(RuntimeError, match=FOREIGN):
        loop.run_until_complete(awaiting(task))
    assert stranger.run_until_complete(task) == "Mocha"


def test_that_error_can_be_survived(loop, stranger):
    async def main():
        with contextlib.suppress(RuntimeError):
            await stranger.create_future()
        return await brew()

    assert loop.run_until_complete(main()) == "Mocha"


def test_what_is_done_may_be_awaited_in_any_loop(loop, stranger):
    future = stranger.create_future()
    future.set_result("Mocha")
    assert loop.run_until_complete(awaiting(future)) == "Mocha"


def test_a_gathering_of_another_loop_is_an_error_to_await(loop, stranger):
    future = stranger.create_future()
    gathering = asyncio.gather(future)
    with pytest.raises(RuntimeError, match=FOREIGN):
        loop.run_until_complete(awaiting(gathering))
    future.set_result(None)
    one_turn(stranger)


def test_things_of_another_loop_are_refused_by_asyncios_functions(loop, stranger):
    future = stranger.create_future()
    with pytest.raises(ValueError, match="belongs to a different loop than the one specified"):
        asyncio.ensure_future(future, loop=loop)
    with pytest.raises(ValueError, match="belongs to a different loop than the one specified"):
        loop.run_until_complete(future)


def test_a_gathering_takes_things_of_one_loop_alone(loop, stranger):
    with pytest.raises(ValueError, match="belongs to a different loop than the one specified"):
        asyncio.gather(loop.create_future(), stranger.create_future())


def test_a_task_of_another_loop_runs_there_wherever_it_is_made(loop, stranger):
    async def main():
        return stranger.create_task(where())

    async def where():
        return asyncio.get_running_loop()

    task = loop.run_until_complete(main())
    assert not task.done()
    assert task.get_loop() is stranger
    assert stranger.run_until_complete(task) is stranger


def test_a_sleep_sleeps_on_the_loop_that_runs_it(loop, stranger):
    for delay in (0, 1e-9):
        for each in (loop, stranger):
            nap = asyncio.sleep(delay, "slept")
            assert each.run_until_complete(nap) == "slept"


def test_a_coroutine_begun_on_one_loop_may_go_on_by_hand_on_another(loop, stranger):
    coroutine = brew("Latte", turns=2)
    coroutine.send(None)
    # Nothing in it belongs to a loop.
    assert stranger.run_until_complete(coroutine) == "Latte"


def test_one_loop_may_run_after_the_other_and_back(loop, stranger):
    for round_number in range(3):
        for each in (loop, stranger):
            assert each.run_until_complete(brew(round_number)) == round_number
            assert each.run_until_complete(asyncio.gather(each.create_task(brew()))) == ["Mocha"]


def test_a_result_set_for_another_loop_is_told_when_that_runs(loop, stranger):
    seen = []
    future = stranger.create_future()
    future.add_done_callback(seen.append)
    loop.call_soon(future.set_result, "Mocha")
    one_turn(loop)
    assert seen == []
    one_turn(stranger)
    assert seen == [future]


def test_loops_in_several_threads_do_not_meet(new_loop):
    barrier = threading.Barrier(LOOPS)

    async def guest(number):
        for _ in range(20):
            await asyncio.sleep(0)
        return number, asyncio.current_task().get_loop() is asyncio.get_running_loop()

    async def main(number):
        barrier.wait()
        for _ in range(10):
            seen = await asyncio.gather(*(guest(number) for _ in range(5)), asyncio.sleep(0, None))
            assert seen == [(number, True)] * 5 + [None]
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(guest(number)) for _ in range(5)]
            assert {task.result() for task in tasks} == {(number, True)}
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await asyncio.sleep(3600)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        return number

    def run(number):
        with contextlib.closing(new_loop()) as loop:
            return loop.run_until_complete(main(number))

    with concurrent.futures.ThreadPoolExecutor(LOOPS) as threads:
        assert list(threads.map(run, range(LOOPS))) == list(range(LOOPS))


def test_a_loop_made_in_one_thread_may_run_in_another_and_then_here(new_loop):
    with contextlib.closing(new_loop()) as loop:
        task = loop.create_task(brew())
        with concurrent.futures.ThreadPoolExecutor(1) as thread:
            assert thread.submit(loop.run_until_complete, task).result() == "Mocha"
        assert loop.run_until_complete(brew("Latte")) == "Latte"


def test_tasks_of_two_loops_talk_through_their_threads(new_loop):
    """Each sends the other what it got, a hundred times."""

    async def serve(inbox, partner):
        for _ in range(100):
            cup = await inbox.get()
            partner_loop, partner_inbox = partner
            partner_loop.call_soon_threadsafe(partner_inbox.put_nowait, cup + 1)
        return cup

    def run(number):
        with contextlib.closing(new_loop()) as loop:
            inboxes[number] = (loop, asyncio.Queue())
            barrier.wait()
            if number == 0:
                inboxes[0][1].put_nowait(0)
            result = loop.run_until_complete(serve(inboxes[number][1], inboxes[1 - number]))
            # The loop isn't closed before the other one has sent its last.
            barrier.wait()
            return result

    inboxes = [None, None]
    barrier = threading.Barrier(2)
    with concurrent.futures.ThreadPoolExecutor(2) as threads:
        assert list(threads.map(run, range(2))) == [198, 199]


def test_a_coroutine_sent_to_the_loop_of_another_thread_is_a_task_there(new_loop):
    async def where():
        await asyncio.sleep(0)
        return asyncio.current_task().get_loop(), threading.get_ident()

    with contextlib.closing(new_loop()) as loop:
        thread = threading.Thread(target=loop.run_forever)
        thread.start()
        found = asyncio.run_coroutine_threadsafe(where(), loop).result()
        assert found == (loop, thread.ident)
        failed = asyncio.run_coroutine_threadsafe(asyncio.wait_for(asyncio.sleep(3600), 0), loop)
        with pytest.raises(TimeoutError):
            failed.result()
        cancelled = asyncio.run_coroutine_threadsafe(asyncio.sleep(3600), loop)
        assert cancelled.cancel()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        one_turn(loop)
        one_turn(loop)
        assert asyncio.all_tasks(loop) == set()


def test_a_task_dropped_in_another_thread_harms_nobody(loop, log):
    async def lost():
        await loop.create_future()

    def drop():
        tasks.clear()

    tasks = [loop.create_task(lost())]
    one_turn(loop)
    thread = threading.Thread(target=drop)
    thread.start()
    thread.join()
    gc.collect()
    assert log.take_one().getMessage().startswith("Task was destroyed but it is pending!")
    assert asyncio.all_tasks(loop) == set()
    assert loop.run_until_complete(brew()) == "Mocha"
