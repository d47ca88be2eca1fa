"""async_tree.

The shape of pyperformance's benchmark of that name (bm_async_tree): each inner node waits for six
children, each leaf works, and input or output is a sleep of 50 ms.  Five levels instead of its six
make a tree of 9331 nodes.
"""

import asyncio
import math
import random
from collections.abc import Awaitable, Callable

from benches.compare.row import Body, Row

# The constants of bm_async_tree, but for the first.
LEVELS = 5
BRANCHES = 6
RANDOM_SEED = 0
IO_SLEEP_S = 0.05
MEMOIZABLE_PERCENT = 90
CPU_PROBABILITY = 0.5
FACTORIAL_OF = 500

Workload = Callable[["Tree"], Awaitable[object]]


class Tree:
    """A tree that is grown once, from its root."""

    def __init__(self, workload: Workload) -> None:
        self.workload = workload
        self.cache: dict[int, bool] = {}
        self.leaves = 0
        random.seed(RANDOM_SEED)

    async def grow_with_gather(self, level: int) -> None:
        if level == 0:
            self.leaves += 1
            await self.workload(self)
            return
        await asyncio.gather(*[self.grow_with_gather(level - 1) for _ in range(BRANCHES)])

    async def grow_with_task_group(self, level: int) -> None:
        if level == 0:
            self.leaves += 1
            await self.workload(self)
            return
        async with asyncio.TaskGroup() as group:
            for _ in range(BRANCHES):
                group.create_task(self.grow_with_task_group(level - 1))


async def none(tree: Tree) -> None:
    return


async def io(tree: Tree) -> None:
    await asyncio.sleep(IO_SLEEP_S)


async def memoization(tree: Tree) -> int:
    data = random.randint(1, 100)
    if data <= MEMOIZABLE_PERCENT:
        if tree.cache.get(data):
            return data
        tree.cache[data] = True
    await io(tree)
    return data


async def cpu_io_mixed(tree: Tree) -> int | None:
    if random.random() < CPU_PROBABILITY:
        return math.factorial(FACTORIAL_OF)
    await io(tree)
    return None


Grow = Callable[[Tree, int], Awaitable[None]]


def grow(workload: Workload, form: Grow) -> Callable[[int], Awaitable[None]]:
    async def body(count: int) -> None:
        for _ in range(count):
            tree = Tree(workload)
            await form(tree, LEVELS)
            assert tree.leaves == BRANCHES**LEVELS

    return body


FORMS: dict[str, Grow] = {
    "gather": Tree.grow_with_gather,
    "TaskGroup": Tree.grow_with_task_group,
}

ROWS: list[Row] = [
    Body(
        name=f"tree-{workload.__name__.replace('_', '-')}-{form.lower()}",
        title=f"{workload.__name__}, {form}",
        count=3,
        per="tree",
        body=grow(workload, FORMS[form]),
    )
    for workload in (none, io, memoization, cpu_io_mixed)
    for form in FORMS
]
