"""How a measurement may end, and the words for it.

A loop that can't do a row is part of the comparison: the row has a word then in place of a figure.
"""

import enum
from dataclasses import dataclass, field


class Outcome(enum.StrEnum):
    MEASURED = "measured"
    #: It didn't end within the row's limit.
    HUNG = "hung"
    #: A signal ended the process; the detail names it.
    CRASHED = "crashed"
    #: An exception, or an exit code that isn't 0; the detail has the last line of it.
    RAISED = "raised"
    #: NotImplementedError.
    UNSUPPORTED = "unsupported"
    #: The load program found that the server answered wrongly or hung up.
    ERRORS = "errors"
    #: Something that the row needs isn't installed.
    MISSING = "missing"


@dataclass(frozen=True)
class Answer:
    """What became of one measurement."""

    outcome: Outcome
    #: What was counted: numbers as they were read, nothing derived.
    figures: dict[str, float] = field(default_factory=dict)
    #: Why there are no figures, in a line.
    detail: str = ""
    #: The last line of what the process wrote to stderr, if it wrote anything.
    said: str = ""
