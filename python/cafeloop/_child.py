"""The end of a child process: noticed by a descriptor, or by a thread that waits.

Signals are left alone, and no child is waited for but the one that is meant, so that
other users of children aren't disturbed; a loop may have children in any thread.
"""

from __future__ import annotations

import os
import subprocess
import threading
from asyncio.log import logger
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ._parts import LoopParts

# Told of a child's exit code: minus the signal's number if it was killed by one.
_Tell = Callable[[int], object]

# What the system doesn't tell, since somebody else has asked before: asyncio's number.
_UNKNOWN = 255


def when_ended(loop: LoopParts, process: subprocess.Popen[bytes], tell: _Tell) -> None:
    """Have `tell` called in the loop when a child has ended."""
    try:
        descriptor = _ChildDescriptor(process.pid)
    except (AttributeError, OSError):
        # The interpreter or the kernel has no such call, a container forbids it, or no
        # descriptor is left: none of these is a reason to lose the child.
        _wait_in_thread(loop, process, tell)
    else:
        loop._add_reader(descriptor.number, _ended, loop, descriptor, process, tell)


class _ChildDescriptor:
    """A descriptor that is readable when a child has ended (`pidfd_open(2)`).

    It belongs to this object, so that it goes with a loop that is closed before.
    """

    number = -1

    def __init__(self, pid: int) -> None:
        self.number = os.pidfd_open(pid)

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        number, self.number = self.number, -1
        if number >= 0:
            os.close(number)


def _ended(
    loop: LoopParts,
    descriptor: _ChildDescriptor,
    process: subprocess.Popen[bytes],
    tell: _Tell,
) -> None:
    loop.remove_reader(descriptor.number)
    descriptor.close()
    tell(_reap(process))


def _wait_in_thread(
    loop: LoopParts, process: subprocess.Popen[bytes], tell: _Tell
) -> None:
    # A virtual clock knows of descriptors, and there is none.
    expected = loop._expect(f"the child process {process.pid}")

    def ended() -> None:
        expected.end()
        tell(_reap(process))

    def wait() -> None:
        try:
            # It stays a zombie until the loop reaps it, so that its number can't be
            # another's when the loop's user sends it a signal.
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        except ChildProcessError:
            pass
        try:
            loop.call_soon_threadsafe(ended)
        except RuntimeError:
            logger.warning("Loop %r that handles pid %r is closed", loop, process.pid)
            process.returncode = _reap(process)

    threading.Thread(target=wait, name=f"cafeloop-child-{process.pid}", daemon=True).start()


def _reap(process: subprocess.Popen[bytes]) -> int:
    """The exit code of a child that has ended."""
    try:
        _, status = os.waitpid(process.pid, 0)
    except ChildProcessError:
        if process.returncode is not None:
            # It was reaped by its own object, which somebody asked for it.
            return process.returncode
        logger.warning(
            "child process pid %d exit status already read:  will report returncode 255",
            process.pid,
        )
        return _UNKNOWN
    return os.waitstatus_to_exitcode(status)
