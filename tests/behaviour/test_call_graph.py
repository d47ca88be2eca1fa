"""Who waits for whom: `asyncio.capture_call_graph` within, and `python -m asyncio` from outside."""

import asyncio
import re
import subprocess
import sys

import pytest

if sys.version_info < (3, 14):
    pytest.skip("call graphs came with Python 3.14", allow_module_level=True)

pytestmark = pytest.mark.usefixtures("names")

AN_HOUR = 3600

LIMIT_SECONDS = 60


async def leaf(thing):
    return await thing


async def branch(thing):
    return await leaf(thing)


def drawn(graph):
    """A call graph as the names of its functions, innermost first, and of those who wait."""
    frames = [entry.frame.f_code.co_name for entry in graph.call_stack]
    name = graph.future.get_name() if isinstance(graph.future, asyncio.Task) else "future"
    return name, frames, sorted(drawn(waiter) for waiter in graph.awaited_by)


@pytest.fixture
def graph_of(loop, turn):
    """Lets tasks come to rest, and draws who waits for one thing in the end."""

    def graph_of(thing):
        for _ in range(5):
            turn()
        return drawn(asyncio.capture_call_graph(thing))

    yield graph_of
    for task in asyncio.all_tasks(loop):
        task.cancel()
    for _ in range(5):
        turn()


def test_a_tasks_graph_is_its_coroutines_stack(loop, graph_of):
    task = loop.create_task(branch(loop.create_future()), name="guest")
    assert graph_of(task) == ("guest", ["leaf", "branch"], [])


def test_a_future_knows_who_awaits_it(loop, graph_of):
    future = loop.create_future()
    task = loop.create_task(branch(future), name="guest")
    assert graph_of(future) == ("future", [], [("guest", ["leaf", "branch"], [])])
    assert future._asyncio_awaited_by == {task}


def test_a_future_knows_all_of_several_who_await_it(loop, graph_of):
    future = loop.create_future()
    tasks = [loop.create_task(leaf(future), name=f"guest {number}") for number in range(3)]
    assert graph_of(future) == (
        "future",
        [],
        [(f"guest {number}", ["leaf"], []) for number in range(3)],
    )
    assert future._asyncio_awaited_by == set(tasks)


def test_nobody_awaits_what_was_never_awaited_or_is_done(loop, turn):
    future = loop.create_future()
    assert future._asyncio_awaited_by is None
    task = loop.create_task(leaf(future))
    turn()
    assert future._asyncio_awaited_by == {task}
    future.set_result(None)
    turn()
    assert not future._asyncio_awaited_by
    assert not task._asyncio_awaited_by
    assert task.done()


def test_those_who_were_cancelled_await_no_longer(loop, turn):
    future = loop.create_future()
    inner = loop.create_task(leaf(future))
    tasks = [loop.create_task(leaf(asyncio.shield(inner)), name=str(n)) for n in range(2)]
    for _ in range(2):
        turn()
    tasks[0].cancel()
    for _ in range(3):
        turn()
    names = {task.get_name() for task in inner._asyncio_awaited_by or ()}
    assert "0" not in names
    tasks[1].cancel()
    inner.cancel()
    for _ in range(3):
        turn()


def test_a_chain_of_tasks_is_followed_to_its_beginning(loop, graph_of):
    tasks = [loop.create_task(branch(loop.create_future()), name="0")]
    for number in range(1, 4):
        tasks.append(loop.create_task(leaf(tasks[-1]), name=str(number)))
    assert graph_of(tasks[0]) == (
        "0",
        ["leaf", "branch"],
        [("1", ["leaf"], [("2", ["leaf"], [("3", ["leaf"], [])])])],
    )


def test_a_group_awaits_its_tasks(loop, graph_of):
    future = loop.create_future()

    async def parent():
        async with asyncio.TaskGroup() as group:
            group.create_task(leaf(future), name="child")
            group.create_task(leaf(loop.create_future()), name="sibling")

    loop.create_task(parent(), name="parent")
    _, _, ((child, frames, ((name, parents_frames, _),)),) = graph_of(future)
    assert (child, frames, name) == ("child", ["leaf"], "parent")
    assert parents_frames[-1] == "parent"


def test_a_gathering_awaits_its_children(loop, graph_of):
    future = loop.create_future()
    child = loop.create_task(branch(future), name="child")

    async def parent():
        await asyncio.gather(child, leaf(loop.create_future()), loop.create_future())

    loop.create_task(parent(), name="parent")
    assert graph_of(future) == (
        "future",
        [],
        [("child", ["leaf", "branch"], [("parent", ["parent"], [])])],
    )


def test_children_that_outlive_their_gathering_are_awaited_by_nobody(loop, turn):
    async def spill():
        raise ValueError("spilt")

    async def parent():
        with pytest.raises(ValueError):
            await asyncio.gather(child, spill())
        await loop.create_future()

    child = loop.create_task(leaf(loop.create_future()), name="child")
    task = loop.create_task(parent(), name="parent")
    for _ in range(5):
        turn()
    assert not child._asyncio_awaited_by
    for each in (child, task):
        each.cancel()
    turn()
    turn()


WAYS = {
    "wait": lambda thing: asyncio.wait([thing]),
    "wait_for": lambda thing: asyncio.wait_for(thing, AN_HOUR),
    "shield": lambda thing: leaf(asyncio.shield(thing)),
    "gather": lambda thing: leaf(asyncio.gather(thing)),
    "nested gather": lambda thing: leaf(asyncio.gather(asyncio.gather(thing))),
    "timeout": lambda thing: limited(thing),
}


async def limited(thing):
    async with asyncio.timeout(AN_HOUR):
        await thing


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_whoever_waits_in_any_way_is_known(loop, turn, way):
    async def parent():
        await way(child)

    child = loop.create_task(leaf(loop.create_future()), name="child")
    task = loop.create_task(parent(), name="parent")
    for _ in range(3):
        turn()
    (waiter,) = child._asyncio_awaited_by
    assert waiter is task
    child.cancel()
    for _ in range(4):
        turn()
    assert task.done()
    assert not child._asyncio_awaited_by
    assert task.cancelled() or task.exception() is None


def test_the_current_task_is_drawn_from_where_it_asks(loop):
    def ask():
        return drawn(asyncio.capture_call_graph())

    async def asking():
        return ask()

    async def main():
        return await asking()

    name, frames, _ = loop.run_until_complete(loop.create_task(main(), name="main"))
    assert (name, frames) == ("main", ["ask", "asking", "main"])


def test_without_a_task_there_is_no_graph(loop, turn):
    seen = []
    loop.call_soon(lambda: seen.append(asyncio.capture_call_graph()))
    turn()
    assert seen == [None]


def test_a_graph_is_printed(loop, graph_of):
    future = loop.create_future()
    task = loop.create_task(branch(future), name="guest")
    graph_of(task)
    lines = asyncio.format_call_graph(future).splitlines()
    assert lines[0] == f"* Future(id={id(future):#x})"
    assert lines[1] == "  + Awaited by:"
    assert lines[2] == f"    * Task(name='guest', id={id(task):#x})"
    assert [line.rpartition(" in ")[2] for line in lines[4:]] == ["async leaf()", "async branch()"]


def test_a_sleep_is_a_frame_of_the_task_that_sleeps(loop, graph_of):
    async def tired():
        await asyncio.sleep(AN_HOUR)

    task = loop.create_task(tired(), name="tired")
    assert graph_of(task) == ("tired", ["sleep", "tired"], [])


def test_a_task_that_begins_eagerly_is_awaited_from_its_first_wait_on(loop):
    async def main():
        future = loop.create_future()
        task = loop.create_task(leaf(future), eager_start=True, name="eager")
        known = future._asyncio_awaited_by == {task}
        future.set_result(None)
        await task
        return known

    assert loop.run_until_complete(main())


PROGRAM = """
import asyncio

async def leaf(thing):
    await thing

async def branch(thing):
    await leaf(thing)

async def gather(child):
    await asyncio.gather(child)

async def main():
    future = asyncio.get_running_loop().create_future()
    async with asyncio.TaskGroup() as group:
        gathered = group.create_task(branch(future), name="gathered")
        gatherer = group.create_task(gather(gathered), name="gatherer")
        for number in range(2):
            group.create_task(leaf(gatherer), name=f"waiter {number}")
        for _ in range(5):
            await asyncio.sleep(0)
        print("ready", flush=True)

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
"""


@pytest.fixture
def look_from_outside(start_script):
    """Runs the program, and a command of `python -m asyncio` on it."""

    def look_from_outside(command):
        program = start_script(PROGRAM)
        assert program.stdout.readline() == "ready\n"
        looking = subprocess.run(
            [sys.executable, "-m", "asyncio", command, str(program.pid)],
            capture_output=True,
            encoding="utf-8",
            timeout=LIMIT_SECONDS,
        )
        if "PermissionError" in looking.stderr or "not permitted" in looking.stderr:
            pytest.skip("no process may look into another here")
        assert (looking.returncode, looking.stderr) == (0, "")
        return looking.stdout

    return look_from_outside


@pytest.mark.slow
def test_tasks_are_listed_from_outside_with_their_stacks_and_who_awaits_them(look_from_outside):
    shown = look_from_outside("ps")
    # Name, stack, the awaiting task's stack and its name.
    for row in (
        r" gathered +leaf -> branch +gather +gatherer ",
        r" gathered +leaf -> branch .* main +Task-\d+ ",
        r" gatherer +gather +leaf +waiter 0 ",
        r" gatherer +gather +leaf +waiter 1 ",
        r" gatherer +gather .* main +Task-\d+ ",
        r" waiter 0 +leaf .* main +Task-\d+ ",
        r" waiter 1 +leaf .* main +Task-\d+ ",
    ):
        assert re.search(row, shown), row


@pytest.mark.slow
def test_who_waits_for_whom_is_drawn_from_outside(look_from_outside):
    lines = [re.sub(r"[│├└─]", " ", line) for line in look_from_outside("pstree").splitlines()]
    paths, path = set(), []
    for line in lines:
        depth = len(line) - len(line.lstrip())
        path = [(above, name) for above, name in path if above < depth]
        if "(T) " in line:
            path.append((depth, line.split("(T) ")[1]))
            paths.add(tuple(name for _, name in path))
        else:
            path.append((depth, line.split()[0]))
    # From who waits, through the frames in which it does, to what it waits for.
    assert any(path[-3:] == ("gatherer", "gather", "gathered") for path in paths)
    for number in range(2):
        assert any(path[-3:] == (f"waiter {number}", "leaf", "gatherer") for path in paths)
