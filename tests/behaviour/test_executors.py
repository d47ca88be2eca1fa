"""Work that is handed to threads or processes, and the end of those."""

import asyncio
import concurrent.futures
import contextlib
import contextvars
import re
import sys
import threading

import pytest

flavour = contextvars.ContextVar("flavour", default="Vanilla")


def thread_name():
    return threading.current_thread().name


@contextlib.contextmanager
def held_job():
    """A job that has begun when `began` is set, and ends with this context."""
    began, over = threading.Event(), threading.Event()

    def job():
        began.set()
        over.wait()
        return "done"

    try:
        yield began, job
    finally:
        over.set()


def test_work_runs_in_a_thread_of_its_own_with_its_arguments(run):
    async def main():
        loop = asyncio.get_running_loop()
        assert await loop.run_in_executor(None, divmod, 17, 5) == (3, 2)
        return await loop.run_in_executor(None, threading.get_ident)

    assert run(main) != threading.get_ident()


def test_the_default_threads_bear_the_name_that_programs_look_for(run):
    async def main():
        return await asyncio.get_running_loop().run_in_executor(None, thread_name)

    assert re.fullmatch(r"asyncio_\d+", run(main))


def test_work_runs_in_the_executor_that_is_given(run):
    async def main():
        with concurrent.futures.ThreadPoolExecutor(thread_name_prefix="grinder") as executor:
            return await asyncio.get_running_loop().run_in_executor(executor, thread_name)

    assert run(main).startswith("grinder")


# In an interpreter of its own, because starting a process leaves a resource tracker behind.
IN_ANOTHER_PROCESS = """
import asyncio, concurrent.futures, multiprocessing, os

async def main():
    spawning = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=spawning) as executor:
        loop = asyncio.get_running_loop()
        print(await loop.run_in_executor(executor, pow, 2, 10))
        print(await loop.run_in_executor(executor, os.getpid) != os.getpid())

if __name__ == "__main__":
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(main())
"""


@pytest.mark.slow
def test_work_runs_in_another_process(run_script):
    assert run_script(IN_ANOTHER_PROCESS) == "1024\nTrue\n"


def test_work_runs_in_the_default_executor_that_was_set(run):
    async def main():
        loop = asyncio.get_running_loop()
        loop.set_default_executor(concurrent.futures.ThreadPoolExecutor(thread_name_prefix="own"))
        return await loop.run_in_executor(None, thread_name)

    assert run(main).startswith("own")


def test_only_a_thread_pool_can_be_the_default_executor(loop):
    message = "^executor must be ThreadPoolExecutor instance$"
    for executor in (None, object(), concurrent.futures.Executor()):
        with pytest.raises(TypeError, match=message):
            loop.set_default_executor(executor)


def test_an_exception_at_work_is_raised_where_it_is_awaited(run):
    def spill():
        raise ValueError("spilt")

    async def main():
        with pytest.raises(ValueError, match="^spilt$"):
            await asyncio.get_running_loop().run_in_executor(None, spill)

    run(main)


def test_the_loop_goes_on_while_threads_work(run):
    async def main():
        loop = asyncio.get_running_loop()
        with held_job() as (_, job):
            working = loop.run_in_executor(None, job)
            for _ in range(10):
                await asyncio.sleep(0)
            assert not working.done()
        return await working

    assert run(main) == "done"


def test_results_come_back_to_whoever_waits_for_them(run):
    async def main():
        loop = asyncio.get_running_loop()
        jobs = [loop.run_in_executor(None, pow, number, 2) for number in range(100)]
        return await asyncio.gather(*jobs)

    assert run(main) == [number * number for number in range(100)]


def test_cancelling_work_that_has_not_begun_keeps_it_from_beginning(run):
    async def main():
        loop = asyncio.get_running_loop()
        seen = []
        with concurrent.futures.ThreadPoolExecutor(1) as executor, held_job() as (began, job):
            working = loop.run_in_executor(executor, job)
            began.wait()
            waiting = loop.run_in_executor(executor, seen.append, "begun")
            waiting.cancel()
            # The future tells its job in the next turn.
            await asyncio.sleep(0)
        assert await working == "done"
        return seen

    assert run(main) == []


def test_work_that_has_begun_is_no_longer_awaited_when_cancelled(run):
    async def main():
        loop = asyncio.get_running_loop()
        with held_job() as (began, job):
            working = loop.run_in_executor(None, job)
            began.wait()
            working.cancel()
            with pytest.raises(asyncio.CancelledError):
                await working

    run(main)


def test_to_thread_carries_the_context_and_the_bare_executor_does_not(run):
    async def main():
        loop = asyncio.get_running_loop()
        flavour.set("Caramel")
        return await asyncio.to_thread(flavour.get), await loop.run_in_executor(None, flavour.get)

    assert run(main) == ("Caramel", "Vanilla")


def test_shutting_the_default_executor_down_waits_for_its_work(run):
    async def main():
        loop = asyncio.get_running_loop()
        with held_job() as (began, job):
            working = loop.run_in_executor(None, job)
            began.wait()
            shutting_down = loop.create_task(loop.shutdown_default_executor())
            await asyncio.sleep(0)
            assert not shutting_down.done()
        await shutting_down
        return await working

    assert run(main) == "done"
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("asyncio")]


def test_shutting_down_what_was_never_used_does_nothing(run):
    async def main():
        await asyncio.get_running_loop().shutdown_default_executor()
        return threading.active_count()

    assert run(main) == threading.active_count()


def test_after_its_shutdown_the_default_executor_takes_no_work(run):
    async def main():
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, int)
        await loop.shutdown_default_executor()
        with pytest.raises(RuntimeError, match="^Executor shutdown has been called$"):
            loop.run_in_executor(None, int)
        with concurrent.futures.ThreadPoolExecutor(1) as executor:
            return await loop.run_in_executor(executor, pow, 2, 10)

    assert run(main) == 1024


if sys.version_info >= (3, 12):
    # The limit came with 3.12 ...
    def test_shutting_down_within_its_time_limit_is_not_warned_of(run):
        async def main():
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(None, int)
            await loop.shutdown_default_executor(timeout=60)

        run(main)


if sys.version_info >= (3, 13):
    # ... and is kept since 3.13: in 3.12 the wait for the threads came before the limit.
    def test_a_shutdown_that_takes_too_long_is_warned_of_and_given_up(run):
        async def main():
            loop = asyncio.get_running_loop()
            with held_job() as (began, job):
                working = loop.run_in_executor(None, job)
                began.wait()
                message = "^The executor did not finishing joining its threads within 0.001 sec"
                with pytest.warns(RuntimeWarning, match=message):
                    await loop.shutdown_default_executor(timeout=0.001)
                assert not working.done()
            return await working

        assert run(main) == "done"


def test_a_closed_loop_takes_no_work(new_loop):
    loop = new_loop()
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        loop.run_in_executor(None, int)


def test_closing_does_not_wait_for_work_and_drops_its_result(new_loop, log):
    loop = new_loop()
    threads = threading.enumerate()
    with held_job() as (began, job):
        working = loop.run_in_executor(None, job)
        began.wait()
        loop.close()
    for thread in set(threading.enumerate()) - set(threads):
        thread.join()
    assert not working.done()
    assert log.take() == []
