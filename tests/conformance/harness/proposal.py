"""Turns the failures of some runs into lines for the file of expected failures.

A class or an area of which every test fails becomes one pattern, the others stay single ids; a
line that does not hold on each of the Pythons gets its [version]. The reason is the last line of
the traceback: a person puts a better one in its place.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence

from .answer import NOT_JUDGED, Outcome
from .bad_input import BadInput
from .record import Record

Minor = tuple[int, int]

_ADDRESS = re.compile(r"0x[0-9a-f]+")
# What still fits beside an id.
REASON_CHARACTERS = 120


def propose(records: Sequence[Record]) -> str:
    """The lines, under a heading for each reason, the commonest first."""
    lines: dict[str, dict[Minor, str]] = defaultdict(dict)  # pattern: {where it holds: why}
    pythons: list[Minor] = []
    for record in records:
        minor = _minor(record)
        if record.only:
            raise BadInput(
                "a run with --only cannot tell of which classes every test fails: give a whole run"
            )
        if minor in pythons:
            raise BadInput(f"two of the records are of Python {_text(minor)}: give one for each")
        pythons.append(minor)
        for pattern, reason in _patterns(record).items():
            lines[pattern][minor] = reason
    pythons.sort()
    sections: dict[str, list[str]] = defaultdict(list)
    for pattern, reasons in sorted(lines.items()):
        for prefix, minor in _prefixes(sorted(reasons), pythons):
            sections[reasons[minor]].append(f"{prefix}{pattern} :: {reasons[minor]}")
    ordered = sorted(sections.items(), key=lambda section: (-len(section[1]), section[0]))
    return "\n".join("\n".join([f"# --- {reason}", *texts, ""]) for reason, texts in ordered)


def _patterns(record: Record) -> dict[str, str]:
    """{pattern or id: reason} for one run."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name, answer in record.tests.items():
        if answer.outcome not in NOT_JUDGED and answer.outcome is not Outcome.SKIPPED:
            groups[name.rpartition(".")[0]].append(name)
    found = {}
    for group, names in groups.items():
        failing = {name: _reason(record, name) for name in names if record.tests[name].bad}
        if len(failing) == len(names) > 1:
            commonest = Counter(failing.values()).most_common()
            others = f" (and {len(commonest) - 1} other reasons)" if len(commonest) > 1 else ""
            found[f"{group}.*"] = commonest[0][0] + others
        else:
            found |= failing
    return found


def _reason(record: Record, name: str) -> str:
    answer = record.tests[name]
    return answer.expected or _ADDRESS.sub("0x...", answer.last_line())[:REASON_CHARACTERS]


def _prefixes(holds: Sequence[Minor], pythons: Sequence[Minor]) -> list[tuple[str, Minor]]:
    """The [version] of each unbroken stretch of Pythons, and the newest of the stretch."""
    prefixes = []
    start = None
    for minor, following in zip(pythons, [*pythons[1:], None]):
        if minor not in holds:
            continue
        start = start or minor
        if following in holds:
            continue
        bounds = [f">={_text(start)}"] if start != pythons[0] else []
        bounds += [f"<{_text(following)}"] if following else []
        prefixes.append((f"[{','.join(bounds)}] " if bounds else "", minor))
        start = None
    return prefixes


def _minor(record: Record) -> Minor:
    major, minor = record.python.split(".")[:2]
    return int(major), int(minor)


def _text(minor: Minor) -> str:
    return "{}.{}".format(*minor)
