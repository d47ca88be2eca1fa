"""Processes that a program starts: its own, and left alone."""

import pytest

# Starts a child in the given way and shares work with it.
PARENT = """\
import asyncio
import multiprocessing
import sys

coffees = ["Latte"]

def serve(coffee):
    loop = asyncio.new_event_loop()
    loop.close()
    return __name__, coffee, coffees, sys.argv, type(loop).__module__.partition(".")[0]

if __name__ == "__main__":
    coffees.append("Mocha")
    with multiprocessing.get_context("{method}").Pool(1) as pool:
        print(pool.map(serve, ["Flat White"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
@pytest.mark.parametrize("program", [["cafe.py"], ["-m", "cafe"]])
def test_worker_processes_find_the_program_and_are_left_alone(write, same_end, method, program):
    write("cafe.py", PARENT.replace("{method}", method))
    ending = same_end(*program, "latte")
    assert (ending.status, ending.stderr) == (0, "")
    assert "('__mp_main__', 'Flat White', ['Latte'], " in ending.stdout
    assert "'asyncio')" in ending.stdout


@pytest.mark.slow
def test_forked_workers_are_copies_of_the_program(write, cafeloop):
    write("cafe.py", PARENT.replace("{method}", "fork"))
    ending = cafeloop("run", "cafe.py")
    assert (ending.status, ending.stderr) == (0, "")
    shared = "('__main__', 'Flat White', ['Latte', 'Mocha'], ['cafe.py'], 'cafeloop')"
    assert ending.stdout == f"[{shared}]\n"


def test_a_forked_child_ends_on_its_own(write, same_end):
    write(
        "cafe.py",
        "import os, sys\n"
        "child = os.fork()\n"
        "if child == 0:\n"
        "    raise ValueError('spilt')\n"
        "print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n",
    )
    ending = same_end("cafe.py")
    assert ending.stdout == "1\n"
    assert "cafeloop" not in ending.stderr


def test_other_pythons_know_nothing_of_it(write, same_end):
    write(
        "child.py",
        "import asyncio, os, sys\n"
        "print(type(asyncio.new_event_loop()).__module__, 'cafeloop' in sys.modules)\n"
        "print(sorted(os.environ.items()))\n",
    )
    write(
        "cafe.py",
        "import subprocess, sys\n"
        "print(subprocess.check_output([sys.executable, 'child.py'], text=True))\n",
    )
    assert "asyncio.unix_events False\n" in same_end("cafe.py").stdout
