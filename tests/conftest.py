"""What every test of the Python loop starts from.

A test that asks for a loop runs twice, on the standard library's (`-k asyncio`) and on ours
(`-k cafeloop`): the body is the same, so whatever passes on both is what programs may rely on.
Each leaves the process as it found it, and that is checked here once rather than in each test.
"""

import asyncio
import contextlib
import functools
import gc
import importlib
import logging
import os
import selectors
import signal
import subprocess
import sys

import hypothesis
import pytest

# The same examples in each run, so that a failure is the change's that is tested; and how to look
# for more of them.
PHASES = (hypothesis.Phase.explicit, hypothesis.Phase.generate, hypothesis.Phase.shrink)
hypothesis.settings.register_profile(
    "usual", derandomize=True, max_examples=100, phases=PHASES, deadline=None, database=None
)
# It takes 100 KB of memory for each example, of random programs at least: hypothesis remembers
# them, so as not to try one twice, and grows by as much if no loop is ever made.  And it takes
# longer than a hang may: `-o faulthandler_timeout=0`.
hypothesis.settings.register_profile("long", max_examples=20_000, phases=PHASES, deadline=None)
hypothesis.settings.load_profile("usual")

# A shell that starts this in the background, or nohup, has them ignored, and each child would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

# Limits against hanging, not expectations: what is healthy takes a hundredth of them.
SCRIPT_LIMIT_SECONDS = 60
WAKE_LIMIT_SECONDS = 10

LOOP_CLASSES = {"asyncio": "SelectorEventLoop", "cafeloop": "Loop"}

# The first line of scripts that run in an interpreter of their own.  Those that never call it
# never import the loop.
SCRIPT_HEAD = "def new_loop(): import {module}; return {module}.{name}()\n"


class Log(logging.Handler):
    """What the loop has complained of, until the test takes it."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def take(self):
        taken, self.records = self.records, []
        return taken

    def take_one(self):
        """The only complaint there was."""
        (record,) = self.take()
        return record


def open_descriptors():
    """Number and nature of each open descriptor of this process."""
    found = {}
    for number in os.listdir("/proc/self/fd"):
        # The listing's own descriptor is listed too, and closed by now.
        with contextlib.suppress(FileNotFoundError):
            found[int(number)] = os.readlink(f"/proc/self/fd/{number}")
    return found


def process_state():
    """What a running loop changes in its process or thread, and must put back."""
    wakeup_descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(wakeup_descriptor)
    return {
        "running loop": asyncio._get_running_loop(),
        "asynchronous generators' hooks": sys.get_asyncgen_hooks(),
        "origin tracking depth": sys.get_coroutine_origin_tracking_depth(),
        "handler of SIGINT": signal.getsignal(signal.SIGINT),
        "wake-up descriptor": wakeup_descriptor,
    }


@pytest.fixture(name="open_descriptors")
def open_descriptors_fixture():
    return open_descriptors


@pytest.fixture(params=LOOP_CLASSES)
def loop_name(request):
    """The package whose loop is tested; a test for one alone parametrises this, and says why."""
    return request.param


@pytest.fixture(params=["found", "installed"])
def names(request):
    """Runs a test twice: with asyncio's names as they are found, and as `install()` leaves them.

    What it puts in their place must hold on the standard library's loop as well.
    """
    if request.param == "found":
        yield request.param
    else:
        package = importlib.import_module("cafeloop")
        package.install()
        yield request.param
        package.uninstall()


@pytest.fixture
def log():
    """The asyncio logger's warnings and errors; what no test takes is a failure."""
    log = Log()
    logger = logging.getLogger("asyncio")
    logger.addHandler(log)
    yield log
    logger.removeHandler(log)
    assert [record.getMessage() for record in log.records] == []


@pytest.fixture(scope="session")
def young_heap():
    """Takes what exists before the tests out of each later collection: 20 ms become 2."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def left_as_found(log, young_heap):
    """Fails a test that leaves anything of its loops behind."""
    descriptors = open_descriptors()
    yield
    # What was forgotten is finalised now, so that its warning names the test that forgot it.
    # What that lets go of may be garbage in its turn.
    while gc.collect():
        pass
    # And what pytest keeps of this test is not looked through again after each later one.
    gc.freeze()
    left = process_state()
    # One test's leftovers are not the next one's failure.
    asyncio._set_running_loop(None)
    sys.set_asyncgen_hooks(None, None)
    sys.set_coroutine_origin_tracking_depth(0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.set_wakeup_fd(-1)
    assert left == process_state()
    assert open_descriptors() == descriptors


@pytest.fixture
def loop_class(loop_name, left_as_found):
    return getattr(importlib.import_module(loop_name), LOOP_CLASSES[loop_name])


class Skipping(selectors.DefaultSelector):
    """Reports what is ready, and says of each other wait that it is over."""

    passed_seconds = 0.0

    def select(self, timeout=None):
        reported = super().select(None if timeout is None else 0)
        if not reported and timeout is not None:
            self.passed_seconds += max(timeout, 0)
        return reported


class SkippingLoop(asyncio.SelectorEventLoop):
    """The standard library's loop, in a time of its own."""

    def __init__(self):
        self._skipping = Skipping()
        super().__init__(self._skipping)

    def time(self):
        return self._skipping.passed_seconds


@pytest.fixture
def virtual_time():
    """For a test that waits: its loops wait in no time, and reach each deadline to the second.

    So it may wait for hours, and a busy machine changes no order.  Threads are unknown to the
    standard library's loop here: a test that has some goes by real time.
    """


@pytest.fixture
def new_loop(request, loop_name, loop_class):
    """Makes a loop, which the test closes."""
    if "virtual_time" not in request.fixturenames:
        return loop_class
    if loop_name == "asyncio":
        return SkippingLoop
    return functools.partial(loop_class, clock="virtual")


@pytest.fixture
def loop(new_loop):
    """A loop that isn't running, nor the thread's current one: tests name the loop they mean."""
    with contextlib.closing(new_loop()) as loop:
        yield loop


@pytest.fixture
def turn(loop):
    """Runs one turn: what is ready, what the kernel reports at once, and the due timers."""

    def turn():
        loop.stop()
        loop.run_forever()

    return turn


@pytest.fixture
def run_until_stopped(loop):
    """Runs the loop until a callback stops it; if none does, that's a failure and no hang."""

    def run_until_stopped():
        overslept = []

        def give_up():
            overslept.append(True)
            loop.stop()

        limit = loop.call_later(WAKE_LIMIT_SECONDS, give_up)
        loop.run_forever()
        limit.cancel()
        assert not overslept, "nothing stopped the loop"

    return run_until_stopped


@pytest.fixture
def run(new_loop):
    """Runs a coroutine function as `asyncio.run` would, on the loop under test."""

    def run(main, *, debug=None):
        with asyncio.Runner(debug=debug, loop_factory=new_loop) as runner:
            return runner.run(main())

    return run


@pytest.fixture
def pipe(left_as_found):
    """A pipe's reading and its writing end, as numbers."""
    reading, writing = os.pipe()
    yield reading, writing
    os.close(reading)
    os.close(writing)


@pytest.fixture
def start_script(request, loop_name, tmp_path):
    """Starts Python source in an interpreter of its own, in which `new_loop` makes the loop."""
    started = []
    # A script of a test that asks for `names` finds them as that test would.
    names = request.getfixturevalue("names") if "names" in request.fixturenames else "found"

    def start_script(source, *options, **environment):
        file = tmp_path / f"script_{len(started)}.py"
        head = SCRIPT_HEAD.format(module=loop_name, name=LOOP_CLASSES[loop_name])
        if names == "installed":
            head += "import cafeloop; cafeloop.install()\n"
        file.write_text(head + source)
        process = subprocess.Popen(
            [sys.executable, "-W", "error", *options, file],
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        started.append(process)
        return process

    yield start_script
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def run_script(start_script):
    """Runs Python source to its end, which must be a clean one, and returns what it printed."""

    def run_script(source, *options, **environment):
        process = start_script(source, *options, **environment)
        printed, complaints = process.communicate(timeout=SCRIPT_LIMIT_SECONDS)
        assert (process.returncode, complaints) == (0, "")
        return printed

    return run_script
