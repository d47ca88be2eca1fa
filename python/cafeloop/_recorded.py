"""The recording of a program that the command runs."""

from __future__ import annotations

import os
import sys

from . import _cafeloop, _program
from ._record import Recording


# The recording that goes on.
going: Recording | None = None


def begin(asked: _cafeloop.Errand, file: str | None) -> None:
    """Begins to record into `file`, or into the one that was asked for; it ends with the program.

    What the program has registered with atexit runs before, since it was registered later.
    """
    import atexit

    path = file or asked.recording or default_path(asked)
    recording = Recording(path, arguments=asked.shows_arguments)
    try:
        recording.start()
    except OSError as error:
        reason = _program.uncapitalized(error.strerror or str(error))
        raise _program.CannotStart(f"record into {path!r}: {reason}") from None
    atexit.register(end, recording, is_told=file is None)
    global going
    going = recording


def discard() -> None:
    """There was no program: what it did isn't worth a file."""
    if going is not None:
        going.stop()
        os.unlink(going.path)


def default_path(asked: _cafeloop.Errand) -> str:
    """In the working directory, named after the program."""
    if asked.kind == "module":
        return f"{asked.name}.flow"
    # A directory may be named with a slash at its end.
    name = os.path.basename(os.path.abspath(asked.name))
    return f"{os.path.splitext(name)[0]}.flow"


def end(recording: Recording, is_told: bool) -> None:
    if os.getpid() != recording.process or not recording.is_going():
        # A fork has an end of its own; and one may have been discarded.
        return
    try:
        recording.stop()
    except OSError as error:
        reason = _program.uncapitalized(error.strerror or str(error))
        print(f"cafeloop: can't write to {recording.path!r}: {reason}", file=sys.stderr)
        return
    if is_told:
        print(
            f"cafeloop: the flow is in {recording.path}; 'cafeloop flow {recording.path}' draws it",
            file=sys.stderr,
        )
