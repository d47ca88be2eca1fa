"""asyncio, written in Rust, that you can see.

    import cafeloop
    cafeloop.run(main())

runs a coroutine on cafeloop's event loop, as `asyncio.run` would on asyncio's.
Importing changes nothing, and doesn't load asyncio; `install()` makes this the
loop that asyncio makes.

PYTEST_DONT_REWRITE: pytest, which loads a plugin from here, would warn of a package
that runs it and so is imported already.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ._build import __version__, build_info
    from ._clock import VirtualClock
    from ._loop import Loop, new_event_loop
    from ._policy import EventLoopPolicy, install, uninstall
    from ._record import Recording, record
    from ._run import run
    from ._stopwatch import Stopwatch

__all__ = [
    "EventLoopPolicy",
    "Loop",
    "Recording",
    "Stopwatch",
    "VirtualClock",
    "__version__",
    "build_info",
    "install",
    "new_event_loop",
    "record",
    "run",
    "uninstall",
]

_MODULE_OF = {
    "EventLoopPolicy": "_policy",
    "Loop": "_loop",
    "Recording": "_record",
    "Stopwatch": "_stopwatch",
    "VirtualClock": "_clock",
    "__version__": "_build",
    "build_info": "_build",
    "install": "_policy",
    "new_event_loop": "_loop",
    "record": "_record",
    "run": "_run",
    "uninstall": "_policy",
}


def __getattr__(name: str) -> object:
    """Load what is asked for, when it is (PEP 562).

    `cafeloop run` must start a program without having loaded asyncio for it.
    """
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
