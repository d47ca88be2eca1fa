"""The interpreter's end, whatever loops are still there: no crash, no hang, the right status.

The programs are interpreters of their own; the loops in them are in the state in which a
careless program leaves them.
"""

import pytest

pytestmark = pytest.mark.slow

LIMIT_SECONDS = 60

# Warnings are not errors here: forgetting a loop may be told, and must not hurt.
CARELESS = ("-W", "default")


@pytest.fixture
def end_of(start_script):
    """Runs a program to its end: the status and what it printed."""

    def end_of(source):
        process = start_script(source, *CARELESS)
        printed, complaints = process.communicate(timeout=LIMIT_SECONDS)
        assert "Fatal Python error" not in complaints
        assert "panicked" not in complaints
        return process.returncode, printed

    return end_of


PENDING = {
    "never run": "",
    "callbacks": "loop.call_soon(print, 'never'); loop.call_soon(loop.stop)",
    "timers": "[loop.call_later(3600, print, loop) for _ in range(1000)]",
    "reader": "import os; pipe = os.pipe(); loop.add_reader(pipe[0], loop.stop)",
    "signal handler": "import signal; loop.add_signal_handler(signal.SIGUSR1, loop.stop)",
    "future": "future = loop.create_future(); future.add_done_callback(print)",
    "thread": "loop.run_until_complete(loop.run_in_executor(None, int))",
    "cycle": "loop.loop = loop; del loop",
}


@pytest.mark.parametrize("what", PENDING)
def test_an_end_with_a_loop_that_was_not_closed_is_a_clean_one(end_of, what):
    assert end_of(f"loop = new_loop()\n{PENDING[what]}\n") == (0, "")


def test_an_end_with_a_task_half_way_is_a_clean_one(end_of):
    assert end_of("""
import asyncio
loop = new_loop()
task = loop.create_task(asyncio.sleep(3600))
loop.stop()
loop.run_forever()
print("end")
""") == (0, "end\n")


def test_an_end_while_another_thread_sleeps_in_a_loop_is_a_clean_one(end_of):
    assert end_of("""
import threading
running = threading.Event()
loop = new_loop()
loop.call_soon(running.set)
threading.Thread(target=loop.run_forever, daemon=True).start()
running.wait()
print("end")
""") == (0, "end\n")


def test_an_end_while_other_threads_are_busy_in_their_loops_is_a_clean_one(end_of):
    assert end_of("""
import threading

def busy(loop, rounds):
    # Both ways through the poll: with something ready, and with a deadline to wait for.
    if rounds % 2:
        loop.call_later(0.00005, busy, loop, rounds + 1)
    else:
        loop.call_soon(busy, loop, rounds + 1)
    if rounds == 10:
        running.release()

running = threading.Semaphore(0)
for _ in range(4):
    loop = new_loop()
    loop.call_soon(busy, loop, 0)
    threading.Thread(target=loop.run_forever, daemon=True).start()
for _ in range(4):
    running.acquire()
print("end")
""") == (0, "end\n")


def test_an_exit_from_a_callback_ends_with_its_status(end_of):
    assert end_of("""
import sys
loop = new_loop()
loop.call_soon(sys.exit, 3)
try:
    loop.run_forever()
finally:
    print("finally")
""") == (3, "finally\n")


def test_an_exit_from_a_program_cleans_up_and_ends_with_its_status(end_of):
    assert end_of("""
import asyncio, sys

async def endless():
    try:
        await asyncio.sleep(3600)
    finally:
        print("cleaned up")

async def main():
    task = asyncio.create_task(endless())
    await asyncio.sleep(0)
    sys.exit(3)

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
""") == (3, "cleaned up\n")


def test_an_exit_that_skips_everything_ends_with_its_status(end_of):
    assert end_of("""
import os
loop = new_loop()
loop.call_soon(os._exit, 3)
loop.run_forever()
""") == (3, "")


def test_a_loop_runs_in_what_is_registered_for_the_end(end_of):
    assert end_of("""
import asyncio, atexit

def last_orders():
    loop = new_loop()
    print(loop.run_until_complete(asyncio.sleep(0.001, "last orders")))
    loop.close()

atexit.register(last_orders)
""") == (0, "last orders\n")


def test_a_loop_that_is_closed_while_modules_are_taken_down_is_let_go(end_of):
    assert end_of("""
class Closer:
    def __init__(self, loop):
        self.loop = loop
    def __del__(self):
        self.loop.close()
        print("closed")

closer = Closer(new_loop())
""") == (0, "closed\n")


def test_futures_and_tasks_answer_while_modules_are_taken_down(end_of):
    assert end_of("""
import asyncio

class Last:
    def __init__(self, loop, asyncio=asyncio):
        self.loop = loop
        self.future = loop.create_future()
        self.future.set_result("served")
        self.task = loop.create_task(asyncio.sleep(0, "paid"))
        loop.run_until_complete(self.task)
        self.error = asyncio.InvalidStateError
    def __del__(self):
        print(self.future.done(), self.future.result(), self.task.result(), self.task.get_name())
        try:
            self.loop.create_future().result()
        except self.error:
            print("pending")
        self.loop.close()

last = Last(new_loop())
""") == (0, "True served paid Task-1\npending\n")


def test_a_thread_that_is_waited_for_finishes_its_loop(end_of):
    assert end_of("""
import asyncio, threading

def work():
    loop = new_loop()
    main_ended.wait()
    print(loop.run_until_complete(asyncio.sleep(0.001, "finished")))
    loop.close()

main_ended = threading.Event()
threading.Thread(target=work).start()
main_ended.set()
""") == (0, "finished\n")
