"""Recordings: what a program ran, was ready for, and waited for.

    with cafeloop.record("cafe.flow"):
        asyncio.run(main())

and then `cafeloop flow cafe.flow`, or for a service

    cafeloop.record(mode="ring", dump_signal=signal.SIGUSR2).start()

which keeps the newest events in memory and writes them down when it is asked to.
"""

from __future__ import annotations

import gc
import os
import sys

from . import _cafeloop

# A program that is recorded by the command must not find modules loaded that it may have others
# of by the same name: hence the late imports, and this.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType
    from typing import Any, Literal, TypeAlias

    _Mode: TypeAlias = Literal["full", "ring", "off"]
else:
    # For who asks for the types of what is public.
    _Mode = str

_Path = str | os.PathLike[str]

#: Sixteen MiB are half a million events: some seconds of a busy server.
_RING_BYTES = 16 << 20


class Recording:
    """A recording of this process, of which one at a time may go on.

    It is a context manager, and `start()` and `stop()` by themselves.  Loops of
    cafeloop are recorded from the moment at which they begin to run, and the one that
    runs in this thread from its next turn on; so are the process's other threads.
    """

    def __init__(
        self,
        path: _Path | None = None,
        mode: _Mode = "full",
        *,
        arguments: bool | None = None,
        wait_threshold: float = 0.001,
        block_threshold: float = 0.05,
        sample_interval: float | None = None,
        ring_bytes: int = _RING_BYTES,
        dump_signal: int | None = None,
    ) -> None:
        if mode not in ("full", "ring", "off"):
            raise ValueError(f"mode must be 'full', 'ring' or 'off', not {mode!r}")
        for name, value in (("wait_threshold", wait_threshold),
                            ("block_threshold", block_threshold),
                            ("sample_interval", sample_interval or 0)):
            if not value >= 0:
                raise ValueError(f"{name} must be a number of seconds from 0, not {value!r}")
        if dump_signal is not None and mode != "ring":
            raise ValueError("dump_signal is for mode='ring': other recordings are written anyway")
        is_full = mode == "full"
        #: The process that it is of, once it has begun.
        self.process = 0
        self.mode = mode
        #: Where it is written to: all the time, or where `dump()` writes by itself.
        self.path = os.fspath(path) if path is not None else f"cafeloop-{os.getpid()}.flow"
        self._settings: dict[str, Any] = {
            "parent": 0,
            # The process's own.
            "command": None,
            "watchdog": True,
            "ring_bytes": ring_bytes,
            # Values may be secrets, and services are recorded all the time.
            "arguments": is_full if arguments is None else arguments,
            "wait_threshold": wait_threshold,
            "block_threshold": block_threshold,
            "sample_interval": (0.005 if is_full else 0) if sample_interval is None
            else sample_interval,
        }
        self._dump_signal = dump_signal
        # One that nobody has asked for ends when another begins.
        self._gives_way = False
        self._signal_before: Any = None
        self._native: _cafeloop.FlowRecording | None = None
        self._collections = _cafeloop.Collections()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.mode} of {self.path!r}>"

    def __enter__(self) -> Recording:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if kind is not None and issubclass(kind, Exception):
            self.unhandled_error()
        self.stop()

    def start(self) -> Recording:
        """Begin.  Raises OSError if the file can't be written to, and RuntimeError if
        a recording goes on or if this one has been started before."""
        if self.mode != "off":
            self._start(_running_loop())
        return self

    def _start(self, running: _cafeloop.EventLoop | None) -> None:
        global _current
        if self._native is not None:
            raise RuntimeError("a recording can't begin twice")
        if _current is not None and _current._gives_way:
            _current.stop()
        if _current is not None:
            raise RuntimeError("this process is being recorded already")
        file = self.path if self.mode == "full" else None
        settings = self._settings
        if settings["command"] is None:
            # Which an interpreter that is embedded may have none of.
            settings = {**settings, "command": list(getattr(sys, "argv", []))}
        native = _cafeloop.FlowRecording(file=file, **settings)
        native.start(running)
        self._native = native
        self.process = os.getpid()
        _current = self
        gc.callbacks.append(self._collections)
        _watch_unawaited()
        if self._dump_signal is not None:
            import signal

            self._signal_before = signal.signal(self._dump_signal, self._dump_for_signal)
        _register_at_fork()
        if self.mode == "full":
            from . import _children

            _children.record_children(self)

    def stop(self) -> None:
        """End.  Raises OSError if the file couldn't be written.  Twice is harmless."""
        global _current
        if _current is not self or self._native is None:
            return
        _current = None
        self._leave_hooks()
        if self.mode == "full":
            from . import _children

            _children.leave_children()
        if self._dump_signal is not None:
            import signal

            signal.signal(self._dump_signal, self._signal_before)
        self._native.stop()

    def is_going(self) -> bool:
        """Whether it has begun and hasn't ended."""
        return _current is self

    def dump(self, path: _Path | None = None) -> str:
        """Write what the ring holds to a file, `self.path` by default; returns which.

        The recording goes on.  A recording in full is written as it goes on, and this
        writes the rest of what there is now.
        """
        if _current is not self or self._native is None:
            raise RuntimeError("the recording isn't going on")
        target = self.path if path is None else os.fspath(path)
        if self.mode == "ring":
            self._native.dump(target)
        elif path is not None:
            raise ValueError(f"it is being written to {self.path!r} already")
        else:
            self._native.flush()
        return target

    def unhandled_error(self) -> None:
        """Something has failed that nobody handles: what led to it is kept."""
        if self.mode == "ring" and _current is self:
            try:
                self.dump()
            except OSError as error:
                import warnings

                warnings.warn(f"can't dump the recording: {error}", RuntimeWarning, stacklevel=2)

    def _dump_for_signal(self, number: int, frame: FrameType | None) -> None:
        self.unhandled_error()
        if callable(self._signal_before):
            self._signal_before(number, frame)

    def _leave_hooks(self) -> None:
        if self._collections in gc.callbacks:
            gc.callbacks.remove(self._collections)
        _unwatch_unawaited()

    # --- processes forked while it goes on

    def _rest(self) -> None:
        if self._native is not None:
            self._native.rest()

    def _go_on(self) -> None:
        if self._native is not None:
            self._native.go_on()

    def _go_on_in_child(self) -> None:
        """Ours is the parent's; a full one has one of the child beside it."""
        global _current
        _current = None
        self._leave_hooks()
        if self._native is not None:
            self._native.forget()
        if self.mode == "full":
            from . import _children

            _children.leave_children()
            _children.go_on_in_child(self.process, self.path, self._settings)


def record(
    path: _Path | None = None,
    mode: _Mode = "full",
    *,
    arguments: bool | None = None,
    wait_threshold: float = 0.001,
    block_threshold: float = 0.05,
    sample_interval: float | None = None,
    ring_bytes: int = _RING_BYTES,
    dump_signal: int | None = None,
) -> Recording:
    """A recording of this process, to be used with `with`, or started and stopped.

    `path`             the file; by default `cafeloop-PID.flow`
    `mode`             "full" writes everything to the file; "ring" keeps the newest
                       events in memory, until `dump()`, `dump_signal` or an error that
                       nobody handles has them written; "off" does nothing
    `arguments`        whether labels of tasks show the values of arguments, as in
                       `handle_customer('Vanilla', 'Latte')`: by default if full
    `wait_threshold`   waits longer than so many seconds are explained by their lines
    `block_threshold`  a callback that runs longer than so many seconds blocks the loop
    `sample_interval`  threads without a loop are looked at every so many seconds; 0
                       for never; by default 0.005 if full and else never
    `ring_bytes`       the size of the ring
    `dump_signal`      with it the process is asked to dump, as in `kill -USR2 PID`
    """
    return Recording(
        path,
        mode,
        arguments=arguments,
        wait_threshold=wait_threshold,
        block_threshold=block_threshold,
        sample_interval=sample_interval,
        ring_bytes=ring_bytes,
        dump_signal=dump_signal,
    )


def recording(meant: Recording | _Path) -> Recording:
    """What is meant by a `record=` argument: a recording, or the file of one."""
    return meant if isinstance(meant, Recording) else Recording(meant)


def unhandled_error() -> None:
    """A loop has an exception that nobody handles."""
    if _current is not None:
        _current.unhandled_error()


_current: Recording | None = None
_forks_are_watched = False


def has_children() -> bool:
    """Whether processes that multiprocessing starts have recordings beside the one that goes on."""
    return _current is not None and _current.mode == "full"


def _running_loop() -> _cafeloop.EventLoop | None:
    asyncio: Any = sys.modules.get("asyncio")
    running = None if asyncio is None else asyncio._get_running_loop()
    return running if isinstance(running, _cafeloop.EventLoop) else None


def _watch_unawaited() -> None:
    import warnings

    before = getattr(warnings, "_warn_unawaited_coroutine", None)
    if before is not None and not isinstance(before, _cafeloop.Unawaited):
        _replace_unawaited(_cafeloop.Unawaited(before))


def _unwatch_unawaited() -> None:
    import warnings

    ours = getattr(warnings, "_warn_unawaited_coroutine", None)
    if isinstance(ours, _cafeloop.Unawaited):
        _replace_unawaited(ours.before)


def _replace_unawaited(function: Callable[..., object]) -> None:
    import warnings

    # Where the interpreter looks for it.
    warnings._warn_unawaited_coroutine = function  # type: ignore[attr-defined]


def _register_at_fork() -> None:
    global _forks_are_watched
    if not _forks_are_watched:
        _forks_are_watched = True
        os.register_at_fork(
            before=_rest, after_in_parent=_go_on, after_in_child=_go_on_in_child
        )


def _rest() -> None:
    if _current is not None:
        _current._rest()


def _go_on() -> None:
    if _current is not None:
        _current._go_on()


def _go_on_in_child() -> None:
    if _current is not None:
        _current._go_on_in_child()
