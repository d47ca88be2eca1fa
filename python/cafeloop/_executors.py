"""How jobs of executors are handed over while a recording goes on."""

from __future__ import annotations

import concurrent.futures
import sys
from collections.abc import Callable
from typing import Any

from . import _cafeloop


def runs_in_thread(executor: concurrent.futures.Executor) -> bool:
    """Whether it calls what it is given in a thread of this interpreter."""
    return isinstance(executor, concurrent.futures.ThreadPoolExecutor) and not _is(
        executor, "concurrent.futures.interpreter", "InterpreterPoolExecutor"
    )


def submit(
    executor: concurrent.futures.Executor,
    work: _cafeloop.Work,
    function: Callable[..., Any],
    args: tuple[Any, ...],
) -> concurrent.futures.Future[Any]:
    """Hands a job over that a recording has been told of."""
    if runs_in_thread(executor):
        # Called in the function's place, it says when it begins and ends.
        return executor.submit(work, *args)
    # Loaded by then: something records.
    from . import _record

    if _record.has_children() and _is(
        executor, "concurrent.futures.process", "ProcessPoolExecutor"
    ):
        # The process that calls it has a recording, and says so there.
        job = executor.submit(work, *args)
    else:
        job = executor.submit(function, *args)
    job.add_done_callback(work.ended)
    return job


def _is(executor: concurrent.futures.Executor, module: str, name: str) -> bool:
    """Whether it is of this class, which isn't loaded for the question."""
    loaded = sys.modules.get(module)
    return loaded is not None and isinstance(executor, getattr(loaded, name))
