"""The stored figures: a file for each Python, in a form that is readable in a diff.

    [build]                   what they were made with
    python = "3.11.7"
    [rows]                    instructions per operation, and why they're what they are
    sleep-0 = { instructions = 6523, reason = "first figures" }
"""

import json
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from .build import Build

FOLDER = Path(__file__).resolve().parent

HEAD = """\
# Instructions per operation of cafeloop on Python {version}, counted by callgrind.
# A row that grows by more than 3 % fails, unless it's changed here with its reason:
#     make bench-counts PYTHON=python{version} UPDATE='reason'
"""


class FiguresError(Exception):
    """A file of stored figures can't be read; the text says where and why."""


@dataclass(frozen=True)
class Figure:
    instructions: int
    reason: str


@dataclass(frozen=True)
class Figures:
    build: Build
    rows: dict[str, Figure]


def stored_at(folder: Path = FOLDER) -> Path:
    """Where the figures of this interpreter's version stand, if they do."""
    return folder / "{}.{}.toml".format(*sys.version_info)


def read(path: Path) -> Figures:
    try:
        content = tomllib.loads(path.read_text())
        return Figures(
            build={name: text(value) for name, value in content["build"].items()},
            rows={name: figure(value) for name, value in content["rows"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        # tomllib's own errors are ValueErrors that say the line.
        said = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise FiguresError(f"can't read the stored figures in {path}: {said}") from error


def figure(value: dict[str, object]) -> Figure:
    instructions = value["instructions"]
    if type(instructions) is not int or instructions <= 0:
        raise ValueError(f"expected a number of instructions, found {instructions!r}")
    return Figure(instructions, text(value["reason"]))


def text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"expected text in quotes, found {value!r}")
    return value


def write(path: Path, figures: Figures) -> None:
    width = max(len(name) for name in figures.rows)
    lines = [HEAD.format(version=path.stem), "[build]"]
    lines += [f"{name} = {quoted(value)}" for name, value in figures.build.items()]
    lines += ["", "[rows]"]
    lines += [
        f"{name:{width}} = {{ instructions = {row.instructions}, reason = {quoted(row.reason)} }}"
        for name, row in figures.rows.items()
    ]
    path.write_text("\n".join(lines) + "\n")


def quoted(value: str) -> str:
    # TOML's basic strings are JSON's, but for characters outside of the plane that JSON escapes.
    return json.dumps(value, ensure_ascii=False)
