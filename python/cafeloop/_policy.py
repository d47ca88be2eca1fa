"""Making cafeloop's the loop that asyncio makes.

asyncio asks its policy for new loops.  Policies are deprecated since Python 3.14,
where the same functions have private names that don't warn.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import unix_events
from typing import TYPE_CHECKING, ClassVar, Literal

import cafeloop

from . import _loop, _stand_ins
from ._loop import Loop, new_event_loop

if TYPE_CHECKING:
    _DefaultPolicy = asyncio.DefaultEventLoopPolicy
elif sys.version_info >= (3, 14):
    _DefaultPolicy = unix_events._DefaultEventLoopPolicy
else:
    _DefaultPolicy = asyncio.DefaultEventLoopPolicy


class EventLoopPolicy(_DefaultPolicy):
    """asyncio's default policy, with cafeloop's loops."""

    #: Loops made by all such policies of the process.
    made: ClassVar[int] = 0

    def new_event_loop(self) -> Loop:
        loop = new_event_loop()
        EventLoopPolicy.made += 1
        return loop


_before: asyncio.AbstractEventLoopPolicy | None = None
_stands_in = False


def install(
    *, clock: Literal["real", "virtual"] | cafeloop.VirtualClock | None = None, seed: int | None = None
) -> None:
    """Have asyncio.run, asyncio.Runner and asyncio.new_event_loop make our loop.

    `asyncio.sleep` and `asyncio.gather` are replaced by native ones, which do as
    asyncio's on any other loop.  It holds for the process, threads included; child processes that don't share
    its memory are left alone.  Installing twice is harmless.

    `clock` and `seed` are as in `new_event_loop`, and hold for all loops of the process that
    aren't told otherwise, those of `cafeloop.run` and `cafeloop.new_event_loop` too, until
    `uninstall()`.  "virtual" is a clock for each loop, a `VirtualClock` is one for all of them.
    Each loop has the same seed, so that what it does depends on no other.  What isn't given
    stays as it is.  Raises ValueError for what is no clock or no seed.
    """
    _loop.go_by(clock, seed)
    global _before, _stands_in
    current = _get_policy()
    if not isinstance(current, EventLoopPolicy):
        _before = current
        _set_policy(EventLoopPolicy())
    if not _stands_in:
        _stands_in = True
        _stand_ins.put()


def uninstall() -> None:
    """Go back to the policy that was in place before `install()`.

    Harmless if it isn't installed, or if somebody has set another policy since.
    """
    global _before, _stands_in
    _loop.go_by_nothing()
    if isinstance(_get_policy(), EventLoopPolicy):
        _set_policy(_before)
    _before = None
    if _stands_in:
        _stands_in = False
        _stand_ins.take_back()


if sys.version_info >= (3, 14):
    _get_policy = asyncio.events._get_event_loop_policy
    _set_policy = asyncio.events._set_event_loop_policy
else:
    _get_policy = asyncio.get_event_loop_policy
    _set_policy = asyncio.set_event_loop_policy
