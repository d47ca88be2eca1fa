"""Processes that a recorded program starts: each has a recording beside its parent's."""

import multiprocessing

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
