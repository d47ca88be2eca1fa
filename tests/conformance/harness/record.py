"""The record of a run: what was measured, where, and every answer; the file of --json."""

import json
import os
import platform
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path

from .answer import BAD, Answer, Outcome
from .bad_input import BadInput


@dataclass
class Record:
    """One run of the suite on one loop and one Python."""

    loop: str
    version: str
    jobs: int
    limit_s: float
    only: list[str] = field(default_factory=list)  # the patterns of --only
    python: str = field(default_factory=platform.python_version)
    platform: str = field(default_factory=platform.platform)
    cpus: int | None = field(default_factory=os.cpu_count)
    started: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))
    seconds: float = 0.0  # of the whole run
    seconds_first_pass: float = 0.0  # before the retries
    flaky: list[str] = field(default_factory=list)
    tests: dict[str, Answer] = field(default_factory=dict)

    def groups(self) -> dict[str, Counter]:
        """Outcomes counted by area (A.sock) or module (B.test_tasks)."""
        groups: dict[str, Counter] = {}
        for name, answer in sorted(self.tests.items()):
            group = ".".join(name.split(".")[:2])
            groups.setdefault(group, Counter())[answer.outcome] += 1
        return groups

    def totals(self, level: str = "") -> Counter:
        """Outcomes counted over a level, or over all."""
        return Counter(a.outcome for n, a in self.tests.items() if n.startswith(level))

    def write(self, path: Path) -> None:
        record = asdict(self) | {
            "tests": {name: answer.as_json() for name, answer in self.tests.items()},
            "groups": self.groups(),
            "totals": self.totals(),
            "score": score(self.totals()),
        }
        path.write_text(json.dumps(record, indent=1, sort_keys=True), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> "Record":
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            for counted in ("groups", "totals", "score"):
                del record[counted]
            tests = {name: Answer.from_json(a) for name, a in record["tests"].items()}
            return cls(**record | {"tests": tests})
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
            raise BadInput(f"cannot read {path} as a record of run.py --json: {cause}") from cause


def counted(totals: Counter) -> int:
    """The tests that a score is about."""
    return totals[Outcome.PASSED] + sum(totals[outcome] for outcome in BAD)


def score(totals: Counter) -> float:
    """Percent of the counted tests that passed."""
    tests = counted(totals)
    return round(100 * totals[Outcome.PASSED] / tests, 2) if tests else 0.0
