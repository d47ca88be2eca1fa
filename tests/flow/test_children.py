"""Processes that a recorded program starts: each has a recording beside its parent's."""

import multiprocessing
import os
import sys

import pytest

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_children_of_multiprocessing_are_recorded(record, method):
    flow = record(f"""\
import multiprocessing, time
def brew():
    time.sleep(0.1)
if __name__ == "__main__":
    multiprocessing.set_start_method({method!r})
    child = multiprocessing.Process(target=brew)
    child.start()
    child.join()
""")
    (child,) = flow.run.children
    assert [(wait.function, wait.line, wait.count) for wait in child.waits if wait.line == 3] == [
        ("brew", 3, 1)
    ]


def test_a_forked_process_does_not_write_to_its_parents_recording(record):
    flow = record("""\
import asyncio, os, warnings
warnings.simplefilter("ignore")
async def main():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    await asyncio.sleep(0.002)
asyncio.run(main())
""")
    assert flow.labels() == ["main"]
    assert flow.run.warnings == []


def test_recordings_of_other_runs_are_left_alone(record, command, read, folder):
    record("import os\npid = os.fork()\nif pid: os.waitpid(pid, 0)\n")
    assert len(read("program.flow").run.children) == 1
    # The same file name, and the child's of the first run is still there.
    (folder / "program.py").write_text("pass\n")
    assert command("run", "--flow=program.flow", "program.py").returncode == 0
    assert read("program.flow").run.children == []


POOL = """\
import asyncio, multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor
def brew(number):
    file = f"{sys.argv[2]}/brewing"
    with open(file, "a"):
        return number + os.stat(file).st_size
async def order(pool, number):
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(pool, brew, number)
async def main():
    context = multiprocessing.get_context(sys.argv[1])
    with ProcessPoolExecutor(2, context) as pool:
        assert await asyncio.gather(*[order(pool, number) for number in range(4)]) == [0, 1, 2, 3]
if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_jobs_of_a_pool_of_processes_are_told_of_by_both(record, folder, method):
    flow = record(POOL, method, folder)
    children = {child.pid: child for child in flow.run.children}
    assert len(flow.run.works) == 4
    for job in flow.run.works:
        assert (job.code.function, job.place) == ("brew", "elsewhere")
        assert flow.tasks[job.task].label.startswith("order(")
        assert job.queued_ns <= job.begun_ns <= job.ended_ns
        # It was run in one of them, which says so itself.
        assert [it.code.function for it in children[job.process].works].count("brew") >= 1
    orders = [task for task in flow.tasks if task.label.startswith("order(")]
    assert [what for task in orders for what, _ in flow.waits(task)] == ["work"] * 4
    assert sum(len(child.works) for child in children.values()) == 4
    # What they do is told of them, and isn't the loop's waiting as well.
    assert {wait.for_others for wait in flow.run.waits if wait.function == "order"} == {True}
    # They aren't called by what a spawned interpreter's own command line is.
    assert {child.command[1] for child in children.values()} == {method}


@pytest.mark.parametrize("method", multiprocessing.get_all_start_methods())
def test_a_loop_in_a_process_that_a_loop_has_started_is_recorded(record, method):
    flow = record(f"""\
import asyncio, multiprocessing
async def brew():
    await asyncio.sleep(0.002)
def serve():
    asyncio.run(brew())
async def main():
    child = multiprocessing.get_context({method!r}).Process(target=serve)
    child.start()
    await asyncio.to_thread(child.join)
    assert child.exitcode == 0
if __name__ == "__main__":
    asyncio.run(main())
""")
    (child,) = flow.run.children
    (task,) = child.tasks
    assert (task.label, task.end, task.code.line) == ("brew", "returned", 2)
    assert [wait.function for wait in child.waits if getattr(wait, "for") == "sleep"] == ["brew"]


def test_what_a_child_does_is_not_its_parents_line(record):
    flow = record("""\
import asyncio, multiprocessing
async def main():
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    child = context.Process(target=queue.get)
    child.start()
    await asyncio.sleep(0.1)
    queue.put("Latte")
    child.join()
asyncio.run(main())
""")
    # It waits in no function of the program's, though the program has forked it in one.
    assert [wait.function for child in flow.run.children for wait in child.waits] == []


def test_a_pool_that_nobody_can_ask_says_when_its_jobs_end(record):
    flow = record("""\
import asyncio, concurrent.futures
class Slowly(concurrent.futures.Executor):
    def submit(self, function, *args):
        job = concurrent.futures.Future()
        asyncio.get_running_loop().call_later(0.002, job.set_result, function(*args))
        return job
async def main():
    assert await asyncio.get_running_loop().run_in_executor(Slowly(), abs, -5) == 5
asyncio.run(main())
""")
    (job,) = flow.run.works
    assert (job.code.function, job.place, job.begun_ns) == ("abs", "elsewhere", None)
    assert job.queued_ns < job.ended_ns
    assert [what for what, _ in flow.waits(flow.task("main"))] == ["work"]


@pytest.mark.skipif(sys.version_info < (3, 14), reason="pools of interpreters are new in 3.14")
def test_a_pool_of_interpreters_is_given_what_it_can_take(record):
    flow = record("""\
import asyncio, concurrent.futures
async def main():
    with concurrent.futures.InterpreterPoolExecutor(1) as pool:
        assert await asyncio.get_running_loop().run_in_executor(pool, pow, 2, 5) == 32
asyncio.run(main())
""")
    (job,) = flow.run.works
    assert (job.code.function, job.place) == ("pow", "elsewhere")


def test_forking_is_no_reason_to_warn_of_threads(command, folder):
    (folder / "program.py").write_text("""\
import os, time
for _ in range(3):
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
time.sleep(0.1)
""")
    process = command("run", "--flow=program.flow", "program.py",
                      env={**os.environ, "PYTHONWARNINGS": "error"})
    assert process.returncode == 0, process.stderr
    assert "multi-threaded" not in process.stderr


def test_threads_are_looked_at_on_after_a_fork(record):
    flow = record("""\
import os, time
def brew():
    time.sleep(0.1)
brew()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
brew()
""")
    assert flow.sites()["brew", 3] == 2
