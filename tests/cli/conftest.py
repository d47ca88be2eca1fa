"""Running one program twice, under `python` and under `cafeloop run`.

Both runs start in the test's own folder and have nothing to tell them apart but the command, so
that a difference is a difference of the command.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest

# A limit against hanging, not an expectation: what is healthy takes a hundredth of it.
LIMIT_SECONDS = 60

PYTHON = [sys.executable]
MODULE = [sys.executable, "-m", "cafeloop"]

# What installers make of the entry point.  Written here, because a package that runs from its
# source folder has none.
ENTRY_SCRIPT = """\
import sys
from cafeloop.__main__ import main
if __name__ == "__main__":
    sys.exit(main())
"""


class Ending(NamedTuple):
    """All that a process leaves behind; a negative status is the signal that it died of."""

    status: int
    stdout: str
    stderr: str


@pytest.fixture
def folder(tmp_path):
    """Where the program is, and runs.  Its parent has no say in what is imported."""
    folder = tmp_path / "program"
    folder.mkdir()
    return folder


@pytest.fixture
def write(folder):
    """Writes a file of the program."""

    def write(name: str, source: str | bytes) -> Path:
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(source if isinstance(source, bytes) else source.encode())
        return file

    return write


@pytest.fixture
def end_of(folder):
    """Runs a command to its end."""

    def end_of(command, *, stdin: str = "", **environment: str) -> Ending:
        process = subprocess.run(
            [os.fspath(word) for word in command],
            cwd=folder,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            timeout=LIMIT_SECONDS,
        )
        return Ending(process.returncode, process.stdout, process.stderr)

    return end_of


@pytest.fixture
def entry_script(tmp_path):
    """The command as it is when installed."""
    file = tmp_path / "bin" / "cafeloop"
    file.parent.mkdir()
    file.write_text(ENTRY_SCRIPT)
    return [sys.executable, file]


@pytest.fixture
def cafeloop(end_of):
    """Runs the command with these arguments to its end."""

    def cafeloop(*arguments, **options) -> Ending:
        return end_of([*MODULE, *arguments], **options)

    return cafeloop


@pytest.fixture
def same_end(end_of, entry_script):
    """The end of a program, which has to be the same under `python` and under both commands."""

    def same_end(*program, flags=(), **options) -> Ending:
        expected = end_of([*PYTHON, *flags, *program], **options)
        for executable, *command in (MODULE, entry_script):
            ending = end_of([executable, *flags, *command, "run", *program], **options)
            assert ending == expected
        return expected

    return same_end
