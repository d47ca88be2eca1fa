"""What is said when all tests have run: the table, what was not as expected, and the last line.

The last line stands alone and keeps its form, `N passed, N failed, N skipped`, so that a program
can read it; `failed` counts what makes the exit status 1.
"""

from collections import Counter
from collections.abc import Iterable, Sequence

from .answer import Outcome
from .expectations import Verdict
from .record import Record, counted, score


def table(rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """Columns of text; the first `left` of them lean to the left."""
    rows = list(rows)
    widths = [max(map(len, column)) for column in zip(*rows)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths))
        ).rstrip()
        for row in rows
    )


def outcomes(record: Record) -> str:
    """Outcomes by area and module, with their sum."""

    def row(name: str, counts: Counter) -> list[str]:
        return [name, *(str(counts[outcome] or ".") for outcome in Outcome)]

    return table(
        [
            ["", *Outcome],
            *(row(*group) for group in record.groups().items()),
            row("total", record.totals()),
        ]
    )


def summary(record: Record) -> str:
    """One line about the whole run."""
    totals = record.totals()
    return (
        f"{record.loop} {record.version} on Python {record.python}: "
        f"{totals[Outcome.PASSED]} of {counted(totals)} passed = {score(totals):.1f} %, "
        f"{len(record.flaky)} flaky, {record.seconds:.0f} s "
        f"({record.seconds_first_pass:.0f} s before the retries)"
    )


def differences(record: Record, verdict: Verdict) -> str:
    """What was not as expected, a line or two each."""
    lines = [
        f"flaky: {name}: failed in a fork, passed in a fresh interpreter" for name in record.flaky
    ]
    for name in sorted(verdict.surprises):
        lines += [f"not expected to fail: {name}", f"    {record.tests[name].last_line()[:160]}"]
    for name, rule in sorted(verdict.outlived.items()):
        lines.append(f"expected to fail, and passes: {name} ({rule.place}: {rule.pattern})")
    for rule in verdict.idle:
        lines.append(f"expected to fail, and is not there: {rule.pattern} ({rule.place})")
    if verdict.expected:
        lines.append(f"{len(verdict.expected)} failed as expected")
    return "".join(f"{line}\n" for line in lines)


def last_line(verdict: Verdict) -> str:
    """The line for programs."""
    return f"{len(verdict.passed)} passed, {verdict.failed} failed, {len(verdict.skipped)} skipped"
