"""A process of a measurement: started alone in its session, and surely ended.

Owns its pipe for answers, its limit and its leftovers: whatever it started ends with it, and it
ends with the harness.  Knows nothing of rows or loops.
"""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

# From <linux/prctl.h>.
PR_SET_PDEATHSIG = 1
# Enough to name what went wrong, and not a whole traceback.
LONGEST_LINE = 300
PIPE_CHUNK_BYTES = 65536

_libc = ctypes.CDLL(None, use_errno=True)


class Hung(Exception):
    """The limit was reached first."""


@dataclass(frozen=True)
class Ended:
    """How a process ended, and what it took."""

    #: As in `subprocess`: the exit code, or a signal's number with a minus.
    code: int
    cpu_ns: int
    wall_ns: int

    @property
    def signal_name(self) -> str | None:
        return signal.Signals(-self.code).name if self.code < 0 else None


class Process:
    """A running program, used by `with`, and killed at its end if it still runs.

    With `{answers}` among its arguments, the program finds there the number of a descriptor to
    answer on; without, its standard output is that.
    """

    def __init__(
        self,
        command: Sequence[str],
        folder: Path,
        *,
        core: int | None = None,
        environment: Mapping[str, str] | None = None,
        limit_s: float,
    ) -> None:
        self._limit_s = limit_s
        self._started_ns = time.perf_counter_ns()
        self._unread = b""
        self._ended: Ended | None = None
        self._answers, answering = os.pipe()
        by_number = "{answers}" in command

        def before_program() -> None:
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if core is not None:
                os.sched_setaffinity(0, {core})

        # The descriptors of two that run at a time differ.
        self._stderr = folder / f"stderr-{self._answers}"
        with open(self._stderr, "wb") as stderr, os.fdopen(answering, "wb"):
            self._popen = subprocess.Popen(
                [word.replace("{answers}", str(answering)) for word in command],
                cwd=folder,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL if by_number else answering,
                stderr=stderr,
                pass_fds=(answering,) if by_number else (),
                start_new_session=True,
                preexec_fn=before_program,
            )
        self.pid = self._popen.pid
        self._pidfd = os.pidfd_open(self.pid)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        # Its session too: it may have started others, and ended before them.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
        if self._ended is None:
            self._reap()
        os.close(self._pidfd)
        os.close(self._answers)

    def line(self) -> str | None:
        """The next line that it answers, without its end; None when there are no more."""
        while b"\n" not in self._unread:
            self._wait_for(self._answers)
            chunk = os.read(self._answers, PIPE_CHUNK_BYTES)
            if not chunk:
                return None
            self._unread += chunk
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode(errors="replace")

    def wait(self) -> Ended:
        """Waits for its end; raises Hung if the limit comes first."""
        if self._ended is None:
            self._wait_for(self._pidfd)
            self._reap()
        assert self._ended is not None
        return self._ended

    def ends_within(self, seconds: float) -> bool:
        """Waits for its end for so long at most, whatever its own limit is."""
        return bool(select.select([self._pidfd], [], [], seconds)[0])

    def said(self) -> str:
        """The last line that it wrote to stderr."""
        lines = self._stderr.read_text(errors="replace").strip().splitlines()
        return lines[-1].strip()[:LONGEST_LINE] if lines else ""

    def _wait_for(self, descriptor: int) -> None:
        passed_s = (time.perf_counter_ns() - self._started_ns) / 1e9
        if not select.select([descriptor], [], [], max(0.0, self._limit_s - passed_s))[0]:
            raise Hung

    def _reap(self) -> None:
        _, status, usage = os.wait4(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        # Or subprocess would wait for a number that may be somebody else's by then.
        self._popen.returncode = code
        cpu_ns = round((usage.ru_utime + usage.ru_stime) * 1e9)
        self._ended = Ended(code, cpu_ns, time.perf_counter_ns() - self._started_ns)
