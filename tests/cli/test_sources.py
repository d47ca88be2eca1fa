"""What a program may be stored as: a file in any encoding, compiled, a directory, an archive."""

import py_compile
import zipfile

import pytest

SOURCES = {
    "with a declared encoding": "# coding: latin-1\nprint(ascii('é'))\n".encode("latin-1"),
    "with a mark of its byte order": b"\xef\xbb\xbfprint(ascii('\xc3\xa9'))\n",
    "in UTF-8": b"print(ascii('\xc3\xa9'))\n",
    "without a last newline": b"print('Mocha')",
    "with another system's newlines": b"print('Latte')\r\nprint('Mocha')\r\n",
    "with form feeds and tabs": b"if True:\n\x0c\tprint('Mocha')\n",
    "with a first line for the shell": b"#!/usr/bin/env python\nprint('Mocha')\n",
    "empty": b"",
}

BROKEN = {
    "by its grammar": "def f(:\n    pass\n",
    "by its indentation": "if 1:\n  a\n b\n",
    "by mixed tabs": "if True:\n\tprint(1)\n        print(2)\n",
    "by its end": "x = (\n",
    "by an open string": 'x = """abc\n',
    "beside letters that aren't ASCII": "# é\nx = 'ü' +\n",
    "by what only the compiler sees": "return 1\n",
    "by its future": "from __future__ import nope\n",
    "by its depth": "x = " + "(" * 300 + ")" * 300 + "\n",
    "by a line too long to show": "x = '" + "a" * 20_000 + "' +\n",
}


@pytest.mark.parametrize("kind", SOURCES)
def test_a_source_runs(write, same_end, kind):
    write("cafe.py", SOURCES[kind])
    assert same_end("cafe.py").status == 0


@pytest.mark.parametrize("break_", BROKEN)
def test_a_broken_source_is_reported_as_by_the_interpreter(write, same_end, break_):
    write("cafe.py", BROKEN[break_])
    ending = same_end("cafe.py")
    assert ending.status == 1
    assert "Error" in ending.stderr


def test_a_source_that_is_no_text_is_refused_as_an_import_would_refuse_it(write, cafeloop):
    # The interpreter says the same in other words for the files that it reads itself.
    write("cafe.py", b"x = '\xe9'\n")
    ending = cafeloop("run", "cafe.py")
    assert ending.status == 1
    assert "SyntaxError: " in ending.stderr
    assert "Traceback" not in ending.stderr


def test_a_warning_of_the_compiler_is_the_interpreters(write, same_end):
    write("cafe.py", "print(1 is 1)\n")
    assert "cafe.py:1: SyntaxWarning" in same_end("cafe.py").stderr


def test_the_source_is_compiled_without_our_own_features(write, same_end):
    # With `from __future__ import annotations` in force this would print a string.
    write("cafe.py", "def brew(coffee: int): pass\nprint(brew.__annotations__)\n")
    assert same_end("cafe.py").stdout == "{'coffee': <class 'int'>}\n"


def test_a_compiled_file_runs(folder, write, same_end):
    source = write("menu.py", "print(__file__, type(__loader__).__name__, __spec__)\n")
    py_compile.compile(str(source), cfile=str(folder / "cafe.pyc"), doraise=True)
    assert "cafe.pyc SourcelessFileLoader" in same_end("cafe.pyc").stdout


SURVEY = """\
import sys
print(__name__, __file__, __package__, __spec__.name, type(__loader__).__name__)
print(sys.argv, sys.path[:2], sys.modules["__main__"].__dict__ is globals())
import menu
print(menu.__file__)
"""


@pytest.mark.parametrize("flags", [[], ["-P"]])
@pytest.mark.parametrize("spelling", ["cafe", "./cafe/", "cafe/../cafe"])
def test_a_directory_runs_by_its_main(write, same_end, spelling, flags):
    write("cafe/__main__.py", SURVEY)
    write("cafe/menu.py", "")
    ending = same_end(spelling, "latte", flags=flags)
    assert ending.status == 0
    assert f"[{spelling!r}, 'latte']" in ending.stdout


@pytest.mark.parametrize("prefix", [b"", b"#!/usr/bin/env python3\n"])
def test_an_archive_runs_by_its_main(folder, same_end, prefix):
    with (folder / "cafe.pyz").open("wb") as file:
        file.write(prefix)
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("__main__.py", SURVEY)
            archive.writestr("menu.py", "")
    ending = same_end("cafe.pyz", "latte")
    assert ending.status == 0
    assert "zipimporter" in ending.stdout


def test_a_failure_in_a_directory_is_reported_as_by_the_interpreter(write, same_end):
    write("cafe/__main__.py", "import menu\n")
    write("cafe/menu.py", "1 / 0\n")
    assert "__main__.py" in same_end("cafe").stderr


def test_a_script_may_come_through_a_pipe(write, same_end):
    ending = same_end("/dev/stdin", stdin="import sys; print(sys.argv, __file__)\n")
    assert ending == (0, "['/dev/stdin'] /dev/stdin\n", "")
