#!/usr/bin/env python3
"""Tests under Valgrind's memcheck, which sees each access to memory: `make memcheck`.

usage: python tests/memcheck/check.py [--children] [PYTEST ARGUMENT...]

Without arguments it runs USUAL, which takes about two minutes.  With --children the programs that
tests start are watched too, at four seconds each to begin.

It fails if a test does, and if memcheck finds
  - anywhere: an access to memory that isn't there, a decision by a value that nobody set, or
    memory that is freed wrongly;
  - allocated by the extension: memory that nobody refers to any more at the end.
What CPython itself does to that effect stands in suppressions.txt.

It owns target/memcheck, where the reports are.  Exit code: 1 for a failure, 69 if there is no
Valgrind, else that of pytest.
"""

import contextlib
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parent.parent.parent
VALGRIND = ROOT / ".ci/valgrind"
REPORTS = ROOT / "target/memcheck"
SUPPRESSIONS = Path(__file__).resolve().parent / "suppressions.txt"

BEHAVIOUR = "tests/behaviour"
# What makes, shares, cancels and drops objects in every way; and what else holds raw memory.
USUAL = [
    *(f"{BEHAVIOUR}/test_{situation}.py" for situation in (
        "awaiting",
        "buffered_protocol",
        "call_graph",
        "cancelling",
        "cancelling_turns",
        "connection_faults",
        "connections",
        "done_callbacks",
        "eager_tasks",
        "exceptions",
        "foreign_loops",
        "future_iterator",
        "future_states",
        "gather",
        "gather_cancelling",
        "handles",
        "leaving_tasks",
        "lost_tasks",
        "private_attributes",
        "random_programs",
        "shared_contexts",
        "sleep",
        "sleep_as_coroutine",
        "task_contexts",
        "task_factories",
        "task_subclasses",
        "timers",
        "unbound_methods",
        "wakeup_order",
    )),
    "-k", "cafeloop and not installed",
    "-m", "not slow",
]

# Python code between an allocation and a frame of ours: then it isn't our allocation.
INTERPRETER = "_PyEval_EvalFrameDefault"
EXTENSION = "_cafeloop."
# Frames that are kept of each stack: as many as lie between an allocation and whose it is.
DEPTH = 40
# Those that are shown.
SHOWN = 25


@dataclass
class Frame:
    function: str
    binary: str
    place: str

    @property
    def is_ours(self) -> bool:
        return Path(self.binary).name.startswith(EXTENSION)

    def __str__(self) -> str:
        return f"{self.function}  {self.place or Path(self.binary).name}"


@dataclass
class Finding:
    kind: str
    text: str
    stacks: list[list[Frame]]

    @property
    def counts(self) -> bool:
        """Whether it is a mistake, and ours to mend."""
        if not self.kind.startswith("Leak_"):
            return True
        if self.kind != "Leak_DefinitelyLost":
            return False
        for frame in self.stacks[0] if self.stacks else []:
            if frame.function.startswith(INTERPRETER):
                return False
            if frame.is_ours:
                return True
        return False

    def __str__(self) -> str:
        lines = [f"{self.kind}: {self.text}"]
        for number, stack in enumerate(self.stacks):
            if number:
                lines.append("  of what was there:")
            lines += [f"    {frame}" for frame in stack[:SHOWN]]
        return "\n".join(lines)


def read(report: Path) -> list[Finding]:
    """What a report says; one that was cut short, because its process was killed, up to there."""
    findings = []
    with report.open("rb") as source, contextlib.suppress(ElementTree.ParseError):
        for _, element in ElementTree.iterparse(source):
            if element.tag == "error":
                text = element.findtext("what") or element.findtext("xwhat/text") or ""
                stacks = [
                    [
                        Frame(
                            frame.findtext("fn") or frame.findtext("ip") or "",
                            frame.findtext("obj") or "",
                            ":".join(filter(None, (frame.findtext("file"), frame.findtext("line")))),
                        )
                        for frame in stack.iter("frame")
                    ]
                    for stack in element.iter("stack")
                ]
                findings.append(Finding(element.findtext("kind") or "", text, stacks))
    return findings


def run(arguments: list[str], *, with_children: bool) -> int:
    shutil.rmtree(REPORTS, ignore_errors=True)
    REPORTS.mkdir(parents=True)
    command = [
        VALGRIND,
        "--tool=memcheck",
        "--quiet",
        "--error-limit=no",
        "--leak-check=full",
        "--show-leak-kinds=definite",
        f"--num-callers={DEPTH}",
        f"--suppressions={SUPPRESSIONS}",
        f"--trace-children={'yes' if with_children else 'no'}",
        "--child-silent-after-fork=yes",
        "--xml=yes",
        f"--xml-file={REPORTS}/%p.xml",
        sys.executable,
        *("-m", "pytest", "--quiet", "-p", "no:cacheprovider"),
        # Everything takes longer than where this limit is meant for.
        *("-o", "faulthandler_timeout=0"),
        *arguments,
    ]
    # An allocator that memcheck sees through.
    return subprocess.run(command, cwd=ROOT, env={**os.environ, "PYTHONMALLOC": "malloc"}).returncode


def main() -> int:
    arguments = sys.argv[1:]
    with_children = "--children" in arguments
    if with_children:
        arguments.remove("--children")
    available = subprocess.run([VALGRIND, "--version"], stdout=subprocess.DEVNULL).returncode
    if available:
        return available
    code = run(arguments or USUAL, with_children=with_children)
    reports = sorted(REPORTS.glob("*.xml"))
    findings = {str(each): each for report in reports for each in read(report) if each.counts}
    for finding in findings:
        print(f"\n{finding}")
    print(f"\nmemcheck: {len(findings)} findings in {len(reports)} processes")
    return code or (1 if findings or not reports else 0)


if __name__ == "__main__":
    sys.exit(main())
