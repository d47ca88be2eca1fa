"""A second chance in a freshly started interpreter, with nothing beside it.

A test that fails in a fork and passes here says more about the machine, or about forking, than
about the loop: it counts as passed, and is named as flaky.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .answer import Answer, Outcome, shortened

# To start an interpreter, import the suite and write the answer, on a busy machine.
STARTING_S = 60

_GOOD = frozenset({Outcome.PASSED, Outcome.UNTOUCHED, Outcome.SKIPPED})


def retry(
    answers: dict[str, Answer],
    names: Sequence[str],
    command: Sequence[str],
    *,
    limit_s: float,
    jobs: int,
    report: Callable[[int, int], None],
) -> list[str]:
    """Run these tests again, each alone, and amend their answers; return the flaky ones.

    `report` hears of each as it ends: how many are done, and of how many.
    """
    flaky = []
    # Half of the jobs: what failed for want of time must not want it again.
    pool = ThreadPoolExecutor(max(1, jobs // 2))
    try:
        seconds = pool.map(lambda name: run_fresh(command, name, limit_s), names)
        for done, (name, second) in enumerate(zip(names, seconds), 1):
            first = answers[name]
            if second.outcome in _GOOD:
                second.flaky = f"{first.outcome} at first: {shortened(first.detail)}"
                answers[name] = second
                flaky.append(name)
            else:
                first.again = str(second.outcome)
                if second.outcome is not first.outcome:
                    first.again += f": {shortened(second.detail)}"
            report(done, len(names))
    finally:
        pool.shutdown(cancel_futures=True)  # or Ctrl-C would wait for all that are left
    return flaky


def run_fresh(command: Sequence[str], name: str, limit_s: float) -> Answer:
    """Run one test through the command line `command` of the harness."""
    with tempfile.TemporaryDirectory(prefix="f-", dir="/tmp") as folder:
        record = Path(folder, "record")
        what = ["--level", name[0], "--only", name, "--json", record]
        how = ["--jobs", "1", "--timeout", str(limit_s), "--no-retry", "--quiet"]
        try:
            done = subprocess.run(
                [sys.executable, *command, *what, *how],
                capture_output=True,
                text=True,
                errors="replace",
                timeout=limit_s + STARTING_S,
                check=False,  # 1 says that the test failed, and so does the record
            )
        except subprocess.TimeoutExpired:
            return Answer(Outcome.HUNG, "the fresh interpreter did not end")
        try:
            return Answer.from_json(json.loads(record.read_text())["tests"][name])
        except (OSError, ValueError, KeyError):
            text = f"no answer from the fresh interpreter ({done.returncode})\n"
            return Answer(Outcome.CRASHED, text + shortened(done.stderr))
