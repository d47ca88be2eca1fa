"""Other threads and the loop: their one door in, and loops in several threads.

A test can't see whether the loop sleeps at a given moment, so those that wake it do so often
enough to meet it asleep, awake and in between.
"""

import asyncio
import contextlib
import threading

import pytest

WAKES = 500
THREADS = 8
CALLS_PER_THREAD = 500


@contextlib.contextmanager
def thread(target, *arguments):
    """Runs a function in another thread, and waits for its end unless the test has failed."""
    worker = threading.Thread(target=target, args=arguments, daemon=True)
    worker.start()
    yield worker
    worker.join()


def test_another_thread_wakes_the_loop_each_time(loop, run_until_stopped):
    answered = threading.Semaphore(0)

    def call_and_wait_for_the_answer():
        for _ in range(WAKES):
            loop.call_soon_threadsafe(answered.release)
            answered.acquire()
        loop.call_soon_threadsafe(loop.stop)

    with thread(call_and_wait_for_the_answer):
        run_until_stopped()


def test_another_thread_can_stop_a_loop_that_has_nothing_to_do(loop, run_until_stopped):
    with thread(loop.call_soon_threadsafe, loop.stop):
        run_until_stopped()


def test_calls_from_many_threads_all_arrive_in_the_order_of_each_thread(loop, run_until_stopped):
    seen = {number: [] for number in range(THREADS)}
    start = threading.Barrier(THREADS)

    def arrive(number, call):
        seen[number].append(call)
        if all(len(calls) == CALLS_PER_THREAD for calls in seen.values()):
            loop.stop()

    def caller(number):
        start.wait()
        for call in range(CALLS_PER_THREAD):
            loop.call_soon_threadsafe(arrive, number, call)

    with contextlib.ExitStack() as threads:
        for number in range(THREADS):
            threads.enter_context(thread(caller, number))
        run_until_stopped()
    assert all(calls == list(range(CALLS_PER_THREAD)) for calls in seen.values())


def test_a_burst_from_another_thread_arrives_in_order(loop, run_until_stopped):
    seen = []

    def burst():
        for number in range(10_000):
            loop.call_soon_threadsafe(seen.append, number)
        loop.call_soon_threadsafe(loop.stop)

    with thread(burst):
        run_until_stopped()
    assert seen == list(range(10_000))


def test_calls_made_before_the_loop_runs_are_kept(loop, run_until_stopped):
    seen = []
    with thread(loop.call_soon_threadsafe, seen.append, "early"):
        pass
    loop.call_soon_threadsafe(loop.stop)
    run_until_stopped()
    assert seen == ["early"]


def test_in_the_loops_own_thread_both_ways_of_calling_share_one_queue(loop, turn):
    seen = []
    for number in range(6):
        schedule = loop.call_soon if number % 2 else loop.call_soon_threadsafe
        schedule(seen.append, number)
    turn()
    turn()
    assert seen == list(range(6))


def test_a_call_from_another_thread_can_be_cancelled(loop, run_until_stopped):
    seen = []
    handles = []

    def call():
        handles.append(loop.call_soon_threadsafe(seen.append, "cancelled"))

    with thread(call):
        pass
    handles.pop().cancel()
    loop.call_soon_threadsafe(loop.stop)
    run_until_stopped()
    assert seen == []


def test_calling_a_closed_loop_is_an_error_in_any_thread(new_loop):
    loop = new_loop()
    loop.close()
    errors = []

    def call():
        try:
            loop.call_soon_threadsafe(print)
        except RuntimeError as error:
            errors.append(str(error))

    call()
    with thread(call):
        pass
    assert errors == ["Event loop is closed", "Event loop is closed"]


def test_closing_under_the_calls_of_other_threads_ends_them_with_an_error(new_loop):
    errors = []

    def call_until_refused(loop, calling):
        calling.release()
        while True:
            try:
                loop.call_soon_threadsafe(int)
            except RuntimeError as error:
                errors.append(str(error))
                break

    for _ in range(10):
        loop = new_loop()
        calling = threading.Semaphore(0)
        with thread(call_until_refused, loop, calling), thread(call_until_refused, loop, calling):
            calling.acquire()
            calling.acquire()
            loop.close()
    assert errors == ["Event loop is closed"] * 20


def test_loops_run_in_several_threads_at_once(new_loop):
    met = threading.Barrier(THREADS)
    results = {}

    async def main():
        loop = asyncio.get_running_loop()
        # Every loop is running when this wait is over, and none is past it.
        await loop.run_in_executor(None, met.wait)
        await asyncio.sleep(0.001)
        return asyncio.get_running_loop() is loop

    def run_one(number):
        with asyncio.Runner(loop_factory=new_loop) as runner:
            results[number] = runner.run(main())

    with contextlib.ExitStack() as threads:
        for number in range(THREADS):
            threads.enter_context(thread(run_one, number))
    assert results == dict.fromkeys(range(THREADS), True)


def test_two_running_loops_call_each_other(loop, new_loop, run_until_stopped):
    volleys = []

    def strike(ball):
        volleys.append(ball)
        if ball < WAKES:
            receiver = other if ball % 2 else loop
            receiver.call_soon_threadsafe(strike, ball + 1)
        else:
            loop.call_soon_threadsafe(loop.stop)
            other.call_soon_threadsafe(other.stop)

    with contextlib.closing(new_loop()) as other:
        loop.call_soon(strike, 1)
        with thread(other.run_forever):
            run_until_stopped()
    assert volleys == list(range(1, WAKES + 1))


def test_a_loop_made_in_one_thread_runs_in_another_and_back_again(loop):
    async def where():
        await asyncio.sleep(0)
        return threading.get_ident()

    idents = []
    with thread(lambda: idents.append(loop.run_until_complete(where()))) as other:
        pass
    assert idents == [other.ident]
    assert loop.run_until_complete(where()) == threading.get_ident()


def test_a_running_loop_refuses_to_run_in_a_second_thread(loop, run_until_stopped):
    errors = []
    future = loop.create_future()

    def run_too():
        try:
            loop.run_until_complete(future)
        except RuntimeError as error:
            errors.append(str(error))
        loop.call_soon_threadsafe(loop.stop)

    with contextlib.ExitStack() as threads:
        loop.call_soon(lambda: threads.enter_context(thread(run_too)))
        run_until_stopped()
    assert errors == ["This event loop is already running"]


def test_a_coroutine_submitted_from_another_thread_gives_its_result_there(run):
    async def brew(coffee):
        await asyncio.sleep(0)
        return coffee

    async def main():
        loop = asyncio.get_running_loop()

        def order():
            return asyncio.run_coroutine_threadsafe(brew("Mocha"), loop).result()

        return await loop.run_in_executor(None, order)

    assert run(main) == "Mocha"


def test_a_coroutine_submitted_from_another_thread_raises_there(run):
    async def spill():
        raise ValueError("spilt")

    async def main():
        loop = asyncio.get_running_loop()

        def order():
            with pytest.raises(ValueError, match="spilt"):
                asyncio.run_coroutine_threadsafe(spill(), loop).result()

        await loop.run_in_executor(None, order)

    run(main)


def test_a_coroutine_submitted_from_another_thread_can_be_cancelled_there(run):
    async def main():
        loop = asyncio.get_running_loop()
        started = threading.Event()
        cancelled = loop.create_future()

        async def endless():
            started.set()
            try:
                await loop.create_future()
            finally:
                cancelled.set_result(True)

        def order_and_leave():
            order = asyncio.run_coroutine_threadsafe(endless(), loop)
            started.wait()
            return order.cancel()

        assert await loop.run_in_executor(None, order_and_leave)
        return await cancelled

    assert run(main)
