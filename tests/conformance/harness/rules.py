"""Files of rules: `pattern :: reason` lines over test ids.

A pattern is an fnmatch, case-sensitive, that starts with a level; the reason is not optional.
`[<3.14]`, `[>=3.12]` or `[>=3.12,<3.13]` before the pattern keeps a rule for those Pythons. Empty
lines, and lines that start with #, are for the reader.
"""

import fnmatch
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path

from .bad_input import BadInput
from .suite import LEVELS

Version = tuple[int, ...]

_BOUND = re.compile(r"(<|>=)(\d+(?:\.\d+)*)")


@dataclass(frozen=True)
class Rule:
    """One line: the tests it is about, and why."""

    pattern: str
    reason: str
    place: str  # file:line, for messages

    def matches(self, name: str) -> bool:
        return fnmatch.fnmatchcase(name, self.pattern)

    @property
    def level(self) -> str:
        return self.pattern[0]


@dataclass
class Rules:
    """The rules of a file that hold for one version of Python."""

    rules: list[Rule] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path, version: Version = sys.version_info[:3]) -> "Rules":
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as cause:
            raise BadInput(f"cannot read the rules in {path}: {cause}") from cause
        return cls.parse(text, version, str(path))

    @classmethod
    def parse(cls, content: str, version: Version, source: str = "rules") -> "Rules":
        rules = []
        for number, line in enumerate(content.splitlines(), 1):
            text = line.strip()
            if text and not text.startswith("#"):
                rule = _parse_line(text, version, f"{source}:{number}")
                if rule:
                    rules.append(rule)
        return cls(rules)

    def find(self, name: str) -> Rule | None:
        """The first rule about this test."""
        return next((rule for rule in self.rules if rule.matches(name)), None)


def _parse_line(line: str, version: Version, place: str) -> Rule | None:
    head, separator, reason = (part.strip() for part in line.partition(" :: "))
    if not (separator and reason):
        raise BadInput(f"{place}: {line!r} has no reason: write 'pattern :: reason'")
    holds = True
    if head.startswith("["):
        bounds, bracket, head = (part.strip() for part in head[1:].partition("]"))
        if not bracket:
            raise BadInput(f"{place}: {line!r} never closes its [version]")
        # A list, so that each bound is read: a typo must not hide behind one that does not hold.
        holds = all([_within(bound.strip(), version, place) for bound in bounds.split(",")])
    # Without its level a pattern such as *sock* would reach further than its author saw.
    if head[:1] not in tuple(LEVELS) or head[1:2] != ".":
        raise BadInput(
            f"{place}: the pattern {head!r} starts with no level: "
            "A., B. or C. (run.py --list prints the ids)"
        )
    return Rule(head, reason, place) if holds else None


def _within(bound: str, version: Version, place: str) -> bool:
    match = _BOUND.fullmatch(bound)
    if not match:
        raise BadInput(f"{place}: cannot read the version {bound!r}: write <3.14 or >=3.12")
    sign, number = match.groups()
    edge = tuple(map(int, number.split(".")))
    return version < edge if sign == "<" else version >= edge
