"""`asyncio.all_tasks()` before Python 3.14, completed by the loop's native tasks.

asyncio walks a WeakSet, in which an entry costs as much as the rest of a task.
Native tasks are listed by the extension, and that set is made to show them too.
From 3.14 on they hang in the interpreter's own list, and nothing is to be done.
"""

import weakref
from asyncio import tasks
from collections.abc import Iterator
from typing import Any

from . import _cafeloop


class _TasksView(weakref.WeakSet[Any]):
    """asyncio's set, followed by the native tasks that are pending."""

    def __iter__(self) -> Iterator[Any]:
        yield from super().__iter__()
        yield from _cafeloop._native_tasks()

    def __len__(self) -> int:
        return super().__len__() + len(_cafeloop._native_tasks())

    def __contains__(self, task: object) -> bool:
        return super().__contains__(task) or any(
            native is task for native in _cafeloop._native_tasks()
        )


def show_native_tasks() -> None:
    """Make asyncio's set show native tasks; it stays the same object."""
    scheduled: weakref.WeakSet[Any] | None = getattr(tasks, "_scheduled_tasks", None)
    if scheduled is None:
        # As it is called before 3.12.
        scheduled = tasks._all_tasks  # type: ignore[attr-defined]
    scheduled.__class__ = _TasksView
