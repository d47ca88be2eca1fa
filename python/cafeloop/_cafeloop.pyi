"""The native half of the package: what runs per callback."""

import asyncio
from asyncio.events import _TaskFactory
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextvars import Context
from traceback import StackSummary
from typing import Any, Protocol, TypeAlias, TypeVar, TypeVarTuple, final

VERSION: str
RUST_VERSION: str
BUILT_FOR: str

def parse_command(args: list[str]) -> int | tuple[str, str, list[str], bool]: ...

_T = TypeVar("_T")
_Ts = TypeVarTuple("_Ts")
_Coroutine: TypeAlias = Generator[Any, None, _T] | Coroutine[Any, Any, _T]

class _HasFileno(Protocol):
    def fileno(self) -> int: ...

_Descriptor: TypeAlias = int | _HasFileno

class Handle(asyncio.Handle):
    """A callback that was handed to a loop."""

    @property
    def _source_traceback(self) -> StackSummary | None: ...

@final
class TimerHandle(asyncio.TimerHandle):
    """A callback that was handed to a loop for a time."""

class EventLoop:
    """An event loop's engine as a Python object."""

    def __new__(cls, *args: Any, **kwargs: Any) -> "EventLoop": ...
    def run_forever(self) -> None: ...
    def run_until_complete(
        self, future: _Coroutine[_T] | Awaitable[_T]
    ) -> _T: ...
    def stop(self) -> None: ...
    def is_running(self) -> bool: ...
    def is_closed(self) -> bool: ...
    def close(self) -> None: ...
    def _check_closed(self) -> None: ...
    def _check_callback(self, callback: object, method: str) -> None: ...
    def call_soon(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.Handle: ...
    def call_soon_threadsafe(
        self,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.Handle: ...
    def call_later(
        self,
        delay: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle: ...
    def call_at(
        self,
        when: float,
        callback: Callable[[*_Ts], object],
        *args: *_Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle: ...
    def time(self) -> float: ...
    def create_future(self) -> asyncio.Future[Any]: ...
    def create_task(
        self,
        coro: _Coroutine[_T],
        *,
        name: object = None,
        context: Context | None = None,
        **options: Any,
    ) -> asyncio.Task[_T]: ...
    def set_task_factory(self, factory: _TaskFactory | None) -> None: ...
    def get_task_factory(self) -> _TaskFactory | None: ...
    def add_reader(
        self, fd: _Descriptor, callback: Callable[[*_Ts], Any], *args: *_Ts
    ) -> None: ...
    def remove_reader(self, fd: _Descriptor) -> bool: ...
    def add_writer(
        self, fd: _Descriptor, callback: Callable[[*_Ts], Any], *args: *_Ts
    ) -> None: ...
    def remove_writer(self, fd: _Descriptor) -> bool: ...
    def add_signal_handler(
        self, sig: int, callback: Callable[[*_Ts], object], *args: *_Ts
    ) -> None: ...
    def remove_signal_handler(self, sig: int) -> bool: ...
    def get_debug(self) -> bool: ...
    def set_debug(self, enabled: bool) -> None: ...
    slow_callback_duration: float
    @property
    def _current_handle(self) -> Handle | None: ...
