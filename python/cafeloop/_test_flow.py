"""The flow of a test: recorded while it runs, and drawn if it fails.

It has no thread, so that a test which forks isn't warned of one; it keeps the newest events only;
and it gives way to a recording that the test itself makes.
"""

from __future__ import annotations

import contextlib
import os
import tempfile

from . import _cafeloop
from ._record import Recording

# Some 32,000 events: more than a picture of a test shows.
RING_BYTES = 1 << 20


class Flow:
    """A recording of this process for the time of a test, unless there is one already."""

    def __init__(self, title: str) -> None:
        self._recording = Recording(mode="ring", arguments=True, ring_bytes=RING_BYTES)
        self._recording._settings |= {"command": [title], "watchdog": False}
        self._recording._gives_way = True

    def __enter__(self) -> Flow:
        with contextlib.suppress(RuntimeError):
            self._recording.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._recording.stop()

    def drawn(self, columns: int, has_unicode: bool) -> str:
        """What is known of the test up to now, as `cafeloop flow` draws it in a terminal."""
        if not self._recording.is_going():
            return "It isn't drawn, since another recording was made meanwhile."
        with tempfile.TemporaryDirectory(prefix="cafeloop-") as folder:
            file = os.path.join(folder, "test.flow")
            try:
                return _cafeloop.draw_flow(self._recording.dump(file), columns, has_unicode)
            except OSError as error:
                return f"It isn't drawn: {error}"
