"""Tests that end in every way a test can end, for test_forks.py; run as a script, it runs them.

It prints {sample: answer} as JSON, and whether any process outlived its sample.
"""

import asyncio
import atexit
import json
import os
import signal
import subprocess
import sys
import unittest

from harness.factory import Factory
from harness.forks import run_forked

FACTORY = Factory("asyncio:SelectorEventLoop")

# The hanging ones are waited for, so they get little time; what ends by itself gets plenty.
HANGING_LIMIT_S = 2.0
LIMIT_S = 60.0

LEFT_BEHIND = [sys.executable, "-c", "import signal; signal.pause()"]


class Sample(unittest.TestCase):
    """One ending each."""

    def setUp(self):
        if self._testMethodName != "makes_no_loop":
            FACTORY().close()

    def passes(self):
        pass

    def makes_no_loop(self):
        pass

    def fails(self):
        self.fail("as it should")

    def raises(self):
        raise ValueError("as it should")

    def fails_in_a_subtest(self):
        with self.subTest("first"):
            self.fail("as it should")

    @unittest.expectedFailure
    def fails_as_its_author_expects(self):
        self.fail("as it should")

    @unittest.expectedFailure
    def passes_against_its_author(self):
        pass

    def skips(self):
        self.skipTest("for a reason")

    def hangs(self):
        signal.pause()

    def hangs_while_shutting_down(self):
        atexit.register(signal.pause)

    def aborts(self):
        os.abort()

    def leaves_with_a_status(self):
        os._exit(3)

    def aborts_while_shutting_down(self):
        atexit.register(os.abort)

    def prints_and_fails(self):
        print("printed before")
        self.fail("as it should")

    def leaves_a_process_behind(self):
        subprocess.Popen(LEFT_BEHIND, close_fds=False)

    def finds_ctrl_c_working(self):
        with self.assertRaises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)

    def finds_no_loop_of_a_sibling(self):
        asyncio.set_event_loop(FACTORY())
        self.assertEqual(FACTORY.calls, 2)


def main() -> None:
    # A shell starts background jobs so.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end, inherited = os.pipe()
    os.set_inheritable(inherited, True)
    names = [
        name
        for name, value in vars(Sample).items()
        if callable(value) and not name.startswith("_") and name != "setUp"
    ]
    answers = {}
    for limit_s, hanging in ((LIMIT_S, False), (HANGING_LIMIT_S, True)):
        samples = {name: Sample(name) for name in names if name.startswith("hangs") == hanging}
        answers |= run_forked(
            samples, FACTORY, limit_s=limit_s, jobs=len(samples), report=lambda name, answer: None
        )
    # End of file only when nobody else holds the other end.
    os.close(inherited)
    os.set_blocking(end, False)
    try:
        outlived = os.read(end, 1) != b""
    except BlockingIOError:
        outlived = True
    print(
        json.dumps(
            {
                "outlived": outlived,
                "answers": {name: answer.as_json() for name, answer in answers.items()},
            }
        )
    )


if __name__ == "__main__":
    main()
