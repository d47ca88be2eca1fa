"""Recording small programs, and reading what their recordings say.

Each runs in an interpreter of its own, and in virtual time if the test asks for it.  In real time
it waits for some milliseconds, which no test judges by the clock: what is looked at is who waited
where, for whom, and how often.
"""

import json
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

# A limit against hanging, not an expectation: what is healthy takes a hundredth of it.
LIMIT_SECONDS = 60

# The first lines of a program whose tasks are the interpreter's own: said before asyncio is
# imported, which is when the command's loop is installed.
REFUSAL = """\
from cafeloop import _cafeloop
assert _cafeloop._refuse_native_tasks("a test wants the interpreter's")
"""


def objects(text):
    """JSON, with attributes for names."""
    return json.loads(text, object_hook=lambda pairs: SimpleNamespace(**pairs))


class Flow:
    """What a recording says."""

    def __init__(self, run):
        self.run = run
        self.tasks = run.tasks
        self.findings = [finding.name for finding in run.findings]

    def task(self, label):
        (task,) = [task for task in self.tasks if task.label == label]
        return task

    def labels(self):
        return [task.label for task in self.tasks]

    def waits(self, task):
        """Where a task waited: for what, and the functions and lines of its chain."""
        waits = [interval for interval in task.intervals if interval.state.startswith("waiting")]
        return [(getattr(wait, "for")[0], self.chain(wait)) for wait in waits]

    def chain(self, interval):
        if not hasattr(interval, "chain"):
            return None
        return [(frame.function, frame.line) for frame in self.run.chains[interval.chain - 1]]

    def wakers(self, task):
        """Who made a task ready, each time: tasks by their labels."""
        ready = [interval.by for interval in task.intervals if interval.state == "ready"]
        return [self.tasks[by[1]].label if by[0] == "task" else by[0] for by in ready]

    def sites(self):
        """Where threads and tasks waited by themselves: the function, the line and how often."""
        return {(wait.function, wait.line): wait.count
                for wait in self.run.waits if not wait.for_others}


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "program"
    folder.mkdir()
    return folder


@pytest.fixture
def command(folder):
    """Runs the command to its end; the streams are text."""

    def command(*arguments, **options):
        return subprocess.run(
            [sys.executable, "-m", "cafeloop", *map(os.fspath, arguments)],
            cwd=folder,
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_SECONDS,
            **options,
        )

    return command


@pytest.fixture
def read(command):
    """What a recording says."""

    def read(file):
        process = command("flow", "--json", "-", file)
        assert (process.returncode, process.stderr) == (0, "")
        return Flow(objects(process.stdout))

    return read


@pytest.fixture
def record(request, command, read, folder):
    """Records a program by the command; it has to end well."""
    clock = ["--clock=virtual"] if "virtual_time" in request.fixturenames else []

    def record(source, *arguments, options=(), status=0):
        (folder / "program.py").write_text(source)
        process = command("run", "--flow=program.flow", *clock, *options, "program.py", *arguments)
        assert process.returncode == status, process.stderr
        return read("program.flow")

    return record


@pytest.fixture(params=["native", "interpreter"])
def record_tasks(request, record):
    """Records a program twice: its tasks are ours, or the interpreter's."""

    def record_tasks(source, **options):
        return record(source if request.param == "native" else REFUSAL + source, **options)

    record_tasks.first_line = 1 if request.param == "native" else 1 + REFUSAL.count("\n")
    return record_tasks


@pytest.fixture
def run(folder):
    """Runs a program that records itself; what it printed is returned."""

    def run(source, *arguments, **environment):
        (folder / "program.py").write_text(source)
        process = subprocess.run(
            [sys.executable, "program.py", *arguments],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_SECONDS,
        )
        assert (process.returncode, process.stderr) == (0, "")
        return process.stdout

    return run
