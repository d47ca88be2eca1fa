"""Runs tests in forked processes, a few at a time, and says how each ended.

The process that calls this has imported the test modules and the loop already, so a test costs
milliseconds rather than the start of an interpreter, and still:

* a hang is killed when its time is up, and its Python stack is kept;
* a segfault, an abort or an os._exit is a crash, also when it happens while the interpreter shuts
  down after the test has passed;
* signals, policies, monkey patches and leaked threads end with the test.
"""

import contextlib
import gc
import os
import select
import signal
import sys
import time
import traceback
import unittest
from collections.abc import Callable
from itertools import islice

from . import child
from .answer import OUTPUT_MARK, Answer, Outcome
from .box import Box, Boxes, text_of
from .factory import Factory

# EX_SOFTWARE of sysexits.h: the harness itself broke in the child.
BROKEN_HARNESS_STATUS = 70

Report = Callable[[str, Answer], None]


class Running:
    """A child process and the box it writes to."""

    def __init__(self, name: str, pid: int, box: Box, limit_s: float) -> None:
        self.name = name
        self.pid = pid
        self.box = box
        self.pidfd = os.pidfd_open(pid)
        self._start = time.monotonic()
        self.deadline = self._start + limit_s

    def reap(self, hung: bool) -> Answer:
        """Kill what is left of it, and say what became of the test."""
        _kill_session(self.pid)
        _, status = os.waitpid(self.pid, 0)
        os.close(self.pidfd)
        seconds = time.monotonic() - self._start
        answer = _answer(self.box, os.waitstatus_to_exitcode(status), seconds if hung else None)
        answer.seconds = round(seconds, 3)
        self.box.remove()
        return answer


def run_forked(
    tests: dict[str, unittest.TestCase],
    factory: Factory,
    *,
    limit_s: float,
    jobs: int,
    report: Report,
) -> dict[str, Answer]:
    """Run every test in a child of its own, `jobs` at a time; report each as it ends.

    The children leave this function by SystemExit: what surrounds the call must not clean up on
    that exception, or a child would clean up for its parent.
    """
    answers = {}
    waiting = iter(tests.items())
    running: list[Running] = []
    boxes = Boxes()
    gc.collect()
    gc.freeze()  # or every child collects, and tears down, all that was imported
    try:
        while True:
            for name, test in islice(waiting, jobs - len(running)):
                running.append(_fork(name, test, boxes.new(), limit_s, factory))
            if not running:
                break
            for run, hung in _ended(running):
                running.remove(run)
                answers[run.name] = run.reap(hung)
                report(run.name, answers[run.name])
    except KeyboardInterrupt:
        for run in running:
            run.reap(hung=True)
        boxes.remove()
        raise
    boxes.remove()
    return answers


def _fork(
    name: str, test: unittest.TestCase, box: Box, limit_s: float, factory: Factory
) -> Running:
    sys.stdout.flush()  # or the child prints it again
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Running(name, pid, box, limit_s)
    try:
        child.run(test, box, limit_s, factory)
    except BaseException:
        traceback.print_exc()
        os._exit(BROKEN_HARNESS_STATUS)
    sys.exit(0)


def _ended(running: list[Running]) -> list[tuple[Running, bool]]:
    """Wait for one to end or to use up its time; which ones, and whether they hang."""
    poll = select.poll()
    for run in running:
        poll.register(run.pidfd, select.POLLIN)
    left_s = min(run.deadline for run in running) - time.monotonic()
    # One millisecond more: poll() rounds, and must not wake before the deadline.
    ready = {fd for fd, _ in poll.poll(max(0, left_s) * 1000 + 1)}
    now = time.monotonic()
    return [
        (run, run.pidfd not in ready)
        for run in running
        if run.pidfd in ready or now >= run.deadline
    ]


def _kill_session(pid: int) -> None:
    """Kill a child that is not reaped yet, and whatever it has started."""
    os.kill(pid, signal.SIGKILL)  # it may not have got as far as a session of its own
    # Neither error means more than that it has left nothing behind.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _answer(box: Box, code: int, hung_s: float | None) -> Answer:
    """The child's own answer, overruled by how its process ended."""
    answer = box.answer()
    reached = answer and answer.outcome
    answer = answer or Answer(Outcome.CRASHED)
    if hung_s is not None or code or not reached:
        if hung_s is not None:
            answer.outcome, how = Outcome.HUNG, f"killed after {hung_s:.0f} s"
        else:
            answer.outcome = Outcome.CRASHED
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
        where = f"while shutting down, after the test {reached}" if reached else "in the test"
        answer.detail = f"{how} {where}\n{answer.detail}{text_of(box.stack)}"
    if answer.bad:
        output = text_of(box.output)
        answer.detail += f"\n{OUTPUT_MARK}\n{output}" if output else ""
    elif answer.outcome is Outcome.PASSED:
        answer.detail = ""
        if not answer.loops:
            answer.outcome = Outcome.UNTOUCHED
    return answer
