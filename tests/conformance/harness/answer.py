"""What became of one test: an outcome, and what was seen of it.

Answers travel as JSON from the child to the parent, from a fresh interpreter to the run that
started it, and into the file of --json; empty fields are left out there.
"""

import re
from dataclasses import asdict, dataclass, field
from enum import StrEnum

# Enough for the longest traceback of the suite; a loop that spins may print megabytes.
KEPT_CHARACTERS = 4000

OUTPUT_MARK = "--- output ---"
_UNDERLINE = re.compile(r"[~^ ]*")


class Outcome(StrEnum):
    """How a test ended; the first five are counted in the score."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    HUNG = "hung"
    CRASHED = "crashed"
    SKIPPED = "skipped"
    UNTOUCHED = "untouched"  # it passed, and never made a loop: it cannot tell loops apart
    EXCLUDED = "excluded"  # not run: it tests the insides of CPython's own loops


BAD = frozenset({Outcome.FAILED, Outcome.ERROR, Outcome.HUNG, Outcome.CRASHED})
NOT_JUDGED = frozenset({Outcome.UNTOUCHED, Outcome.EXCLUDED})


@dataclass
class Answer:
    """The outcome of a test and its circumstances."""

    outcome: Outcome
    detail: str = ""  # tracebacks, the reason of a skip or of an exclusion
    seconds: float = 0.0
    loops: int = 0  # loops the test had the factory make
    types: list[str] = field(default_factory=list)  # their classes
    expected: str = ""  # the reason, where this test is expected to fail
    flaky: str = ""  # how the first run failed, when a fresh interpreter passed
    again: str = ""  # how the fresh interpreter ended, when it did not pass either

    @property
    def bad(self) -> bool:
        return self.outcome in BAD

    def as_json(self) -> dict:
        return {"outcome": self.outcome} | {k: v for k, v in asdict(self).items() if v}

    @classmethod
    def from_json(cls, fields: dict) -> "Answer":
        return cls(**fields | {"outcome": Outcome(fields["outcome"])})

    def last_line(self) -> str:
        """The one line that says what went wrong."""
        lines = [line.strip() for line in self.detail.partition(OUTPUT_MARK)[0].splitlines()]
        lines = [line for line in lines if not _UNDERLINE.fullmatch(line)]
        if not lines:
            return str(self.outcome)
        # The stack under a kill is where the test was, not what happened to it.
        return lines[0] if self.outcome in (Outcome.HUNG, Outcome.CRASHED) else lines[-1]


def shortened(text: str, limit: int = KEPT_CHARACTERS) -> str:
    """The end of a long text, since a traceback says the most there."""
    return text if len(text) <= limit else "[...]\n" + text[-limit:]
