"""A unittest result that keeps the worst thing that happened, and every traceback."""

import traceback
import unittest

from .answer import Outcome

# From good to bad: a test with sub-tests, or one whose tear-down fails too, has the last of them.
_ORDER = (Outcome.PASSED, Outcome.SKIPPED, Outcome.FAILED, Outcome.ERROR)


class Tally(unittest.TestResult):
    """The outcome of one test; None until it has run."""

    def __init__(self) -> None:
        super().__init__()
        self.outcome: Outcome | None = None
        self.details: list[str] = []

    def note(self, outcome: Outcome, text: str = "") -> None:
        if self.outcome is None or _ORDER.index(outcome) > _ORDER.index(self.outcome):
            self.outcome = outcome
        if text:
            self.details.append(text)

    def addSuccess(self, test):
        self.note(Outcome.PASSED)

    def addExpectedFailure(self, test, err):
        self.note(Outcome.PASSED)

    def addUnexpectedSuccess(self, test):
        self.note(Outcome.FAILED, "unexpected success")

    def addSkip(self, test, reason):
        self.note(Outcome.SKIPPED, reason)

    def addFailure(self, test, err):
        self.note(Outcome.FAILED, _text(err))

    def addError(self, test, err):
        self.note(Outcome.ERROR, _text(err))

    def addSubTest(self, test, subtest, err):
        if err is not None:
            failed = issubclass(err[0], test.failureException)
            self.note(
                Outcome.FAILED if failed else Outcome.ERROR,
                f"{subtest._subDescription()}\n{_text(err)}",
            )


def _text(err) -> str:
    return "".join(traceback.format_exception(*err))
