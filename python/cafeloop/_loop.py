"""The event loop as asyncio knows it: what runs once per loop, per executor job
or per error.  What runs per callback is native, in the class it derives from.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import functools
import os
import socket
import sys
import threading
import traceback
import warnings
import weakref
from asyncio.log import logger
from collections.abc import AsyncGenerator, Callable
from typing import TYPE_CHECKING, Any, Literal, TypeVar, TypeVarTuple

import cafeloop

from . import _cafeloop, _executors
from ._connect import Connecting
from ._datagrams import Datagrams
from ._pipes import Pipes
from ._resolve import Resolving
from ._sendfile import SendingFiles
from ._serve import Serving
from ._sock import SocketOperations
from ._start_tls import StartingTls
from ._subprocesses import Subprocesses
from ._unix import UnixSockets

if TYPE_CHECKING:
    # To type checkers AbstractEventLoop can't be instantiated: they don't see that
    # its methods raise NotImplementedError, which is what those that aren't there
    # yet are to do.
    from asyncio import BaseEventLoop as _AsyncioLoop

    # Asked for types, the interpreter finds `cafeloop.Recording` by loading it then.
    from . import _clock, _record
else:
    from asyncio import AbstractEventLoop as _AsyncioLoop

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")

_Context = dict[str, Any]
_ExceptionHandler = Callable[[asyncio.AbstractEventLoop, _Context], object]


class Loop(
    _cafeloop.EventLoop,
    UnixSockets,
    Connecting,
    Serving,
    StartingTls,
    Datagrams,
    SocketOperations,
    SendingFiles,
    Resolving,
    Pipes,
    Subprocesses,
    _AsyncioLoop,
):
    """cafeloop's event loop.

    `clock` and `seed` are as in `new_event_loop`.  It may be subclassed, referred to weakly and given attributes.  Its methods
    are those of `asyncio.AbstractEventLoop`; one that isn't there yet raises
    NotImplementedError.  `call_soon_threadsafe` may be called from any thread,
    the others from the loop's own.
    """

    # The interpreter finds the methods of an object faster as long as nothing is in its
    # dictionary: 20 ns for each call_soon.
    __slots__ = (
        "_asyncgens",
        "_asyncgens_shutdown_called",
        "_clock",
        "_default_executor",
        "_exception_handler",
        "_executor_shutdown_called",
        "_recording",
        "_unix_server_files",
    )

    def __init__(
        self,
        *,
        clock: Literal["real", "virtual"] | cafeloop.VirtualClock | None = None,
        seed: int | None = None,
    ) -> None:
        # One that ends with the loop.
        self._recording: _record.Recording | None = None
        try:
            self._clock = _resolved(clock)
            if self._clock is not None:
                self._set_clock(self._clock)
            if seed is not None:
                self._set_seed(_checked(seed))
        except BaseException:
            # Nobody will have it who could close it.
            super().close()
            raise
        # Libraries read these by asyncio's names, and some set them.
        self._exception_handler: _ExceptionHandler | None = None
        self._default_executor: concurrent.futures.ThreadPoolExecutor | None = None
        self._executor_shutdown_called = False
        self._asyncgens: weakref.WeakSet[AsyncGenerator[Any, Any]] = weakref.WeakSet()
        self._asyncgens_shutdown_called = False
        self._unix_server_files: dict[socket.socket, int] = {}

    @property
    def clock(self) -> cafeloop.VirtualClock | None:
        """The virtual clock that the loop goes by; None for the real one."""
        return self._clock

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} running={self.is_running()} "
            f"closed={self.is_closed()} debug={self.get_debug()}>"
        )

    def __del__(self, warn: Callable[..., object] = warnings.warn) -> None:
        if not self.is_closed():
            warn(f"unclosed event loop {self!r}", ResourceWarning, source=self)
            if not self.is_running():
                self.close()

    def close(self) -> None:
        """Close the loop: what is scheduled is dropped, descriptors are closed.

        The default executor is shut down without waiting for it.  Closing twice
        is harmless; closing a running loop is a RuntimeError.
        """
        super().close()
        recording, self._recording = self._recording, None
        if recording is not None:
            recording.stop()
        self._executor_shutdown_called = True
        executor, self._default_executor = self._default_executor, None
        if executor is not None:
            executor.shutdown(wait=False)

    # --- executors

    def run_in_executor(
        self,
        executor: concurrent.futures.Executor | None,
        func: Callable[[*_Ts], _T],
        *args: *_Ts,
    ) -> asyncio.Future[_T]:
        """Call `func(*args)` in an executor, by default a pool of threads."""
        self._check_closed()
        self._check_callback(func, "run_in_executor")
        if executor is None:
            executor = self._get_default_executor()
        work = _cafeloop._record_work(self, func, _executors.runs_in_thread(executor))
        if work is None:
            job = executor.submit(func, *args)
        else:
            job = _executors.submit(executor, work, func, args)
        future = asyncio.wrap_future(job, loop=self)
        if work is not None:
            _cafeloop._record_future(future, work)
        if self._clock is not None:
            self._hold_clock_for(job)
        return future

    def _hold_clock_for(self, job: concurrent.futures.Future[Any]) -> None:
        """Hold a virtual clock until the loop has been told of a job's end."""
        holding = self._hold_clock()

        def ended(_: object) -> None:
            # The loop may have been closed meanwhile: nobody waits any more.
            with contextlib.suppress(RuntimeError):
                self.call_soon_threadsafe(holding.end)

        job.add_done_callback(ended)

    def _get_default_executor(self) -> concurrent.futures.ThreadPoolExecutor:
        if self._executor_shutdown_called:
            raise RuntimeError("Executor shutdown has been called")
        if self._default_executor is None:
            self._default_executor = concurrent.futures.ThreadPoolExecutor(
                thread_name_prefix="asyncio"
            )
        return self._default_executor

    def set_default_executor(self, executor: concurrent.futures.Executor) -> None:
        """Use `executor`, a pool of threads, where none is named."""
        if not isinstance(executor, concurrent.futures.ThreadPoolExecutor):
            raise TypeError("executor must be ThreadPoolExecutor instance")
        self._default_executor = executor

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:
        """Wait until the default executor's threads have ended.

        After `timeout` seconds it warns and leaves them to themselves.
        """
        self._executor_shutdown_called = True
        executor = self._default_executor
        if executor is None:
            return
        ended = self.create_future()
        thread = threading.Thread(target=self._shut_down, args=(executor, ended))
        holding = self._hold_clock()
        ended.add_done_callback(lambda _: holding.end())
        thread.start()
        try:
            async with asyncio.timeout(timeout):
                await ended
        except TimeoutError:
            warnings.warn(
                f"The executor did not finishing joining its threads within {timeout} seconds.",
                RuntimeWarning,
                stacklevel=2,
            )
            executor.shutdown(wait=False)
        else:
            thread.join()

    def _shut_down(
        self, executor: concurrent.futures.Executor, ended: asyncio.Future[None]
    ) -> None:
        """In a thread: wait for the executor, then tell the loop."""
        report: Callable[[], object] = functools.partial(_settle, ended, None)
        try:
            executor.shutdown(wait=True)
        except Exception as error:
            report = functools.partial(_settle, ended, error)
        try:
            self.call_soon_threadsafe(report)
        except RuntimeError:
            # The loop was closed meanwhile: nobody waits any more.
            pass

    # --- asynchronous generators

    def _asyncgen_firstiter_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        if self._asyncgens_shutdown_called:
            warnings.warn(
                f"asynchronous generator {agen!r} was scheduled after "
                f"loop.shutdown_asyncgens() call",
                ResourceWarning,
                source=self,
            )
        self._asyncgens.add(agen)

    def _asyncgen_finalizer_hook(self, agen: AsyncGenerator[Any, Any]) -> None:
        """Called when a generator that hasn't ended is collected, in any thread."""
        self._asyncgens.discard(agen)
        if not self.is_closed():
            self.call_soon_threadsafe(self.create_task, agen.aclose())

    async def shutdown_asyncgens(self) -> None:
        """Close all asynchronous generators that haven't ended."""
        self._asyncgens_shutdown_called = True
        agens = list(self._asyncgens)
        self._asyncgens.clear()
        outcomes = await asyncio.gather(
            *[agen.aclose() for agen in agens], return_exceptions=True
        )
        for agen, outcome in zip(agens, outcomes, strict=True):
            if isinstance(outcome, Exception):
                self.call_exception_handler(
                    {
                        "message": "an error occurred during closing of "
                        f"asynchronous generator {agen!r}",
                        "exception": outcome,
                        "asyncgen": agen,
                    }
                )

    # --- exceptions

    def get_exception_handler(self) -> _ExceptionHandler | None:
        """The handler that was set, or None for the default one."""
        return self._exception_handler

    def set_exception_handler(self, handler: _ExceptionHandler | None) -> None:
        """Have `handler(loop, context)` called for exceptions that nobody awaits."""
        if handler is not None and not callable(handler):
            raise TypeError(f"A callable object or None is expected, got {handler!r}")
        self._exception_handler = handler

    def default_exception_handler(self, context: _Context) -> None:
        """Log the context of an exception: its message, then each key's value."""
        details = dict(context)
        message = details.pop("message", None) or "Unhandled exception in event loop"
        exception = details.pop("exception", None)
        current = self._current_handle
        if "source_traceback" not in details and current is not None and current._source_traceback:
            details["handle_traceback"] = current._source_traceback
        lines = [f"{key}: {_shown(key, details[key])}" for key in sorted(details)]
        logger.error("\n".join([message, *lines]), exc_info=exception or False)

    def call_exception_handler(self, context: _Context) -> None:
        """Call the exception handler, in the context of what failed.

        A handler that fails itself is reported to the default one.
        """
        handler = self._exception_handler
        if handler is None:
            # Nobody else has loaded it.
            recording = sys.modules.get("cafeloop._record")
            if recording is not None:
                recording.unhandled_error()
            self._call_default_exception_handler(context, "Exception in default exception handler")
            return
        try:
            _context_of(context)(handler, self, context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException as error:
            self._call_default_exception_handler(
                {
                    "message": "Unhandled error in exception handler",
                    "exception": error,
                    "context": context,
                },
                "Exception in default exception handler while handling an "
                "unexpected error in custom exception handler",
            )

    def _call_default_exception_handler(self, context: _Context, if_it_fails: str) -> None:
        try:
            self.default_exception_handler(context)
        except (SystemExit, KeyboardInterrupt):
            raise
        except BaseException:
            # A subclass may have overridden it.
            logger.error(if_it_fails, exc_info=True)


# What runs per callback, once more: CPython calls a method more directly if its class is
# just that of the object.
_cafeloop._add_loop_methods(Loop)


def new_event_loop(
    *,
    clock: Literal["real", "virtual"] | cafeloop.VirtualClock | None = None,
    seed: int | None = None,
    record: cafeloop.Recording | str | os.PathLike[str] | None = None,
) -> Loop:
    """Make a loop.  It isn't the current loop of any thread until one runs it.

    `clock` is "real", "virtual" or a `VirtualClock`.  With a `seed`, an integer of 0 or more,
    tasks, timers and descriptors that are ready at the same time run in an order that it
    chooses, the same for the same seed; what asyncio promises, such as the order of
    `call_soon`, holds.

    What isn't given is as `install()` was told, or else the real clock and asyncio's order.

    With `record`, what `cafeloop.record()` gives or the path of a file, the process is
    recorded until the loop is closed.
    """
    loop = Loop(
        clock=_installed_clock if clock is None else clock,
        seed=_installed_seed if seed is None else seed,
    )
    if record is not None:
        from . import _record

        try:
            loop._recording = _record.recording(record).start()
        except BaseException:
            loop.close()
            raise
    return loop


# What loops go by that aren't told otherwise.
_installed_clock: _clock.Clock | None = None
_installed_seed: int | None = None


def go_by(clock: _clock.Clock | None, seed: int | None) -> None:
    """Have loops that aren't told otherwise go by these; None leaves what there was."""
    global _installed_clock, _installed_seed
    # Here is who asked for it; a loop would be refused somewhere else, later.
    _resolved(clock)
    if seed is not None:
        _checked(seed)
    if clock is not None:
        _installed_clock = clock
    if seed is not None:
        _installed_seed = seed


def go_by_nothing() -> None:
    global _installed_clock, _installed_seed
    _installed_clock = _installed_seed = None


def _resolved(clock: _clock.Clock | None) -> _clock.VirtualClock | None:
    """The virtual clock that is meant; None for the real one."""
    if clock is None:
        return None
    from . import _clock

    return _clock.resolve(clock)


def _checked(seed: int) -> int:
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed must be an integer from 0 to 2**64 - 1, got {seed!r}")
    return seed


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _context_of(context: _Context) -> Callable[..., object]:
    """How to call something in the contextvars of what failed."""
    for key in ("task", "future", "handle"):
        thing = context.get(key)
        if thing is not None:
            found = thing.get_context() if hasattr(thing, "get_context") else None
            run: Callable[..., object] = getattr(found, "run", _directly)
            return run
    return _directly


def _directly(function: Callable[..., object], *args: object) -> object:
    return function(*args)


def _shown(key: str, value: Any) -> str:
    """A value of an exception's context, for people."""
    created = {"source_traceback": "Object", "handle_traceback": "Handle"}.get(key)
    if created is None:
        return repr(value)
    frames = "".join(traceback.format_list(value)).rstrip()
    return f"{created} created at (most recent call last):\n{frames}"
