"""What this package was built with, and what it makes of this interpreter."""

import platform

from . import _cafeloop

__version__: str = _cafeloop.VERSION


def build_info() -> dict[str, str]:
    """What the loop is made of, for bug reports.

    version          of this package
    rust             the compiler that built it
    built_for        the Python it was built for
    profile          "release", or "debug" if it checks itself, which takes time
    python           the Python that runs it
    tasks            whose tasks the loop runs: "native", or "interpreter" and why
    unbound_methods  whose code `asyncio.Task.cancel(task)` and the like run for a
                     native task: the same
    poller           how it waits: "epoll_pwait2"
    """
    return {
        "version": __version__,
        "rust": _cafeloop.RUST_VERSION,
        "built_for": _cafeloop.BUILT_FOR,
        "profile": _cafeloop.PROFILE,
        "python": platform.python_version(),
        "tasks": _cafeloop._whose_tasks(),
        "unbound_methods": _cafeloop._whose_unbound_methods(),
        "poller": "epoll_pwait2",
    }
