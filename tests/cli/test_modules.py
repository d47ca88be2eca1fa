"""`-m`: a module as a program."""

import signal

import pytest

SURVEY = """\
import sys
names = [name for name in list(globals()) if name[:2] == "__"]
print(names, __name__, __file__, repr(__package__), __spec__.name, __doc__)
print(sys.argv, sys.path, sys.modules["__main__"].__dict__ is globals())
"""


@pytest.mark.parametrize("flags", [[], ["-O"]])
def test_a_module_of_the_working_directory_runs(write, same_end, flags):
    write("cafe.py", '"""Coffee."""\n' + SURVEY)
    ending = same_end("-m", "cafe", "latte", "--help", flags=flags)
    assert ending.status == 0
    assert "'latte', '--help'" in ending.stdout


def test_a_package_runs_by_its_main(write, same_end):
    write("cafe/__init__.py", "import sys; print('parent', sys.argv)\n")
    write("cafe/__main__.py", SURVEY + "from . import menu\n")
    write("cafe/menu.py", "print(__name__)\n")
    ending = same_end("-m", "cafe")
    assert ending.status == 0
    assert "parent ['-m']" in ending.stdout


def test_a_module_in_a_package_runs(write, same_end):
    write("cafe/bar/brew.py", SURVEY)
    assert "'cafe.bar' cafe.bar.brew" in same_end("-m", "cafe.bar.brew").stdout


def test_a_module_of_the_standard_library_runs(same_end):
    assert same_end("-m", "json.tool", stdin='{"coffee": "Mocha"}').status == 0


def test_pytest_runs_and_has_nothing_to_complain_of(write, cafeloop):
    # It loads a plugin from the package, which is imported before pytest is.
    write("test_cafe.py", "def test_it(): pass\n")
    others = ["-p", "no:asyncio", "-p", "no:anyio", "-p", "no:cacheprovider"]
    ending = cafeloop("run", "-m", "pytest", "-W", "error", "--quiet", *others)
    assert (ending.status, ending.stderr) == (0, "")
    assert "1 passed" in ending.stdout


def test_another_runner_runs(write, same_end):
    write("cafe.py", "import sys; print(sys.argv); sys.exit(3)\n")
    assert same_end("-m", "runpy", "cafe", "latte").status == 3


@pytest.mark.parametrize(
    "program", ["1 / 0", "import no_such_module", "def f(:", "exit('no beans')", "import menu"]
)
def test_a_failure_is_reported_as_by_the_interpreter(write, same_end, program):
    write("cafe.py", f"{program}\n")
    write("menu.py", "import runpy; runpy._run_module_as_main('no_such_module')\n")
    ending = same_end("-m", "cafe")
    assert ending.status == 1
    assert "cafeloop" not in ending.stderr


def test_a_failure_of_the_parent_package_is_reported_as_by_the_interpreter(write, same_end):
    write("cafe/__init__.py", "1 / 0\n")
    write("cafe/brew.py", "")
    assert "ZeroDivisionError" in same_end("-m", "cafe.brew").stderr


def test_an_uncaught_keyboard_interrupt_ends_the_process_by_its_signal(write, same_end):
    write("cafe.py", "raise KeyboardInterrupt\n")
    assert same_end("-m", "cafe").status == -signal.SIGINT
