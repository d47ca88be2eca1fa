"""Has a program recorded in a process of its own, and draws what it did.

In a process of its own, because whatever ends it then leaves somebody to draw: an exit without
cleaning up, a signal, a crash of the interpreter.  That process is a fork of this one, so that it
has all that this one was started with.  Until it ends, signals are its business.
"""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]
import os
import sys
import time

from . import _cafeloop

# The typing module's, which is too slow to load for a name that is false.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

CANNOT_DRAW = 2
# Where nobody says how wide it is.
COLUMNS = 80
# SI_KERNEL in <asm-generic/siginfo.h>: what the terminal sends goes to all its processes.
FROM_TERMINAL = 0x80


def record_and_draw(
    asked: _cafeloop.Errand, run: Callable[[_cafeloop.Errand, str | None], int]
) -> int:
    """Runs a program recorded, draws what it did, and ends as it has ended."""
    if refused := unwritable(asked.picture_files()):
        return complain(refused)
    folder = os.path.join(
        os.environ.get("TMPDIR", "/tmp"), f"cafeloop-{os.getpid()}-{time.time_ns()}"
    )
    try:
        os.mkdir(folder, 0o700)
    except OSError as error:
        return complain(f"can't record into {folder!r}: {reason(error)}")
    recording = os.path.join(folder, "program.flow")
    signals = _signal.valid_signals()
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, signals)
    program = os.fork()
    if program == 0:
        _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
        return run(asked, recording)
    status = attend(program, signals)
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)
    _signal.pthread_sigmask(_signal.SIG_SETMASK, before)
    drawn = 0
    try:
        # Without one, it has said already why it couldn't start.
        if os.path.exists(recording):
            drawn = draw_files(asked, [recording, *of_children(recording)])
    finally:
        remove(folder)
    return end_like(status) or drawn


def draw(asked: _cafeloop.Errand) -> int:
    """Draws recordings that there are."""
    if refused := unwritable(asked.picture_files()):
        return complain(refused)
    (recording,) = asked.recordings
    return draw_files(asked, [recording, *of_children(recording)])


def compare(asked: _cafeloop.Errand) -> int:
    before, after = asked.recordings
    return asked.compare((before, after), *screen())


def draw_files(asked: _cafeloop.Errand, recordings: list[str]) -> int:
    code = asked.draw(recordings, *screen())
    if code == 0:
        for file in asked.picture_files():
            print(f"cafeloop: the flow is drawn in {file}", file=sys.stderr)
    return code


# --- the program's process


def attend(program: int, signals: object) -> int:
    """Waits for the program to end, and passes on what only this process was sent."""
    while True:
        told = _signal.sigwaitinfo(signals)
        if told.si_signo == _signal.SIGCHLD:
            process, status = os.waitpid(program, os.WNOHANG | os.WUNTRACED)
            if process == program and not os.WIFSTOPPED(status):
                return status
            if process == program:
                # Whoever waits for us is to see that it has stopped.
                os.kill(os.getpid(), _signal.SIGSTOP)
        elif told.si_code != FROM_TERMINAL:
            os.kill(program, told.si_signo)


def end_like(status: int) -> int:
    """The program's exit code; or this process ends by the signal that has ended the program."""
    if os.WIFSIGNALED(status):
        ended_by = os.WTERMSIG(status)
        sys.stdout.flush()
        leave_no_core()
        if ended_by not in (_signal.SIGKILL, _signal.SIGSTOP):
            _signal.signal(ended_by, _signal.SIG_DFL)
        os.kill(os.getpid(), ended_by)
    return os.waitstatus_to_exitcode(status)


def leave_no_core() -> None:
    """The program's own, if there is one, is what somebody may want to look at."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def of_children(recording: str) -> list[str]:
    """The recordings beside one that may be of processes which the program started.

    They are named after it and their processes; that those are its own, they say themselves.
    """
    folder, name = os.path.split(recording)
    stem, extension = os.path.splitext(name)
    try:
        names = os.listdir(folder or ".")
    except OSError:
        return []
    return [os.path.join(folder, name) for name in sorted(names)
            if name.startswith(f"{stem}.") and name.endswith(extension)
            and name[len(stem) + 1 : -len(extension)].replace(".", "").isdigit()]


def remove(folder: str) -> None:
    for name in os.listdir(folder):
        os.unlink(os.path.join(folder, name))
    os.rmdir(folder)


# --- where it is drawn


def screen() -> tuple[int, bool, bool]:
    """Columns of stdout, whether it shows colours, and whether it shows more than ASCII."""
    is_terminal = sys.stdout.isatty()
    has_colours = is_terminal and not os.environ.get("NO_COLOR") \
        and os.environ.get("TERM") != "dumb"
    has_unicode = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    return columns(is_terminal), has_colours, has_unicode


def columns(is_terminal: bool) -> int:
    if is_terminal:
        try:
            return os.get_terminal_size(sys.stdout.fileno()).columns or COLUMNS
        except OSError:
            pass
    given = os.environ.get("COLUMNS", "")
    return int(given) if given.isdigit() and int(given) > 0 else COLUMNS


def unwritable(files: list[str]) -> str | None:
    """Why one of them can't be written to, before a program runs in vain."""
    for file in files:
        was_there = os.path.exists(file)
        try:
            os.close(os.open(file, os.O_WRONLY | os.O_CREAT, 0o666))
        except OSError as error:
            return f"can't write {os.fspath(file)!r}: {reason(error)}"
        if not was_there:
            os.unlink(file)
    return None


def complain(what: str) -> int:
    print(f"cafeloop: {what}", file=sys.stderr)
    return CANNOT_DRAW


def reason(error: OSError) -> str:
    text = error.strerror or str(error)
    return text[:1].lower() + text[1:]
