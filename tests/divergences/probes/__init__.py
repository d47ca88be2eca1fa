"""Behaviours in which loops differ, each with a probe: a function that tries it on a loop and says
in a few words what happened.

A probe says what it saw, never what it expected, and nothing that varies between two runs.
"""

import contextlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass

# Turns after which what hasn't come won't come.
MOST_TURNS = 200

FAMILIES = (
    "tasks", "scheduling", "descriptors", "sockets", "connections", "tls", "datagrams", "processes",
    "signals", "faces",
)


@dataclass(frozen=True)
class Behaviour:
    title: str
    #: Why cafeloop differs, where it does.
    why: str
    probe: Callable[[Callable[[], object]], str]

    @property
    def name(self):
        return f"{self.probe.__module__.rpartition('.')[2]}.{self.probe.__name__}"


_behaviours = []


def behaviour(title, why=""):
    """Registers a probe, which is given a loop and closes nothing."""

    def register(probe):
        _behaviours.append(Behaviour(title, why, probe))
        return probe

    return register


def all_behaviours():
    for family in FAMILIES:
        importlib.import_module(f"{__name__}.{family}")
    return tuple(_behaviours)


# --- what probes are made of


def outcome(function, *args, **kwargs):
    """How a call ended, in a word."""
    try:
        function(*args, **kwargs)
    except BaseException as error:
        return type(error).__name__
    return "works"


def of(loop, awaitable):
    """How awaiting something ended, in a word."""
    return outcome(loop.run_until_complete, awaitable)


def turn(loop):
    loop.call_soon(loop.stop)
    loop.run_forever()


def turns_until(loop, condition):
    """Runs turns until a condition holds, and says whether it came to hold."""
    for _ in range(MOST_TURNS):
        if condition():
            return True
        turn(loop)
    return condition()


def yes(condition):
    return "yes" if condition else "no"


@contextlib.contextmanager
def reports(loop):
    """The contexts that the exception handler is given meanwhile."""
    seen = []
    loop.set_exception_handler(lambda _, context: seen.append(context))
    yield seen
    loop.set_exception_handler(None)
