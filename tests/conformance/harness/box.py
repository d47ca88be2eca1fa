"""The folder where a forked test and its parent meet.

The child writes, the parent reads after the child's death: what a crashed or killed child had
written by then is still there. The answer appears whole or not at all.
"""

import json
import os
import shutil
import tempfile
from pathlib import Path

from .answer import Answer, shortened


class Boxes:
    """A folder of boxes, one per test."""

    def __init__(self) -> None:
        # Unix socket paths end at 107 bytes, and tests make theirs below a box: hence /tmp and
        # the short prefix.
        self._path = tempfile.mkdtemp(prefix="i-", dir="/tmp")

    def new(self) -> "Box":
        return Box(Path(tempfile.mkdtemp(dir=self._path)))

    def remove(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


class Box:
    """What one test leaves behind."""

    def __init__(self, path: Path) -> None:
        self.output = path / "out"  # its stdout and stderr
        self.stack = path / "stack"  # where it was when it crashed or hung
        self.folder = path / "w"  # its current and its temporary folder
        self._answer = path / "answer"
        self._path = path

    def put_answer(self, answer: Answer) -> None:
        unfinished = self._answer.with_suffix(".tmp")
        unfinished.write_text(json.dumps(answer.as_json()))
        os.rename(unfinished, self._answer)

    def answer(self) -> Answer | None:
        """The child's own verdict, if it lived to give one."""
        try:
            return Answer.from_json(json.loads(self._answer.read_text()))
        except FileNotFoundError:
            return None

    def remove(self) -> None:
        shutil.rmtree(self._path, ignore_errors=True)


def text_of(path: Path) -> str:
    """The end of a file of the box, empty if the child did not get that far."""
    try:
        return shortened(path.read_text(errors="replace"))
    except FileNotFoundError:
        return ""
