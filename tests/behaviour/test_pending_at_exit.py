"""The interpreter's end with tasks that haven't ended: no crash, no hang, and the usual words.

The programs are interpreters of their own.  What is told when everything is taken down depends
on the order in which that happens; that it ends well doesn't.
"""

import pytest

pytestmark = pytest.mark.slow

LIMIT_SECONDS = 60

HEAD = """
import asyncio, sys

async def endless():
    await asyncio.get_running_loop().create_future()

async def mop(words):
    try:
        await asyncio.sleep(3600)
    finally:
        print(words)

def run_some(loop, turns=3):
    for _ in range(turns):
        loop.stop()
        loop.run_forever()

loop = new_loop()
"""


@pytest.fixture
def end_of(start_script):
    """Runs a program to its end: the status, what it printed, and what it complained of."""

    def end_of(source):
        process = start_script(HEAD + source, "-W", "default", "-X", "faulthandler")
        printed, complaints = process.communicate(timeout=LIMIT_SECONDS)
        for crash in ("Fatal Python error", "panicked", "Assertion"):
            assert crash not in complaints
        return process.returncode, printed, complaints

    return end_of


ALL_KINDS = """
kinds = [
    endless(),
    mop("mopped"),
    asyncio.wait_for(endless(), 3600),
    asyncio.sleep(3600),
]
tasks = [loop.create_task(kind) for kind in kinds]
run_some(loop)
gathering = asyncio.gather(*tasks)
print("end")
"""

PENDING = {
    "tasks that nobody holds": """
for _ in range(10):
    loop.create_task(asyncio.sleep(3600))
run_some(loop)
print("end")
""",
    "tasks that never began": """
tasks = [loop.create_task(endless()) for _ in range(3)]
print("end")
""",
    "a cycle of tasks": """
async def wait_for(number):
    await tasks[number]
tasks = [loop.create_task(wait_for(number)) for number in (1, 2, 0)]
run_some(loop)
print("end")
""",
    "a closed loop": """
tasks = [loop.create_task(endless()), loop.create_task(asyncio.sleep(3600))]
run_some(loop)
loop.close()
print("end")
""",
    "a task that holds a module": """
async def hold():
    task = asyncio.current_task()
    task.module = sys.modules["asyncio"]
    sys.modules["__main__"].kept = task
    await endless()
loop.create_task(hold())
run_some(loop)
print("end")
""",
    "an exception that nobody asked for": """
async def spill():
    raise ValueError("spilt")
failed = loop.create_task(spill())
run_some(loop)
print("end")
""",
}


@pytest.mark.parametrize("source", PENDING.values(), ids=PENDING)
def test_an_end_with_pending_tasks_is_a_clean_one(end_of, source):
    status, printed, _ = end_of(source)
    assert status == 0
    # What tasks print when they are closed by the collector may follow, or be lost.
    assert printed.splitlines()[0] == "end"


def test_an_end_with_pending_tasks_of_all_kinds_is_a_clean_one(end_of, names):
    status, printed, _ = end_of(ALL_KINDS)
    assert (status, printed.splitlines()[0]) == (0, "end")


def test_a_lost_task_is_told_with_the_usual_words(end_of):
    status, printed, complaints = end_of("""
import gc
loop.create_task(endless(), name="lost")
run_some(loop)
gc.collect()
loop.close()
print("end")
""")
    assert (status, printed) == (0, "end\n")
    first, second = complaints.splitlines()
    assert first == "Task was destroyed but it is pending!"
    assert second.startswith("task: <Task pending name='lost' coro=<endless() ")


def test_a_task_that_never_began_is_told_of_with_its_coroutine(end_of):
    status, printed, complaints = end_of("""
import gc
task = loop.create_task(endless(), name="never begun")
loop.close()
del task
gc.collect()
print("end")
""")
    assert (status, printed) == (0, "end\n")
    assert "Task was destroyed but it is pending!\n" in complaints
    assert "RuntimeWarning: coroutine 'endless' was never awaited\n" in complaints


def test_a_runner_ends_what_is_pending_before_the_end(end_of):
    status, printed, complaints = end_of("""
loop.close()

async def main():
    tasks = [asyncio.create_task(mop(number)) for number in range(3)]
    await asyncio.sleep(0)
    print("main ends")

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
""")
    assert (status, complaints) == (0, "")
    head, *mopped = printed.splitlines()
    assert head == "main ends"
    assert sorted(mopped) == ["0", "1", "2"]


def test_an_exit_out_of_a_task_ends_with_its_status_and_cleans_up(end_of):
    status, printed, _ = end_of("""
loop.close()

async def leave():
    await asyncio.sleep(0)
    sys.exit(3)

async def main():
    task = asyncio.create_task(mop("mopped"))
    await asyncio.gather(asyncio.sleep(3600), leave())

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
""")
    assert (status, printed) == (3, "mopped\n")


# What a daemonic thread's loop may run when the interpreter ends; each begins again for ever.
BUSY = {
    "tasks": """
async def busy():
    while True:
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(10)))
        running.set()

def begin(loop):
    loop.create_task(busy())
""",
    "callbacks": """
def begin(loop):
    loop.call_soon(begin, loop)
    sum(range(1000))
    running.set()
""",
    "timers": """
def begin(loop):
    loop.call_later(0.00001, begin, loop)
    running.set()
""",
    "a callback that lets go of the lock": """
def begin(loop, sleep=__import__("time").sleep):
    loop.call_soon(begin, loop)
    running.set()
    sleep(0.0001)
""",
    "done callbacks": """
def begin(loop, future=None):
    future = loop.create_future()
    future.add_done_callback(lambda future: begin(loop))
    future.set_result(sum(range(1000)))
    running.set()
""",
    "destructors": """
class Spilt:
    def __del__(self):
        sum(range(1000))
        running.set()

async def spill(spilt):
    pass

def begin(loop):
    loop.create_task(spill(Spilt())).add_done_callback(lambda task: begin(loop))
""",
    "a reader": """
def begin(loop, pipe=__import__("os").pipe, write=__import__("os").write):
    reading, writing = pipe()
    write(writing, b"Mocha")
    loop.add_reader(reading, lambda: running.set() or sum(range(1000)))
""",
    "an exception handler": """
def begin(loop):
    loop.set_exception_handler(lambda loop, context: running.set() or sum(range(1000)))
    def fail():
        loop.call_soon(fail)
        raise OSError
    fail_soon = loop.call_soon(fail)
""",
}


@pytest.mark.parametrize("busy", BUSY.values(), ids=BUSY)
def test_loops_of_daemonic_threads_do_not_hold_up_the_end(end_of, busy):
    status, printed, _ = end_of("""
import os, select, threading

loop.close()

class Last:
    # Is taken down with the module, and waits there until the threads have met the end.
    def __del__(self, listdir=os.listdir, select=select.select):
        for _ in range(1000):
            select([], [], [], 0.0001)
            if len(listdir("/proc/self/task")) == 1:
                break

last = Last()
running = threading.Event()
""" + busy + """
def run():
    loop = new_loop()
    begin(loop)
    loop.run_forever()

for _ in range(3):
    threading.Thread(target=run, daemon=True).start()
running.wait()
print("end")
""")
    assert (status, printed) == (0, "end\n")
