"""`cafeloop explore`: the first order in which a program fails, and that order again."""

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RACES = Path(__file__).resolve().parents[2] / "examples" / "races"
# A limit against hanging, not an expectation.
LIMIT_SECONDS = 60
MODULE = [sys.executable, "-m", "cafeloop"]

# Fails by the seeds that it is told to, which it reads off its command line.
FAILS_BY = """\
import os, signal, sys, time
command = open("/proc/self/cmdline").read().split("\\0")
seed = int(command[command.index("--seed") + 1])
"""


# Said if it takes long, which is the machine's business.
PROGRESS = re.compile(r"cafeloop: \d+ of \d+ seeds passed\.\.\.\n")


@pytest.fixture
def explore(cafeloop):
    """The end of an exploration, but for its progress."""

    def explore(*words, **options):
        ending = cafeloop("explore", *words, **options)
        return ending._replace(stderr=PROGRESS.sub("", ending.stderr))

    return explore


def lost_update(explore):
    ending = explore(RACES / "lost_update.py")
    assert (ending.status, ending.stderr) == (1, "")
    return ending.stdout


def replay_of(report):
    """The command that a report ends with, for this interpreter: its variables and its words."""
    words = shlex.split(report.splitlines()[-1])
    at = words.index("cafeloop")
    return dict(word.split("=") for word in words[:at]), words[at + 1 :]


def test_a_race_that_asyncios_order_hides_is_found(explore, end_of, cafeloop):
    assert end_of([sys.executable, RACES / "lost_update.py"]).status == 0
    assert cafeloop("run", RACES / "lost_update.py").status == 0
    report = lost_update(explore)
    assert re.match(r"seed \d+ failed.*: the program ended with exit code 1\n", report)
    assert "AssertionError: the till has 5, but 4 and 5 were paid\n" in report
    assert "It fails again in this order" in report
    assert "Before: seed" in report and "pay_later(<Till>, 5)" in report


def test_it_says_where_the_two_runs_part(explore):
    assert re.search(
        r"Before: seed \d+, which passed\.  After: seed \d+\.\n"
        r"They part after \d+ steps, the last of them .* \(lost_update\.py:\d+\):\n"
        r"  before: pay.* \(lost_update\.py:\d+\)\n"
        r"  after:  pay.* \(lost_update\.py:\d+\)\n",
        lost_update(explore),
    )


def test_runs_that_take_the_same_steps_are_said_to(write, explore):
    # What fails is told by the seed, and not by an order.
    write("cafe.py", FAILS_BY + "import asyncio; asyncio.run(asyncio.sleep(1)); sys.exit(seed == 1)\n")
    assert "Both took the same steps in the same order.\n" in explore("cafe.py").stdout


def test_the_command_that_it_ends_with_fails_each_time(explore, cafeloop):
    variables, words = replay_of(lost_update(explore))
    endings = {cafeloop(*words, **variables) for _ in range(10)}
    (ending,) = endings
    assert ending.status == 1
    assert ending.stderr.endswith("AssertionError: the till has 5, but 4 and 5 were paid\n")


def test_the_same_seed_is_found_each_time(explore):
    assert len({replay_of(lost_update(explore))[1][4] for _ in range(5)}) == 1


def test_an_order_of_a_set_of_strings_is_found_again(write, explore, cafeloop):
    # Whatever order the set has, it is the same in each process.
    write("cafe.py", "import sys; sys.exit(''.join({'Latte', 'Mocha', 'Chai', 'Flat White'}))\n")
    report = explore("cafe.py", PYTHONHASHSEED="random").stdout
    variables, words = replay_of(report)
    assert cafeloop(*words, **variables).stderr in report


def test_a_program_that_passes_in_all_orders(write, explore):
    write("cafe.py", "import asyncio; asyncio.run(asyncio.sleep(3600)); print('Latte')\n")
    assert explore("--seeds", "3", "cafe.py") == (0, "all 3 seeds passed, 0 to 2\n", "")
    assert explore("--seeds=1", "--from", "7", "cafe.py") == (0, "seed 7 passed\n", "")
    assert explore("--seeds=2", "-m", "cafe") == (0, "all 2 seeds passed, 0 to 1\n", "")


def test_what_takes_long_is_told_of(write, cafeloop):
    # No other way to take long than to do so: it is a matter of seconds by design.
    write("cafe.py", "import time; time.sleep(1.5)\n")
    status, stdout, stderr = cafeloop("explore", "--seeds", "2", "cafe.py")
    assert (status, stdout) == (0, "all 2 seeds passed, 0 to 1\n")
    assert PROGRESS.match(stderr)


def test_the_smallest_seed_that_fails_is_the_one_even_if_it_takes_longer(write, explore):
    # The next one fails at once, while this one waits until that has ended.
    write("cafe.py", FAILS_BY + """\
if seed == 4:
    while not os.path.exists("over"):
        time.sleep(0.001)
if seed == 5:
    open("over", "w").close()
sys.exit(seed in (4, 5, 6))
""")
    status, stdout, _ = explore("--from", "4", "cafe.py")
    assert status == 1
    assert stdout.startswith("seed 4 failed: the program ended with exit code 1\n")


def test_without_a_seed_that_passes_the_flow_is_drawn_alone(write, explore):
    write("cafe.py", "import time; time.sleep(0.01); raise LookupError('out of beans')\n")
    status, stdout, stderr = explore("cafe.py")
    assert (status, stderr) == (1, "")
    assert stdout.startswith("seed 0 failed: the program ended with exit code 1\n")
    assert "LookupError: out of beans\n" in stdout
    assert "Before: " not in stdout
    assert "cafe.py" in stdout


def test_if_the_first_seed_fails_one_that_passes_is_looked_for(write, explore):
    write("cafe.py", FAILS_BY + "sys.exit(seed < 2)\n")
    assert "Before: seed 2, which passed.  After: seed 0.\n" in explore("cafe.py").stdout


def test_a_failure_that_is_not_repeated_is_said_to_be_none_of_the_seeds(write, explore):
    write("cafe.py", """\
import os, sys
if not os.path.exists("once"):
    os.mkdir("once")
    sys.exit("the first time")
""")
    status, stdout, _ = explore("--seeds=1", "cafe.py")
    assert status == 1
    assert "It didn't fail again in this order" in stdout


def test_a_signal_is_a_failure(write, explore):
    write("cafe.py", "import os; os.kill(os.getpid(), 11)\n")
    status, stdout, _ = explore("cafe.py")
    assert status == 1
    assert stdout.startswith("seed 0 failed: the program was ended by SIGSEGV\n")


def test_a_program_that_does_not_end_is_a_failure(write, explore):
    write("cafe.py", """\
import asyncio
async def main():
    await asyncio.Event().wait()
asyncio.run(main())
""")
    status, stdout, _ = explore("--timeout", "1", "--seeds=1", "cafe.py")
    assert status == 1
    assert stdout.startswith("seed 0 failed: the program hadn't ended after 1 s\n")


def test_words_of_the_program_are_its_own(write, explore):
    write("-cafe.py", "import sys; sys.exit(' '.join(sys.argv))\n")
    status, stdout, _ = explore("--seeds=1", "--", "-cafe.py", "--seeds", "a b")
    assert status == 1
    assert "-cafe.py --seeds a b\n" in stdout
    assert replay_of(stdout)[1][-4:] == ["--", "-cafe.py", "--seeds", "a b"]


def test_it_loads_nothing_from_where_the_program_is(write, explore):
    for name in ("queue", "selectors", "signal", "socket", "tempfile"):
        write(f"{name}.py", "raise SystemExit('the program has its own')\n")
    write("cafe.py", "print('Latte')\n")
    assert explore("--seeds=1", "cafe.py") == (0, "seed 0 passed\n", "")


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["cafe.py"], "cafeloop: can't open 'cafe.py': no such file or directory\n"),
        (["-m", "cafe"], "cafeloop: can't run module 'cafe': no module named cafe\n"),
    ],
)
def test_a_program_that_is_not_there_is_refused(explore, words, text):
    assert explore(*words) == (2, "", text)


def test_an_exit_code_of_two_is_a_failure_like_others(write, explore):
    write("cafe.py", "import sys; print('no beans', file=sys.stderr); sys.exit(2)\n")
    assert explore("cafe.py").status == 1


@pytest.mark.parametrize("by", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_all_that_it_has_started(write, folder, by):
    write("cafe.py", """\
import os, time
os.mkfifo(name := f"{os.getpid()}.fifo")
with open("began", "w") as began:
    began.write("x")
os.close(1)
open(name, "w")
""")
    os.mkfifo(folder / "began")
    process = subprocess.Popen(
        [*MODULE, "explore", "cafe.py"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert (folder / "began").read_text()
    process.send_signal(by)
    stdout, stderr = process.communicate(timeout=LIMIT_SECONDS)
    is_interrupt = by == signal.SIGINT
    said = "cafeloop: interrupted\n" if is_interrupt else ""
    assert (stdout, PROGRESS.sub("", stderr)) == ("", said)
    assert process.returncode == (130 if is_interrupt else -by)
    for fifo in folder.glob("*.fifo"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(fifo.stem), 0)
