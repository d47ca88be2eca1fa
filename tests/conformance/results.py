#!/usr/bin/env python3
"""Reads what run.py --json wrote: scores side by side, failures by reason, lines to expect them.

results.py out/*.json                   a row for each level, loop and Python
results.py --failures out/*.json        the tests that did not pass, by the line that says why
results.py --propose out/*.json         lines for expected_failures.txt, one record per Python
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from harness import proposal, report
from harness.answer import Outcome
from harness.bad_input import BadInput
from harness.options import Parser
from harness.record import Record, counted, score


def main() -> int:
    try:
        print(text(parse()))
    except BadInput as error:
        print(f"results.py: {error}", file=sys.stderr)
        return 2
    return 0


def parse() -> argparse.Namespace:
    parser = Parser(
        prog="results.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--failures", action="store_true", help="group what failed by its reason")
    what.add_argument(
        "--propose", action="store_true", help="turn what failed into lines of expected failures"
    )
    return parser.parse_args()


def text(options: argparse.Namespace) -> str:
    records = sorted(
        (Record.read(path) for path in options.files),
        key=lambda record: (record.python, record.loop),
    )
    if options.propose:
        return proposal.propose(records)
    if options.failures:
        return "\n".join(failures(record) for record in records)
    return scores(records)


def scores(records: Sequence[Record]) -> str:
    """A row for each record and level."""
    rows = [["python", "loop", "level", *Outcome, "score"]]
    for record in records:
        for level in sorted({name[0] for name in record.tests}):
            totals = record.totals(level)
            rows.append(
                [
                    record.python,
                    f"{record.loop} {record.version}",
                    level,
                    *(str(totals[outcome] or ".") for outcome in Outcome),
                    f"{score(totals):.1f}" if counted(totals) else "-",
                ]
            )
    return report.table(rows, left=3)


def failures(record: Record) -> str:
    """The tests of a record that did not pass, under the line that says why."""
    reasons = defaultdict(list)
    for name, answer in sorted(record.tests.items()):
        if answer.bad:
            reasons[answer.last_line()].append(f"    {answer.outcome:8}{name}")
    lines = [report.summary(record)]
    for reason, names in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        lines += [f"\n{len(names)} x {reason[:160]}", *names]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.exit(main())
