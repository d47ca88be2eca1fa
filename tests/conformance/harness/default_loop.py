"""Puts the loop under test where CPython's tests make a loop by default.

Everything here alters asyncio, or its tests' helpers, in this process and in the children forked
from it: as little as will do, so that what is judged stays CPython's.
"""

import asyncio
from asyncio import unix_events
from typing import Any

from .factory import Factory


def make_default(factory: Factory) -> None:
    """Have asyncio make this loop wherever it makes one by default.

    Only the factory of the default policy changes: everything above it (new_event_loop, Runner,
    run, IsolatedAsyncioTestCase) stays CPython's, and so do the tests that install policies of
    their own.
    """
    # The factory itself and not a function that calls it: a function would become a method, of
    # the policy's here, and of the tests' classes below.
    for name in ("_UnixDefaultEventLoopPolicy", "_DefaultEventLoopPolicy"):
        policy = getattr(unix_events, name, None)
        if policy is not None:
            policy._loop_factory = factory
    if hasattr(asyncio, "EventLoop"):  # 3.13+: the alias of the default loop
        asyncio.EventLoop = factory


def close_by_public_means() -> None:
    """Have the tests' helpers close a loop without reading its private fields.

    TestCase.close_loop looks at loop._default_executor, so that nearly every test would fail on
    a loop that keeps its executor to itself.
    """
    from test.test_asyncio import utils  # after suite.require_package()

    theirs = utils.TestCase.close_loop

    def close_loop(loop: Any) -> None:
        if isinstance(loop, asyncio.BaseEventLoop):
            theirs(loop)
        elif not loop.is_closed():
            loop.run_until_complete(loop.shutdown_default_executor())
            loop.close()

    utils.TestCase.close_loop = staticmethod(close_loop)
