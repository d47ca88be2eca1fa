"""Random programs, as Python source: coroutine functions that do what programs do with tasks.

The names that a program uses are those of `stage.py`.  What is drawn is small and shrinks to less,
so that a failure shows the shortest program that was found.
"""

import textwrap

from hypothesis import strategies as st

NUMBERS = st.integers(0, 3)
MESSAGES = st.sampled_from(["None", "'first'", "'second'"])
DELAYS = st.sampled_from(["0", "-1", "soon(1)", "soon(2)", "soon(3)", "soon(5)", "AN_HOUR"])
LIMITS = st.sampled_from(["None", "soon(1)", "soon(2)", "soon(4)", "AN_HOUR"])
# Where zero makes no timer: asyncio serves equal deadlines in any order.
LIMITS_OR_ZERO = st.just("0") | LIMITS

# Things that were made before and that a task may await; it can't be one that awaits it in turn.
MADE = st.one_of(
    st.builds("future({})".format, NUMBERS),
    st.builds("later_task({})".format, NUMBERS),
    st.builds("asyncio.shield(later_task({}))".format, NUMBERS),
    st.builds("asyncio.shield(future({}))".format, NUMBERS),
)

AWAITABLES = st.one_of(
    st.builds("asyncio.sleep({}, 'slept')".format, DELAYS),
    MADE,
    st.just("event.wait()"),
    st.just("semaphore.acquire()"),
    st.just("queue.put('cup')"),
    st.just("queue.get()"),
    st.builds(
        "asyncio.wait([{}, {}], timeout={}, return_when=asyncio.{})".format,
        MADE,
        MADE,
        LIMITS,
        st.sampled_from(["FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED"]),
    ),
)

THINGS = st.builds("{}({})".format, st.sampled_from(["task", "future"]), NUMBERS)

# What both tasks and callbacks do, at once: a function and its arguments.
DEEDS = st.one_of(
    st.builds("cancel, {}, {}".format, THINGS, MESSAGES),
    st.builds("future({}).set_result, 'settled'".format, NUMBERS),
    st.builds("future({}).set_exception, Spilt('spoilt')".format, NUMBERS),
    st.sampled_from(["event.set", "event.clear", "semaphore.release", "queue.get_nowait"]),
)

LINES = st.one_of(
    st.builds("note(await {})".format, AWAITABLES),
    st.builds("note(await {})".format, MADE),
    st.just("await asyncio.sleep(0)"),
    st.builds("attempt({})".format, DEEDS),
    st.builds("loop.call_soon(attempt, {})".format, DEEDS),
    st.builds(
        "loop.call_later({}, attempt, {})".format, st.sampled_from(["soon(1)", "soon(3)"]), DEEDS
    ),
    st.builds("{}.add_done_callback(note)".format, THINGS),
    st.sampled_from(
        ["note(asyncio.current_task().uncancel())", "raise Spilt('milk')", "return 'served'"]
    ),
)


def statements(blocks):
    """What has blocks in it: a way to write it, its details, and the blocks."""
    return st.one_of(
        st.tuples(st.just(Writer.spawn), blocks),
        st.tuples(
            st.just(Writer.gather), st.lists(AWAITABLES, max_size=2), st.booleans(), blocks, blocks
        ),
        st.tuples(st.just(Writer.cancelled_gather), MESSAGES, st.booleans(), blocks, blocks),
        st.tuples(st.just(Writer.wait_for), LIMITS_OR_ZERO, blocks),
        st.tuples(st.just(Writer.timeout), LIMITS_OR_ZERO, blocks),
        st.tuples(st.just(Writer.group), blocks, blocks, blocks),
        st.tuples(st.just(Writer.lock), blocks),
        st.tuples(st.just(Writer.swallow), st.booleans(), blocks),
        st.tuples(st.just(Writer.finish), blocks, blocks),
    )


class Writer:
    """Writes a block, and a function for each block in it that is to be a coroutine of its own."""

    def __init__(self, blocks):
        self.functions = [None] * len(blocks)
        for place, block in enumerate(blocks):
            self.write(place, block)

    def write(self, place, block):
        body = textwrap.indent(self.block(block), " " * 8)
        self.functions[place] = f"async def guest_{place}():\n    with noting({place}):\n{body}"

    def function(self, block):
        place = len(self.functions)
        self.functions.append(None)
        self.write(place, block)
        return f"guest_{place}"

    def block(self, block):
        lines = []
        for each in block:
            line = each if isinstance(each, str) else each[0](self, *each[1:])
            lines.append(line + "\n")
            if line.startswith(("raise", "return")):
                break
        return "".join(lines)

    def under(self, head, block):
        return f"{head}\n{textwrap.indent(self.block(block), '    ').rstrip()}"

    def spawn(self, block):
        return f"spawn({self.function(block)})"

    def gathering(self, others, return_exceptions, blocks):
        children = ", ".join([f"{self.function(block)}()" for block in blocks] + others)
        return f"asyncio.gather({children}, return_exceptions={return_exceptions})"

    def gather(self, others, return_exceptions, *blocks):
        return f"note(await {self.gathering(others, return_exceptions, blocks)})"

    def cancelled_gather(self, message, return_exceptions, *blocks):
        return (
            f"gathering = {self.gathering([], return_exceptions, blocks)}\n"
            f"loop.call_soon(attempt, cancel, gathering, {message})\n"
            "note(await gathering)"
        )

    def wait_for(self, limit, block):
        return f"note(await asyncio.wait_for({self.function(block)}(), {limit}))"

    def timeout(self, limit, block):
        return self.under(f"async with asyncio.timeout({limit}):", block)

    def group(self, block, *children):
        joins = "".join(f"\n    join(group, {self.function(child)})" for child in children)
        return self.under("async with Group() as group:" + joins, block)

    def lock(self, block):
        return self.under("async with lock:", block)

    def swallow(self, uncancel, block):
        kinds = "(Spilt, TimeoutError, asyncio.CancelledError)"
        taken_back = "\n    asyncio.current_task().uncancel()" if uncancel else ""
        return (
            self.under("try:", block)
            + f"\nexcept {kinds} as error:\n    note(error){taken_back}"
        )

    def finish(self, block, last):
        return self.under("try:", block) + "\n" + self.under("finally:", last)


def write(blocks):
    """A program whose tasks all begin in the first turn: `guest_0`, `guest_1` and so on."""
    return "\n".join(Writer(blocks).functions)


BLOCKS = st.recursive(
    st.lists(LINES, min_size=1, max_size=4),
    lambda blocks: st.lists(statements(blocks) | LINES, min_size=1, max_size=4),
    max_leaves=16,
)

#: The source, and how many tasks there are in the first turn.
PROGRAMS = st.lists(BLOCKS, min_size=1, max_size=4).map(lambda blocks: (write(blocks), len(blocks)))
