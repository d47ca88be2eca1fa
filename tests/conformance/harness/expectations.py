"""Expected failures, strictly: a test that is expected to fail and passes is a failure too.

That keeps the list true: it can neither hide a regression behind a wide pattern nor outlive the
defect that it names. Untouched and excluded tests are nobody's expectation; a skipped one proves
nothing either way.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from .answer import NOT_JUDGED, Answer, Outcome
from .rules import Rule, Rules


@dataclass
class Verdict:
    """What of a run was as expected, and what was not."""

    passed: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)  # failed, as a rule said
    skipped: list[str] = field(default_factory=list)
    surprises: list[str] = field(default_factory=list)  # failed, and no rule said so
    # Passed, though the rule said otherwise: a wide pattern can be wrong about some of its tests.
    outlived: dict[str, Rule] = field(default_factory=dict)
    idle: list[Rule] = field(default_factory=list)  # matched no test at all

    @property
    def failed(self) -> int:
        return len(self.surprises) + len(self.outlived) + len(self.idle)


def judge(answers: dict[str, Answer], rules: Rules, whole_levels: Collection[str]) -> Verdict:
    """Hold the answers against the rules.

    `whole_levels` are the levels of which every test was run: only there can a rule be said to
    match nothing.
    """
    verdict = Verdict()
    idle = {rule for rule in rules.rules if rule.level in whole_levels}
    for name, answer in answers.items():
        if answer.outcome in NOT_JUDGED:
            continue
        about = [rule for rule in rules.rules if rule.matches(name)]
        idle.difference_update(about)
        if answer.outcome is Outcome.SKIPPED:
            verdict.skipped.append(name)
        elif answer.bad:
            (verdict.expected if about else verdict.surprises).append(name)
        elif about:
            verdict.outlived[name] = about[0]
        else:
            verdict.passed.append(name)
    verdict.idle = [rule for rule in rules.rules if rule in idle]
    return verdict
