"""What libraries and asyncio's own helpers read of a loop, and set, though it isn't promised.

Frameworks check by them in which thread they are; test suites and those who embed a loop close or
replace its executor.
"""

import asyncio
import concurrent.futures
import threading

import pytest


def test_the_thread_of_a_running_loop_can_be_read(loop, turn):
    seen = []
    assert loop._thread_id is None
    loop.call_soon(lambda: seen.append(loop._thread_id))
    turn()
    assert seen == [threading.get_ident()]
    assert loop._thread_id is None


def test_the_thread_of_a_loop_can_be_read_from_another(loop, run_until_stopped):
    seen = []
    running = threading.Thread(target=loop.run_forever)
    loop.call_soon(lambda: (seen.append(loop._thread_id), loop.stop()))
    running.start()
    running.join()
    assert seen == [running.ident]
    # After a failure too, it runs in none.
    loop.call_soon(exit)
    with pytest.raises(SystemExit):
        loop.run_forever()
    assert loop._thread_id is None


def test_the_default_executor_can_be_read(loop):
    assert loop._default_executor is None
    loop.run_until_complete(loop.run_in_executor(None, int))
    assert isinstance(loop._default_executor, concurrent.futures.ThreadPoolExecutor)


def test_the_default_executor_may_be_shut_down_and_taken_away_by_its_user(loop):
    # As asyncio's own tests do, and programs that are in a hurry to end.
    loop.run_until_complete(loop.run_in_executor(None, int))
    loop._default_executor.shutdown(wait=True)
    loop._default_executor = None
    assert loop.run_until_complete(loop.run_in_executor(None, int)) == 0
    loop._default_executor.shutdown(wait=True)


def test_an_executor_that_was_shut_down_may_be_replaced(loop):
    # As those do who reuse a loop that `asyncio.run` has ended.
    assert loop._executor_shutdown_called is False
    loop.run_until_complete(loop.shutdown_default_executor())
    assert loop._executor_shutdown_called is True
    with pytest.raises(RuntimeError, match="^Executor shutdown has been called$"):
        loop.run_in_executor(None, int)
    loop._executor_shutdown_called = False
    assert loop.run_until_complete(loop.run_in_executor(None, int)) == 0
    loop.run_until_complete(loop.shutdown_default_executor())


def test_whether_asynchronous_generators_were_shut_down_can_be_read(loop):
    assert loop._asyncgens_shutdown_called is False
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert loop._asyncgens_shutdown_called is True


def test_unfinished_asynchronous_generators_can_be_read(loop):
    async def menu():
        yield "latte"
        yield "mocha"

    async def main():
        generator = menu()
        await anext(generator)
        assert list(loop._asyncgens) == [generator]
        await generator.aclose()

    loop.run_until_complete(main())
    loop.run_until_complete(loop.shutdown_asyncgens())
    assert list(loop._asyncgens) == []


def test_the_exception_handler_can_be_read(loop):
    assert loop._exception_handler is None
    loop.set_exception_handler(print)
    assert loop._exception_handler is print


def test_the_running_loop_can_be_told_by_its_thread(loop):
    # As those do who offer a blocking face, to refuse a call that would wait for itself.
    async def main():
        here = threading.get_ident()
        there = await asyncio.to_thread(lambda: threading.get_ident() == loop._thread_id)
        return here == loop._thread_id, there

    assert loop.run_until_complete(main()) == (True, False)
    loop.run_until_complete(loop.shutdown_default_executor())
