"""The tests that never make a loop: learnt once per Python from CPython's own loop, then not run.

They are two thirds of the suite and cannot tell one loop from another. A patch release without a
list uses that of the nearest one, since a test that moved between them costs milliseconds.
"""

import sys
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "untouched"

Version = tuple[int, ...]


def listed(version: Version = sys.version_info[:3], folder: Path = FOLDER) -> tuple[set[str], str]:
    """The untouched tests of this Python, and a remark if the list is not its own."""
    path = nearest(version, folder)
    wanted = ".".join(map(str, version))
    if path is None:
        return set(), (
            f"no list of the tests that make no loop for Python {wanted}: all are run "
            "(--learn writes one)"
        )
    remark = (
        ""
        if path.stem == wanted
        else (
            f"no list of the tests that make no loop for Python {wanted}: using that of {path.stem}"
        )
    )
    return set(path.read_text(encoding="utf-8").split()), remark


def nearest(version: Version, folder: Path) -> Path | None:
    """The list of the closest patch release of the same minor version; the older one of two."""
    *minor, patch = version
    prefix = ".".join(map(str, minor))
    patches = [int(path.stem.rpartition(".")[2]) for path in folder.glob(f"{prefix}.*.txt")]
    if not patches:
        return None
    closest = min(patches, key=lambda other: (abs(other - patch), other))
    return folder / f"{prefix}.{closest}.txt"


def learn(
    names: Iterable[str], version: Version = sys.version_info[:3], folder: Path = FOLDER
) -> Path:
    """Write the list for this Python."""
    path = folder / (".".join(map(str, version)) + ".txt")
    path.write_text("".join(f"{name}\n" for name in sorted(names)), encoding="utf-8")
    return path
