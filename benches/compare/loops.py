"""The loops that are compared, and how a program gets each of them.

A new peer is one line in `LOOPS`.  Each is used as its own documents say that a program should.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Loop:
    name: str
    #: Statements, and the expression that then gives a new loop.
    imports: str
    new_loop: str
    #: The module that the loop's class must come from: a peer that silently falls back to
    #: asyncio's loop would be compared with itself.
    package: str
    #: What pip installs; None where the loop comes with Python or with this project.
    distribution: str | None = None


def _peer(name: str) -> Loop:
    """They all agree on one way in."""
    return Loop(name, f"import {name}", f"{name}.new_event_loop()", name, distribution=name)


ASYNCIO = Loop("asyncio", "import asyncio", "asyncio.SelectorEventLoop()", "asyncio")
CAFELOOP = Loop(
    "cafeloop",
    "import cafeloop; cafeloop.install()",
    "cafeloop.new_event_loop()",
    "cafeloop",
)
PEERS = tuple(map(_peer, ("uvloop", "rloop", "rsloop", "zuvloop", "blazio", "zloop")))

#: In the order in which they're shown.
LOOPS = (ASYNCIO, *PEERS, CAFELOOP)

#: Stands among the loops for the program that a server row names as its limit.
LIMIT = "epoll"
