"""Tries out whether asyncio's task groups do what the native half of them does.

Their two methods that run per task are called in every usual case, on objects which know what
they may be asked for, and take down what is done to them.
"""

import asyncio
from collections.abc import Callable
from typing import Any

_BOTH = False, True


class _Thing:
    """To ask it for what isn't known is an error; to change it is taken down by `did`."""

    def __init__(self, did: "_Did", **fields: object) -> None:
        self.__dict__.update(fields, _did=did)

    def __setattr__(self, name: str, value: object) -> None:
        self.__dict__["_did"].append(("change", name))

    def __delattr__(self, name: str) -> None:
        self.__dict__["_did"].append(("change", name))


class _Tasks(_Thing):
    any: bool

    def __bool__(self) -> bool:
        return self.any


class _Did(list[tuple[object, ...]]):
    """What was done, in order."""

    def noting(self, what: str, answer: object = None) -> Callable[..., Any]:
        def act(*args: object, **options: object) -> object:
            given = {name: value for name, value in options.items() if value is not None}
            self.append((what, *args, given) if given else (what, *args))
            return answer

        return act


def _task(did: _Did, is_cancelled: bool) -> _Thing:
    return _Thing(
        did,
        done=lambda: False,
        cancelled=lambda: is_cancelled,
        exception=lambda: None,
        add_done_callback=did.noting("call when done"),
    )


def _group(did: _Did, any_left: bool, **fields: object) -> Any:
    tasks = _Tasks(did, any=any_left, add=did.noting("add"), discard=did.noting("discard"))
    return _Thing(did, _tasks=tasks, _parent_task=None, _aborting=False, **fields)


def _ends_as_known(any_left: bool, is_awaited: bool, is_told: bool, is_cancelled: bool) -> bool:
    did = _Did()
    told = _Thing(did, done=lambda: is_told, set_result=did.noting("tell"))
    task: Any = _task(did, is_cancelled)
    group = _group(did, any_left, _on_completed_fut=told if is_awaited else None)
    asyncio.TaskGroup._on_task_done(group, task)
    tells = [("tell", True)] if is_awaited and not any_left and not is_told else []
    return did == [("discard", task), *tells]


def _begins_as_known(any_left: bool, is_exiting: bool, options: dict[str, Any]) -> bool:
    did = _Did()
    task, coro, called = _task(did, False), object(), object()
    group = _group(
        did,
        any_left,
        _entered=True,
        _exiting=is_exiting,
        _on_task_done=called,
        _loop=_Thing(did, create_task=did.noting("create", task)),
    )
    create: Callable[..., object] = asyncio.TaskGroup.create_task
    made = create(group, coro, **options)
    created = ("create", coro, options) if options else ("create", coro)
    both = [("add", task), ("call when done", called)]
    return made is task and did[:1] == [created] and sorted(did[1:], key=str) == both


def is_known() -> bool:
    """Whether they do."""
    return all(
        _ends_as_known(any_left, is_awaited, is_told, is_cancelled)
        for any_left in _BOTH
        for is_awaited in _BOTH
        for is_told in _BOTH
        for is_cancelled in _BOTH
    ) and all(
        _begins_as_known(any_left, is_exiting, options)
        for any_left, is_exiting in ((False, False), (True, False), (True, True))
        for options in ({}, {"context": object()})
    )
