"""The cafés of the examples: what they print, line by line, whatever loop runs them.

Ten seconds of coffee are too many for a test, so each program runs by another clock, in which
waiting takes no time: on the standard library's loop by a selector that says of each wait that
it is over.  That changes neither the program nor the seconds that it prints.
"""

import pathlib
import re
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples" / "cafe"

LIMIT_SECONDS = 60

# Runs the program that it is given, and tells at the end which loop the waits were on.
TELLING = """
import asyncio, runpy, sys, time

wait = asyncio.sleep
loops = set()

async def telling_wait(seconds):
    loops.add(type(asyncio.get_running_loop()).__module__.partition(".")[0])
    await wait(seconds)

def run():
    asyncio.sleep = telling_wait
    del sys.argv[0]
    runpy.run_path(sys.argv[0], run_name="__main__")
    print(*loops, file=sys.stderr)
"""

CLOCKS = {
    "asyncio": """
import selectors

passed_seconds = 0.0
look = selectors.DefaultSelector.select

def pass_by(seconds):
    global passed_seconds
    passed_seconds += seconds

def skip(selector, timeout=None):
    reported = look(selector, None if timeout is None else 0)
    if not reported and timeout is not None:
        pass_by(max(timeout, 0))
    return reported

selectors.DefaultSelector.select = skip
asyncio.SelectorEventLoop.time = lambda loop: passed_seconds
time.sleep = pass_by
time.perf_counter = lambda: passed_seconds
run()
""",
    "cafeloop": """
import cafeloop

clock = cafeloop.VirtualClock()
cafeloop.install(clock=clock)
time.sleep = clock.advance
time.perf_counter = clock.time
run()
""",
}

SYNC = """\
Welcome to the Synchronous Café!
On our coffee menu we have Latte, Cappuccino, Flat White, Mocha.
On our flavours menu we have Vanilla, Chocolate, Pistachio, Caramel.

What would you like? - A Vanilla Latte.
One Vanilla Latte coming right up!

Making your Vanilla Latte...

Your Vanilla flavoured Latte is ready, enjoy!

Next customer please!

What would you like? - A Caramel Mocha.
One Caramel Mocha coming right up!

Making your Caramel Mocha...

Your Caramel flavoured Mocha is ready, enjoy!

Serving 2 customers took N seconds
"""

ASYNC = """\
Welcome to the Asynchronous Café!
On our coffee menu we have Latte, Cappuccino, Flat White, Mocha.
On our flavours menu we have Vanilla, Chocolate, Pistachio, Caramel.

What would you like? - A Vanilla Latte.
One Vanilla Latte coming right up!

Making your Vanilla Latte...
What would you like? - A Caramel Mocha.
One Caramel Mocha coming right up!

Making your Caramel Mocha...

Your Vanilla flavoured Latte is ready, enjoy!


Your Caramel flavoured Mocha is ready, enjoy!

Serving 2 customers took N seconds
"""

GRINDING = """\
Welcome to the Grinding Café! Each coffee starts with 1 ms of work.

Only waiting: serving 2 customers took N seconds
Grinding on the loop: serving 2 customers took N seconds
Grinding in a process pool: serving 2 customers took N seconds
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def took(loop_name):
    """Whether a café has taken these seconds: in virtual time neither less nor more."""
    if loop_name == "asyncio":
        return lambda seconds, told: told >= seconds
    return lambda seconds, told: told == seconds


@pytest.fixture
def visit(loop_name, tmp_path):
    """Runs a café: what it printed, the seconds in it, and the loop that it waited on."""
    hurried = tmp_path / "hurried.py"
    hurried.write_text(TELLING + CLOCKS[loop_name])
    command = {"asyncio": [], "cafeloop": ["-m", "cafeloop", "run"]}[loop_name]

    def visit(name, *options):
        process = subprocess.run(
            [sys.executable, "-X", "utf8", *command, hurried, EXAMPLES / name, *options],
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_SECONDS,
        )
        assert process.returncode == 0, process.stderr
        seconds = [float(number) for number in re.findall(r"took ([\d.]+) s", process.stdout)]
        return re.sub(r"\d+\.\d\d", "N", process.stdout), seconds, process.stderr.strip()

    return visit


def test_the_synchronous_cafe_serves_one_customer_after_the_other(visit, took):
    printed, (seconds,), loops = visit("sync_cafe.py")
    assert printed == SYNC
    assert took(10, seconds)
    assert loops == ""


def test_the_asynchronous_cafe_serves_while_coffees_brew(visit, took, loop_name):
    printed, (seconds,), loops = visit("async_cafe.py")
    assert printed == ASYNC
    assert took(5, seconds)
    assert loops == loop_name


def test_in_virtual_time_the_asynchronous_cafe_prints_the_same():
    command = [sys.executable, "-X", "utf8", "-m", "cafeloop", "run", "--clock", "virtual"]
    program = [*command, EXAMPLES / "async_cafe.py"]
    printed = subprocess.check_output(program, encoding="utf-8", timeout=LIMIT_SECONDS)
    assert printed == ASYNC.replace("N", "5.00")


def test_the_grinding_cafe_shows_work_that_waits_for_nothing(visit, took, loop_name):
    printed, seconds, loops = visit("grinding_cafe.py", "--grind-ms", "1")
    assert printed == GRINDING
    assert all(took(5, each) for each in seconds)
    assert loops == loop_name


@pytest.mark.parametrize("place, line", [("loop", 1), ("processes", 2)])
def test_the_grinding_cafe_serves_one_cafe_if_told_where_to_grind(visit, place, line):
    printed, seconds, _ = visit("grinding_cafe.py", "--grind-ms", "1", "--grind-on", place)
    welcome, served = GRINDING.split("\n\n")
    assert printed == f"{welcome}\n\n{served.splitlines()[line]}\n"
    assert len(seconds) == 1


def test_the_cafes_know_of_no_loop_but_the_standard_one():
    for program in EXAMPLES.glob("*.py"):
        assert "cafeloop" not in program.read_text(encoding="utf-8"), program.name
