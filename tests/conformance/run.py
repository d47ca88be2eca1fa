#!/usr/bin/env python3
"""CPython's own asyncio tests, run on any event loop; `run.py --help` explains.

This file puts the pieces of harness/ in their order. It runs in the parent; the children that it
forks leave through it by SystemExit, so nothing here may clean up on that.
"""

import argparse
import os
import sys
import time
import warnings
from pathlib import Path

from harness import expectations, fresh, report, suite, untouched
from harness import options as command_line
from harness.answer import Answer, Outcome
from harness.bad_input import BadInput
from harness.default_loop import close_by_public_means, make_default
from harness.factory import Factory
from harness.forks import run_forked
from harness.progress import Progress
from harness.record import Record
from harness.rules import Rules

HERE = Path(__file__).resolve().parent
EXCLUSIONS = HERE / "exclusions.txt"

INTERRUPTED_STATUS = 128 + 2  # as a shell says of SIGINT


def main() -> int:
    try:
        return run(command_line.parse())
    except BadInput as error:
        print(f"run.py: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("run.py: interrupted", file=sys.stderr)
        return INTERRUPTED_STATUS


def run(options: argparse.Namespace) -> int:
    """Everything, in order; the exit status."""
    exclusions = Rules() if options.no_exclusions else Rules.read(EXCLUSIONS)
    rules = Rules.read(options.expect) if options.expect else Rules()
    suite.require_package()
    # What the tests and the loop warn of is not what is tested; and the fresh interpreters must
    # hash as this one does.
    warnings.simplefilter("ignore")
    os.environ.setdefault("PYTHONHASHSEED", "0")
    factory = Factory(options.loop)
    make_default(factory)
    suite.allow_resources(options.network)
    close_by_public_means()
    tests = suite.collect(options.level, factory, options.only)
    answers = not_run(tests, exclusions, options)
    chosen = {name: test for name, test in tests.items() if name not in answers}
    if options.list:
        for name in tests:
            answer = answers.get(name)
            print(f"{name} ({answer.outcome}) {answer.detail}".rstrip() if answer else name)
        return 0
    record = Record(
        loop=options.loop,
        version=factory.version,
        jobs=options.jobs,
        limit_s=options.timeout,
        only=options.only,
        tests=answers,
    )
    run_tests(chosen, factory, rules, record, options)
    whole = "" if options.only else options.level
    verdict = expectations.judge(record.tests, rules, whole)
    conclude(record, verdict, options)
    return 1 if verdict.failed else 0


def not_run(
    tests: suite.Tests, exclusions: Rules, options: argparse.Namespace
) -> dict[str, Answer]:
    """The answers that are known beforehand: excluded and untouched tests."""
    answers = {}
    for name in tests:
        rule = exclusions.find(name)
        if rule:
            answers[name] = Answer(Outcome.EXCLUDED, detail=rule.reason)
    # Who names tests wants them run.
    if not options.learn and not options.only:
        idle, remark = untouched.listed()
        if remark and not options.quiet:
            print(f"run.py: {remark}", file=sys.stderr)
        for name in tests:
            if name in idle and name not in answers:
                answers[name] = Answer(Outcome.UNTOUCHED)
    return answers


def run_tests(
    chosen: suite.Tests, factory: Factory, rules: Rules, record: Record, options: argparse.Namespace
) -> None:
    """Run these tests, twice where the first time could be bad luck, into the record."""
    if len(os.listdir("/proc/self/task")) > 1:
        print(
            f"run.py: importing {options.loop} started a thread, which no forked test will "
            "have: expect odd failures",
            file=sys.stderr,
        )
    expected = {name: rule.reason for name in chosen if (rule := rules.find(name))}
    progress = Progress(
        len(chosen),
        sys.stdout,
        sys.stderr,
        quiet=options.quiet,
        verbose=options.verbose,
        expected=expected,
    )
    start = time.monotonic()
    answers = run_forked(
        chosen, factory, limit_s=options.timeout, jobs=options.jobs, report=progress.report
    )
    progress.clear()
    record.seconds_first_pass = round(time.monotonic() - start, 1)
    for name, reason in expected.items():
        answers[name].expected = reason
    if not options.no_retry:
        # An expected failure needs no second chance: it has had its way.
        unlucky = [name for name in chosen if answers[name].bad and name not in expected]
        command = [__file__, "--loop", options.loop]
        command += ["--no-exclusions"] if options.no_exclusions else []
        command += ["--network"] if options.network else []
        record.flaky = fresh.retry(
            answers,
            unlucky,
            command,
            limit_s=options.timeout,
            jobs=options.jobs,
            report=progress.retried,
        )
        progress.clear()
    record.seconds = round(time.monotonic() - start, 1)
    record.tests.update(answers)


def conclude(record: Record, verdict: expectations.Verdict, options: argparse.Namespace) -> None:
    """Write the files that were asked for, and print."""
    if options.learn:
        path = untouched.learn(
            name for name, answer in record.tests.items() if answer.outcome is Outcome.UNTOUCHED
        )
        print(f"wrote {path}")
    if options.json:
        record.write(options.json)
    if not options.quiet:
        print(f"\n{report.outcomes(record)}\n\n{report.summary(record)}")
        print(report.differences(record, verdict))  # ends its own last line
    print(report.last_line(verdict))


if __name__ == "__main__":
    sys.exit(main())
