"""Running Valgrind's callgrind, and reading what it counted.

Valgrind shows programs a processor of its own, so glibc chooses the same variants of its functions
on any machine with AVX2; without, the figures differ by at most 0.4 %.

Runs of the same files differ by at most 0.1 %.  When files differ, so do the addresses of names,
by which CPython caches what it finds in classes: 0.5 % is common, 2.6 % was seen once in 40 runs.
So what is stored, and what seems to have moved, is counted in several layouts of the memory, and
the least of them is what the work takes.
"""

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from .rows import ROUNDS, Row

ROOT = Path(__file__).resolve().parents[2]
VALGRIND = ROOT / ".ci/valgrind"

# The function at whose beginning callgrind writes a part of its profile: see work.mark.
MARK = "getsid"
# Parts of a row's profile end at its first mark, at its second, and with its process.
PART_BETWEEN_MARKS = 2

# Numbers of names that the program adds to those of its modules.
LAYOUTS = (0, 10, 20)

# More than this is a hang: all rows took 20 s on two cores that others used too.
LIMIT_SECONDS = 600


class CountError(Exception):
    """Something couldn't be counted; the text says what and why."""


class UnavailableError(Exception):
    """Nothing can be counted on this machine."""


def require() -> None:
    """Gets Valgrind, unless it's there; `.ci/valgrind` says on stderr what it does."""
    if subprocess.run([VALGRIND, "--version"], stdout=subprocess.DEVNULL).returncode:
        raise UnavailableError("can't count instructions without Valgrind: see above")


def count(
    rows: Sequence[Row], package: Path, layout: int, report: Callable[[str], None]
) -> dict[str, int]:
    """Instructions per operation of each row, with the `cafeloop` that stands in `package`.

    Calls `report` with the name of each row that has run.
    """
    with tempfile.TemporaryDirectory(prefix="cafeloop-counts-") as name:
        folder = Path(name)
        processes = {}
        for line in run(rows, package, layout, folder):
            row_name, process = line.split()
            processes[row_name] = process
            report(row_name)
        return {
            row.name: round(
                between_marks(folder, processes[row.name]) / (ROUNDS * row.operations)
            )
            for row in rows
        }


def run(rows: Sequence[Row], package: Path, layout: int, folder: Path) -> Iterator[str]:
    """The lines of `benches.counts.work`; the profiles are written to `folder`."""
    command = [
        *(str(VALGRIND), "--tool=callgrind", "--quiet", f"--dump-before={MARK}"),
        *(f"--callgrind-out-file={folder}/%p", f"--log-file={folder}/log.%p"),
        *(sys.executable, "-m", "benches.counts.work", str(layout), *(row.name for row in rows)),
    ]
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(package),
    }
    complaints = folder / "stderr"
    with complaints.open("wb") as stderr:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            # A row is a fork: what is to be ended is the group.
            start_new_session=True,
        )
    with ending(process), process:
        assert process.stdout is not None
        yield from process.stdout
    if process.returncode == -signal.SIGKILL:
        raise CountError(f"counting took more than {LIMIT_SECONDS} s, and was ended")
    if process.returncode:
        said = complaints.read_text(errors="replace").strip()
        raise CountError(f"counting ended with status {process.returncode}:\n{said}")


@contextlib.contextmanager
def ending(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Ends a process and its forks when they take too long, or when the caller leaves early."""

    def kill() -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    limit = threading.Timer(LIMIT_SECONDS, kill)
    limit.start()
    try:
        yield
    except BaseException:
        kill()
        raise
    finally:
        limit.cancel()


def between_marks(folder: Path, process: str) -> int:
    """Instructions that a row's process took between its marks."""
    parts = [path.name for path in folder.glob(f"{process}.*")]
    if len(parts) != PART_BETWEEN_MARKS:
        raise CountError(
            f"expected {PART_BETWEEN_MARKS} parts of callgrind's profile, one for each call of "
            f"{MARK}(), found {len(parts)}"
        )
    return total((folder / f"{process}.{PART_BETWEEN_MARKS}").read_text())


def total(profile: str) -> int:
    """What the profile adds up to; its format is in Valgrind's manual."""
    if "\nevents: Ir\n" not in profile:
        raise CountError("a profile of callgrind counts something else than instructions")
    found = re.search(r"^totals: (\d+)$", profile, re.MULTILINE)
    if found is None:
        raise CountError("a profile of callgrind has no line 'totals: NUMBER'")
    return int(found[1])
