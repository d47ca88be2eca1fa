"""Level A: the test mixins that CPython wrote to be given a loop, given the loop under test.

Each area names the module and the mixins, and the method that CPython's own subclasses override
to say which loop: here it answers the factory's.
"""

import importlib
import unittest
from typing import NamedTuple

from .factory import Factory

PACKAGE = "test.test_asyncio"


class Area(NamedTuple):
    """Where the mixins of an area are, and how they are told their loop."""

    module: str
    mixins: tuple[str, ...]
    method: str


AREAS = {
    "events": Area(
        "test_events", ("EventLoopTestsMixin", "SubprocessTestsMixin"), "create_event_loop"
    ),
    "sock": Area("test_sock_lowlevel", ("BaseSockTestsMixin",), "create_event_loop"),
    "sendfile": Area("test_sendfile", ("SendfileTestsBase",), "create_event_loop"),
    "server": Area("test_server", ("BaseStartServer",), "new_loop"),
    "buffered": Area("test_buffered_proto", ("BaseTestBufferedProtocol",), "new_loop"),
    "starttls": Area("test_sslproto", ("BaseStartTLS",), "new_loop"),
    "subprocess": Area("test_subprocess", ("SubprocessMixin",), "setUp"),
    # Not mixins, but public behaviour behind a setUp that names a class.
    "unixsock": Area("test_unix_events", ("SelectorEventLoopUnixSocketTests",), "setUp"),
    "pipeobjs": Area("test_events", ("UnixPipeObjectSupportTests",), "setUp"),
}


def plug(name: str, area: Area, factory: Factory) -> type[unittest.TestCase] | None:
    """The area as a test case on the factory's loop; None if this Python has no such mixin."""
    from test.test_asyncio import utils  # after suite.require_package()

    try:
        source = importlib.import_module(f"{PACKAGE}.{area.module}")
    except ModuleNotFoundError:
        return None
    if not all(hasattr(source, mixin) for mixin in area.mixins):
        return None
    bases = [getattr(source, mixin) for mixin in area.mixins]
    if not any(issubclass(base, unittest.TestCase) for base in bases):
        # The mixins with new_loop() bring a setUp and a tearDown of their own.
        bases.append(unittest.TestCase if area.method == "new_loop" else utils.TestCase)
    asyncio_case = issubclass(bases[-1], utils.TestCase)

    def set_up(self) -> None:
        # Past the setUp that would make CPython's own loop.
        (utils.TestCase if asyncio_case else unittest.TestCase).setUp(self)
        self.loop = factory()
        if asyncio_case:
            self.set_event_loop(self.loop)
        else:
            self.addCleanup(self.loop.close)

    def make_loop(self):
        return factory()

    override = set_up if area.method == "setUp" else make_loop
    override.__name__ = area.method
    return type(name, tuple(bases), {area.method: override, "__module__": source.__name__})
