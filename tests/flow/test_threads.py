"""Programs without asyncio: what their threads did, looked at from outside.

They wait for as long as it takes to be seen surely.
"""

import pytest

pytestmark = pytest.mark.slow

# What `grind` uses is processor time, however long it has to wait for a processor.
GRIND = """\
import threading, time
def grind(seconds):
    done = time.thread_time() + seconds
    while time.thread_time() < done:
        pass
def brew(coffee):
    time.sleep(0.1)
"""


def test_waits_of_one_line_are_counted_one_by_one(record):
    flow = record(GRIND + "for coffee in range(5):\n    brew(coffee)\n")
    assert flow.sites() == {("brew", 7): 5}
    assert flow.findings == ["sequential-waits"]


def test_waits_in_a_loop_of_one_function_are_told_apart_too(record):
    # On a busy machine nobody may look for a tenth of a second.
    flow = record(GRIND + "for coffee in range(4):\n    time.sleep(0.3)\n    grind(0.002)\n")
    assert flow.sites()[("<module>", 9)] == 4


def test_a_library_that_wakes_again_and_again_waits_once(record, folder):
    library = folder / "site-packages" / "library.py"
    library.parent.mkdir()
    library.write_text("""\
import time
def fetch():
    for _ in range(10):
        time.sleep(0.03)
""")
    flow = record("""\
import sys
sys.path.insert(0, "site-packages")
import library
library.fetch()
library.fetch()
""")
    (count,) = [count for (function, line), count in flow.sites().items() if line in (4, 5)][:1]
    assert count == 1


def test_work_is_no_waiting(record):
    flow = record(GRIND + "grind(0.3)\n")
    assert flow.sites() == {}
    assert [busy.function for busy in flow.run.busy][:1] == ["grind"]


def test_other_threads_have_lanes_too(record):
    flow = record(GRIND + """\
threads = [threading.Thread(target=brew, args=(number,), name=f"barista {number}")
           for number in range(2)]
for thread in threads:
    thread.start()
time.sleep(0.3)
for thread in threads:
    thread.join()
""")
    assert {"barista 0", "barista 1"} <= {thread.label for thread in flow.run.threads}
    assert flow.sites()[("brew", 7)] == 2


def test_each_of_many_short_threads_has_its_lane(record):
    # One after another they get the same identity, and live for less than their server.
    flow = record(GRIND + """\
for number in range(8):
    thread = threading.Thread(target=brew, args=(number,), name=f"barista {number}")
    thread.start()
    thread.join()
time.sleep(0.1)
""")
    lanes = {thread.label: thread.stretches for thread in flow.run.threads}
    end_ns = lanes.pop("MainThread")[-1].to_ns
    assert list(lanes) == [f"barista {number}" for number in range(8)]
    assert flow.sites()[("brew", 7)] == 8
    begun = [stretches[0].from_ns for stretches in lanes.values()]
    assert begun == sorted(begun)
    assert all(stretches[-1].to_ns < end_ns for stretches in lanes.values())


def test_a_job_that_blocks_a_loop_is_told_with_its_line(record):
    flow = record(GRIND + """\
import asyncio
async def serve():
    grind(0.2)
async def main():
    await asyncio.gather(serve(), asyncio.sleep(0))
asyncio.run(main())
""")
    assert flow.findings == ["blocked-loop"]
    assert "grind (program.py:" in flow.run.findings[0].saw


def test_a_loop_that_only_waits_is_not_blocked(record):
    flow = record("import asyncio\nasyncio.run(asyncio.sleep(0.2))\n")
    assert flow.findings == []


def test_a_pool_that_waits_for_work_has_no_lane(record):
    flow = record(GRIND + """\
import concurrent.futures
with concurrent.futures.ThreadPoolExecutor(2) as pool:
    pool.submit(int).result()
    time.sleep(0.2)
""")
    sites = flow.sites()
    # On a busy machine the pool's thread begins when somebody lets it.
    sites.pop(("<module>", 10), None)
    assert sites == {("<module>", 11): 1}


@pytest.mark.parametrize("pool", [
    "concurrent.futures.ThreadPoolExecutor(2)",
    "multiprocessing.pool.ThreadPool(2)",
    "multiprocessing.get_context('fork').Pool(2)",
])
def test_whoever_waits_for_a_pool_joins_it(record, pool):
    flow = record(GRIND + f"""\
import concurrent.futures, multiprocessing.pool
def steep(tea):
    time.sleep(0.4)
def serve():
    # Who leaves a pool of processes kills them: of a tenth of a second nothing is known.
    with {pool} as pool:
        list(pool.map(steep, range(4)))
if __name__ == "__main__":
    serve()
""")
    (joining,) = [wait for wait in flow.run.waits if wait.for_others]
    assert joining.function == "serve"
    assert joining.total_ns > 100_000_000


def test_whoever_is_killed_has_waited_until_then(command, read, folder):
    (folder / "program.py").write_text("""\
import os, signal, time, threading
threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
time.sleep(60)
""")
    assert command("run", "--flow=x.flow", "program.py").returncode == -9
    flow = read("x.flow")
    (wait,) = [wait for wait in flow.run.waits if wait.line == 3]
    # It was written down a tenth of a second before, at most.
    assert wait.total_ns > 200_000_000
    assert "cut off" in flow.run.warnings[0]


# What a pool's thread runs is a job's: the program's, a library's, or without any frame.
SERVE = GRIND + """\
import asyncio
async def main():
    await asyncio.gather(*[asyncio.to_thread({function}, 0.2) for _ in range(2)])
asyncio.run(main())
"""


def test_a_job_that_waits_waits_in_its_own_line(record):
    flow = record(SERVE.format(function="brew"))
    assert flow.sites() == {("brew", 7): 2}
    tasks = [wait for wait in flow.run.waits if wait.for_others and wait.function == "to_thread"]
    assert sum(wait.count for wait in tasks) == 2


def test_a_job_that_computes_does_not_wait(record):
    flow = record(SERVE.format(function="grind"))
    assert "grind" in {busy.function for busy in flow.run.busy}
    # Two that compute wait for each other's GIL, a little.
    assert flow.run.totals.waiting_ns < flow.run.totals.running_ns


def test_a_job_of_a_function_without_a_frame_waits_in_that(record):
    flow = record(SERVE.format(function="time.sleep"))
    assert flow.sites() == {("sleep", 0): 2}


def test_a_job_that_is_all_a_librarys_waits_in_its_line(record, folder):
    library = folder / "site-packages" / "library.py"
    library.parent.mkdir()
    library.write_text("import time\ndef fetch(seconds):\n    time.sleep(seconds)\n")
    source = "import sys\nsys.path.insert(0, 'site-packages')\nimport library\n"
    flow = record(source + SERVE.format(function="library.fetch"))
    assert flow.sites() == {("fetch", 3): 2}
    flow = record(source + """\
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(2) as pool:
    list(pool.map(library.fetch, [0.2, 0.2]))
""")
    assert flow.sites() == {("fetch", 3): 2}


def test_jobs_too_short_to_be_seen_wait_all_the_same(record):
    flow = record("""\
import asyncio, time
def brew():
    time.sleep(0.001)
async def main():
    for _ in range(50):
        await asyncio.to_thread(brew)
asyncio.run(main())
""")
    # A look may take some of them for work.
    brews = [wait for wait in flow.run.waits if wait.function == "brew"]
    assert sum(wait.total_ns for wait in brews) > 25_000_000


def test_what_is_imported_before_the_loop_runs_is_no_time_of_its_run(record, folder):
    library = folder / "site-packages" / "library.py"
    library.parent.mkdir()
    library.write_text("import time\ntime.sleep(0.3)\n")
    flow = record("""\
import sys
sys.path.insert(0, "site-packages")
import library
import asyncio
asyncio.run(asyncio.sleep(0))
""")
    (thread,) = flow.run.threads
    assert "resting" not in {stretch.doing for stretch in thread.stretches}
