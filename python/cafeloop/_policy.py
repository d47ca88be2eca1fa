"""Making cafeloop's the loop that asyncio makes.

asyncio asks its policy for new loops.  Policies are deprecated since Python 3.14,
where the same functions have private names that don't warn.
"""

import asyncio
import sys
from asyncio import unix_events
from typing import TYPE_CHECKING, ClassVar

from . import _stand_ins
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


def install() -> None:
    """Have asyncio.run, asyncio.Runner and asyncio.new_event_loop make our loop.

    `asyncio.sleep` and `asyncio.gather` are replaced by native ones, which do as
    asyncio's on any other loop.  It holds for the process, threads included; child processes that don't share
    its memory are left alone.  Installing twice is harmless.
    """
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
