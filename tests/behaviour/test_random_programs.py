"""Random programs of tasks leave the same trace on asyncio and on cafeloop.

The trace has everything that a program can see: in which turn what ran, how often its task had
been asked to end, every result, and every exception with its message.

More programs than the few of a usual run: `pytest --hypothesis-profile=long`.
"""

import asyncio
import contextlib
import sys
import warnings

import cafeloop
import hypothesis
import pytest

from programs.source import PROGRAMS
from programs.stage import Stage, TurnStage

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("left_as_found"),
    # Older versions of hypothesis misjudge their own reference counts on Python 3.14.
    pytest.mark.filterwarnings("ignore:It looks like `register_random` was passed an object"),
]


def by_the_real_clock(loop_class):
    return Stage(loop_class())


def by_turns(loop_class):
    """Time stands still within a turn, and is overridden as programs override it."""

    class Loop(loop_class):
        def time(self):
            return self.stage.turn if hasattr(self, "stage") else 0

    loop = Loop()
    loop.stage = TurnStage(loop)
    return loop.stage


def with_eager_tasks(loop_class):
    stage = Stage(loop_class())
    stage.loop.set_task_factory(asyncio.eager_task_factory)
    return stage


WAYS = [by_the_real_clock, by_turns]
if sys.version_info >= (3, 12):
    WAYS.append(with_eager_tasks)


@contextlib.contextmanager
def installed():
    cafeloop.install()
    try:
        yield
    finally:
        cafeloop.uninstall()


def trace_of(code, guests, stage):
    with contextlib.closing(stage.loop):
        trace = stage.run(code, guests)
        stage.clear()
    return trace


@hypothesis.given(program=PROGRAMS)
def test_a_program_leaves_the_same_trace(program):
    source, guests = program
    hypothesis.note(source)
    with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
        # A random program may well return from a `finally`.
        code = compile(source, "<program>", "exec")
    for way in WAYS:
        expected = trace_of(code, guests, way(asyncio.SelectorEventLoop))
        assert trace_of(code, guests, way(cafeloop.Loop)) == expected, way
        with installed():
            assert trace_of(code, guests, way(cafeloop.Loop)) == expected, way
            assert trace_of(code, guests, way(asyncio.SelectorEventLoop)) == expected, way
