"""What a program finds when it starts: its arguments, its `__main__`, its path, its stdin."""

import os
import sys

import pytest

# Prints what the interpreter has put into the namespace, in its order, and where things are.
SURVEY = """\
import sys
def describe(value):
    return value if isinstance(value, (str, dict, type(None))) else type(value).__name__
print([(name, describe(value)) for name, value in list(globals().items()) if name[:2] == "__"])
print(__builtins__ is sys.modules["builtins"], sys.modules["__main__"].__dict__ is globals())
print(__loader__.name, __loader__.path)
print(sys.argv, sys.path)
"""


def test_main_and_path_are_the_interpreters(write, same_end):
    write("cafe.py", SURVEY)
    ending = same_end("cafe.py")
    assert ending.status == 0
    assert "('__name__', '__main__')" in ending.stdout


@pytest.mark.parametrize("spelling", ["./cafe.py", ".//cafe.py", "../program/cafe.py"])
def test_a_path_is_kept_as_it_was_spelled(write, same_end, spelling):
    write("cafe.py", SURVEY)
    assert f"[{spelling!r}]" in same_end(spelling).stdout


def test_an_absolute_path_is_kept(write, same_end):
    script = write("cafe.py", SURVEY)
    assert f"[{str(script)!r}]" in same_end(script).stdout


def test_modules_beside_a_script_are_found_wherever_it_is_run_from(write, same_end):
    write("deep/menu.py", "coffees = ['Latte', 'Mocha']\n")
    write("deep/cafe.py", "import menu; print(menu.coffees)\n")
    assert same_end("deep/cafe.py").stdout == "['Latte', 'Mocha']\n"


def test_a_linked_script_finds_the_modules_beside_the_real_one(folder, write, same_end):
    write("real/cafe.py", SURVEY + "import menu\n")
    write("real/menu.py", "")
    (folder / "linked.py").symlink_to("real/cafe.py")
    assert same_end("linked.py").status == 0


@pytest.mark.parametrize("flag", ["-P", "-O", "-B", "-Wdefault", "-Xutf8=0"])
def test_the_interpreters_flags_hold(write, same_end, flag):
    write("cafe.py", SURVEY + "print(sys.flags, sys.warnoptions, sys._xoptions)\n")
    assert same_end("cafe.py", flags=[flag]).status == 0


@pytest.mark.parametrize("program", [["-m", "platform"], ["{script}"]])
def test_a_program_runs_in_a_folder_that_is_gone(folder, write, end_of, program):
    script = write("cafe.py", "import sys; print(sys.argv, __file__)\n")
    words = [word.format(script=script) for word in program]
    leave = ["sh", "-c", 'mkdir gone && cd gone && rmdir "$PWD" && exec "$@"', "sh"]
    expected = end_of([*leave, sys.executable, *words])
    assert expected.status == 0
    assert end_of([*leave, sys.executable, "-m", "cafeloop", "run", *words]) == expected


@pytest.mark.parametrize(
    "arguments",
    [["latte", "mocha"], ["--help"], ["-h", "--version", "-m", "x"], ["--", "-"], ["", " "]],
)
def test_arguments_are_the_programs_own(write, same_end, arguments):
    write("cafe.py", "import sys; print(sys.argv[1:])\n")
    assert same_end("cafe.py", *arguments).stdout == f"{arguments}\n"


def test_arguments_that_are_no_text_come_through(write, same_end):
    write("cafe.py", "import os, sys; print(os.fsencode(sys.argv[1]))\n")
    assert same_end("cafe.py", os.fsdecode(b"caf\xe9")).stdout == "b'caf\\xe9'\n"


def test_stdin_is_the_programs(write, same_end):
    write("cafe.py", "import sys; print(input(), sys.stdin.read())\n")
    assert same_end("cafe.py", stdin="a Latte\nand\na Mocha").stdout == "a Latte and\na Mocha\n"


def test_classes_of_the_program_can_be_pickled(write, same_end):
    write(
        "cafe.py",
        "import pickle\n"
        "class Latte: pass\n"
        "print(type(pickle.loads(pickle.dumps(Latte()))) is Latte, Latte.__module__)\n",
    )
    assert same_end("cafe.py").stdout == "True __main__\n"


def test_source_lines_can_be_found(write, same_end):
    write(
        "cafe.py",
        "import inspect\ndef brew():\n    return 'Mocha'\nprint(inspect.getsource(brew))\n",
    )
    assert "return 'Mocha'" in same_end("cafe.py").stdout


def test_the_debugger_stops_in_the_program(write, same_end):
    write("cafe.py", "coffee = 'Mocha'\nbreakpoint()\nprint('served', coffee)\n")
    ending = same_end("cafe.py", stdin="p coffee\nlist\ncontinue\n")
    assert "'Mocha'" in ending.stdout and "served Mocha" in ending.stdout
