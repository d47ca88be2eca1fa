"""What happens in the forked process: one test, sealed off, with its answer left in the box.

The process ends through the normal end of the interpreter, so that what a loop does there is
tested too; its parent counts a crash or a hang on the way out.
"""

import faulthandler
import gc
import os
import resource
import signal
import tempfile
import traceback
import unittest

from .answer import Answer, Outcome, shortened
from .box import Box
from .factory import Factory
from .tally import Tally

# A test that leaks without bound must fail here rather than wake the kernel's OOM killer. Address
# space and not memory: sanitizers and arenas reserve far more than they use.
ADDRESS_SPACE_BYTES = 16 << 30

# The stack is written this long before the parent kills.
STACK_LEAD_S = 1


def run(test: unittest.TestCase, box: Box, limit_s: float, factory: Factory) -> None:
    """Run the test and leave the answer; the caller ends the process."""
    _seal(box)
    stack = open(box.stack, "w")
    faulthandler.enable(stack, all_threads=True)
    faulthandler.dump_traceback_later(max(limit_s - STACK_LEAD_S, limit_s / 2), file=stack)
    factory.calls = 0
    tally = Tally()
    try:
        unittest.TestSuite([test]).run(tally)
    except BaseException:  # IsolatedAsyncioTestCase lets its own tear-down's through
        tally.note(Outcome.ERROR, traceback.format_exc())
    gc.collect()
    faulthandler.cancel_dump_traceback_later()
    # Once more, for a hang while the interpreter shuts down.
    faulthandler.dump_traceback_later(max(limit_s / 2, STACK_LEAD_S), file=stack)
    if tally.outcome is None:
        tally.note(Outcome.ERROR, "the test did not run")
    box.put_answer(
        Answer(
            tally.outcome,
            detail=shortened("\n".join(tally.details)),
            loops=factory.calls,
            types=sorted(factory.types),
        )
    )


def _seal(box: Box) -> None:
    """Keep the test from its siblings, and them from it."""
    # Its own session: one kill reaches whatever it leaves running.
    os.setsid()
    # A harness started in the background of a shell inherits SIGINT ignored, and then every
    # KeyboardInterrupt test fails whatever the loop.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, [])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE_BYTES, ADDRESS_SPACE_BYTES))
    null = os.open(os.devnull, os.O_RDONLY)
    output = os.open(box.output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(null, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(null)
    os.close(output)
    os.mkdir(box.folder)
    os.chdir(box.folder)
    os.environ["TMPDIR"] = str(box.folder)
    tempfile.tempdir = None  # it remembers the parent's
