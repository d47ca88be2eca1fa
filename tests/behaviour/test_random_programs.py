"""Random programs of tasks leave the same trace on asyncio and on cafeloop.

A program is Python source, made of what programs do with tasks; a failure shows the shortest one
that was found.  It runs turn by turn.  Everything that it can see is in the trace: the turn, how
often a task has been asked to end, every result, and every exception with its message.

More programs than the few of each test run: `pytest --hypothesis-profile=long`.
"""

import asyncio
import contextlib
import importlib
import textwrap

import hypothesis
import pytest
from hypothesis import strategies as st

AN_HOUR = 3600

# Far above what a program of this size needs; those that wait for ever are cut off here.
MOST_TURNS = 60

COUNT = st.integers(0, 3)
MESSAGE = st.sampled_from(["None", "'first'", "'second'"])
# In turns, by a clock that counts them; by a real one each is over at the next turn.
DELAY = st.sampled_from(["0", "-1", "soon(1)", "soon(2)", "soon(3)", "soon(5)", "AN_HOUR"])
LIMIT = st.sampled_from(["None", "0", "soon(1)", "soon(2)", "soon(4)", "AN_HOUR"])

# What is done at once, by tasks and by callbacks.  `task(n)` is the nth of those made so far.
DEEDS = st.one_of(
    st.builds("cancel, task({}), {}".format, COUNT, MESSAGE),
    st.builds("cancel, future({}), {}".format, COUNT, MESSAGE),
    st.builds("settle, future({})".format, COUNT),
    st.builds("spoil, future({})".format, COUNT),
    st.builds("event.{}".format, st.sampled_from(["set", "clear"])),
    st.builds("queue_of_two.{}".format, st.sampled_from(["get_nowait", "empty"])),
    st.just("semaphore.release"),
)

# Whatever can be awaited and has been made before.
MADE = st.one_of(
    st.builds("task({})".format, COUNT),
    st.builds("future({})".format, COUNT),
    st.builds("asyncio.shield(task({}))".format, COUNT),
    st.builds("asyncio.shield(future({}))".format, COUNT),
)

WAITS = st.one_of(
    st.builds("asyncio.sleep({}, 'slept')".format, DELAY),
    MADE,
    st.just("event.wait()"),
    st.just("queue_of_two.put('cup')"),
    st.just("queue_of_two.get()"),
    st.just("semaphore.acquire()"),
    st.builds(
        "asyncio.wait([{}, {}], timeout={}, return_when={!r})".format,
        MADE,
        MADE,
        LIMIT,
        st.sampled_from(["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]),
    ),
)

# A block is a list of statements; a statement is a line or a tuple: its kind, its details and the
# blocks in it.
LINES = st.one_of(
    st.builds("note(await {})".format, WAITS),
    st.builds("attempt({})".format, DEEDS),
    st.builds("asyncio.get_running_loop().call_soon(attempt, {})".format, DEEDS),
    st.builds(
        "asyncio.get_running_loop().call_later({}, attempt, {})".format,
        st.sampled_from(["soon(1)", "soon(3)"]),
        DEEDS,
    ),
    st.builds("task({}).add_done_callback(note)".format, COUNT),
    st.builds("future({}).add_done_callback(note)".format, COUNT),
    st.just("note(asyncio.current_task().uncancel())"),
    st.just("raise Spilt('milk')"),
    st.just("return 'served'"),
)


def statements(blocks):
    return st.one_of(
        st.tuples(st.just("spawn"), blocks),
        st.tuples(st.just("gather"), st.lists(WAITS, max_size=2), st.booleans(), blocks, blocks),
        st.tuples(st.just("cancelled gather"), MESSAGE, st.booleans(), blocks, blocks),
        st.tuples(st.just("wait_for"), LIMIT, blocks),
        st.tuples(st.just("timeout"), LIMIT, blocks),
        st.tuples(st.just("group"), blocks, blocks, blocks),
        st.tuples(st.just("lock"), blocks),
        st.tuples(st.just("swallow"), st.booleans(), blocks),
        st.tuples(st.just("finally"), blocks, blocks),
    )


BLOCKS = st.recursive(
    st.lists(LINES, max_size=4),
    lambda blocks: st.lists(st.one_of(LINES, statements(blocks)), max_size=5),
    max_leaves=12,
)


class Writer:
    """Writes a program's source: the coroutine functions in it are named in their order."""

    def __init__(self, block):
        self.functions = []
        self.function(block)
        self.source = "\n".join(self.functions)

    def function(self, block):
        name = f"guest_{len(self.functions)}"
        self.functions.append(None)
        body = self.block(block)
        self.functions[int(name.removeprefix("guest_"))] = (
            f"async def {name}():\n    with noting('{name}'):\n" + textwrap.indent(body, " " * 8)
        )
        return name

    def block(self, block):
        lines = [each if isinstance(each, str) else self.statement(*each) for each in block]
        return "".join(f"{each}\n" for each in lines) or "pass\n"

    def statement(self, kind, *parts):
        return getattr(self, "write_" + kind.replace(" ", "_"))(*parts)

    def indented(self, head, block):
        return head + "\n" + textwrap.indent(self.block(block), "    ").rstrip()

    def write_spawn(self, block):
        name = self.function(block)
        return f"tasks.append(asyncio.create_task({name}(), name='{name}'))"

    def gathering(self, others, return_exceptions, blocks):
        children = ", ".join([f"{self.function(block)}()" for block in blocks] + others)
        return f"asyncio.gather({children}, return_exceptions={return_exceptions})"

    def write_gather(self, others, return_exceptions, *blocks):
        others = [each for each in others if not each.startswith("asyncio.wait(")]
        return f"note(await {self.gathering(others, return_exceptions, blocks)})"

    def write_cancelled_gather(self, message, return_exceptions, *blocks):
        return (
            f"gathering = {self.gathering([], return_exceptions, blocks)}\n"
            f"asyncio.get_running_loop().call_soon(attempt, cancel, gathering, {message})\n"
            "note(await gathering)"
        )

    def write_wait_for(self, limit, block):
        return f"note(await asyncio.wait_for({self.function(block)}(), {limit}))"

    def write_timeout(self, limit, block):
        return self.indented(f"async with asyncio.timeout({limit}):", block)

    def write_group(self, block, *children):
        joining = "".join(f"join(group, {self.function(child)})\n" for child in children)
        head = "async with Group() as group:\n" + textwrap.indent(joining, "    ").rstrip()
        return self.indented(head, block)

    def write_lock(self, block):
        return self.indented("async with lock:", block)

    def write_swallow(self, uncancel, block):
        handler = "note(error)"
        if uncancel:
            handler += "\n    asyncio.current_task().uncancel()"
        return (
            self.indented("try:", block)
            + "\nexcept (Spilt, TimeoutError, asyncio.CancelledError) as error:"
            + f"\n    {handler}"
        )

    def write_finally(self, block, last):
        return self.indented("try:", block) + "\n" + self.indented("finally:", last)
