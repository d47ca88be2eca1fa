"""Acts in the moment that the program imports a module: makes our loop asyncio's.

A program that never does starts as fast as under `python`, where loading asyncio would take
longer than all else, and finds its own `queue.py` or `signal.py` where asyncio would have loaded
the standard library's.
"""

from __future__ import annotations

import sys

# The typing module's, which is too slow to load for a name that is false.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any, Literal

    from ._clock import Clock, VirtualClock


# The clock and the seed of the loops that this program has, if the command has seen to that.
installed: tuple[Literal["real", "virtual", "patched"] | None, int | None] | None = None


def install_upon_import(
    clock: Literal["real", "virtual", "patched"] | None, seed: int | None
) -> None:
    """Calls `install()` as soon as there is an asyncio to install it in, or at once."""
    global installed
    installed = clock, seed
    by: Clock | None = _patched() if clock == "patched" else clock

    def install() -> None:
        # Loads asyncio, thus no earlier.
        from . import install

        install(clock=by, seed=seed)

    upon_import("asyncio", install, is_package=True)


def _patched() -> VirtualClock:
    """A clock for all loops, and for the module `time` from now on."""
    from . import _clock

    clock = _clock.VirtualClock()
    # As long as the process: what ends it may look at the time, too.
    clock.patched().__enter__()
    return clock


def upon_import(name: str, act: Callable[[], None], *, is_package: bool = False) -> None:
    """Calls `act` when a module has been imported, or at once if it has been."""
    if name in sys.modules:
        act()
    else:
        sys.meta_path.insert(0, Finder(name, act, is_package))


class Finder:
    """Stands before all finders until a module is executed; being asked for it isn't yet that."""

    def __init__(self, name: str, act: Callable[[], None], is_package: bool) -> None:
        self.name = name
        self.act = act
        self.is_package = is_package

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != self.name:
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                # asyncio is a package.  A mere file is the program's own `asyncio.py`, which has
                # to fail, or not, in its own way.
                is_package = spec.submodule_search_locations is not None
                if spec.loader is not None and is_package == self.is_package:
                    spec.loader = ActingLoader(spec.loader, self)  # type: ignore[assignment]
                return spec
        return None


class ActingLoader:
    """Executes a module as its real loader does, and then acts."""

    def __init__(self, loader: Loader, finder: Finder) -> None:
        self.loader = loader
        self.finder = finder

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)

    def exec_module(self, module: ModuleType) -> None:
        # Nothing of this stays behind for the program to see.
        if self.finder in sys.meta_path:
            sys.meta_path.remove(self.finder)
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        self.finder.act()
