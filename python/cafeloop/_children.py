"""Recordings of the processes that a recorded program starts by multiprocessing.

A forked one is seen to by the hook that Python has for forks.  Others are sent what they need by
pickle, among it here a stowaway, which begins a recording when it is unpacked.
"""

from __future__ import annotations

import os
import sys

from . import _import_hook
from ._record import Recording

# The typing module's, which is too slow to load for a name that is false.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    _State = tuple[int, str, dict[str, Any], Any]

# The key of a child's preparation that only this package looks at.
KEY = "cafeloop recording"

# The recording that goes on, and what stood in the place of ours.
_parent: Recording | None = None
_prepare_before: Callable[..., dict[str, Any]] | None = None


def record_children(parent: Recording) -> None:
    """Have further recordings beside this one, until it ends."""
    global _parent
    is_first = _parent is None and _prepare_before is None
    _parent = parent
    if is_first:
        _import_hook.upon_import("multiprocessing.spawn", _patch)


def leave_children() -> None:
    """Go on without them."""
    global _parent
    _parent = None


def go_on_in_child(parent: int, path: str, settings: dict[str, Any]) -> None:
    """In a child: begin a recording of it beside its parent's, which ends with it."""
    recording = Recording(_path_of_child(path))
    recording._settings = {**settings, "parent": parent}
    try:
        # A loop of the parent's runs no more in a fork, though asyncio may not know it yet.
        recording._start(None)
    except (OSError, RuntimeError):
        # It is the parent that is to be recorded; the child goes on without.
        return
    _stop_at_end(recording)


class Stowaway:
    """Begins a recording when it is unpickled, of loops like the parent's."""

    def __init__(self, parent: Recording) -> None:
        # What its own command line says of it tells nobody anything.
        settings = {**parent._settings, "command": list(sys.argv)}
        path = os.path.abspath(parent.path)
        self.state = (parent.process, path, settings, _import_hook.installed)

    def __getstate__(self) -> _State:
        return self.state

    def __setstate__(self, state: _State) -> None:
        self.state = state
        parent, path, settings, loops = state
        go_on_in_child(parent, path, settings)
        if loops is not None:
            # Of asyncio's own loops it would see nothing but a thread.
            _import_hook.install_upon_import(*loops)


def _patch() -> None:
    global _prepare_before
    spawn: Any = sys.modules["multiprocessing.spawn"]
    _prepare_before = spawn.get_preparation_data
    spawn.get_preparation_data = _prepare


def _prepare(name: str) -> dict[str, Any]:
    assert _prepare_before is not None, "it stands in the place of this"
    prepared = _prepare_before(name)
    if _parent is not None:
        prepared[KEY] = Stowaway(_parent)
    return prepared


def _path_of_child(path: str) -> str:
    stem, extension = os.path.splitext(path)
    return f"{stem}.{os.getpid()}{extension}"


def _stop_at_end(recording: Recording) -> None:
    """A child of multiprocessing ends without the interpreter's own end."""
    import atexit

    atexit.register(recording.stop)
    util: Any = sys.modules.get("multiprocessing.util")
    if util is not None:
        # It clears its list of what is to be done at the end, and then calls this.
        util.register_after_fork(recording, _finalize)


def _finalize(recording: Recording) -> None:
    util: Any = sys.modules["multiprocessing.util"]
    util.Finalize(None, recording.stop, exitpriority=-100)
