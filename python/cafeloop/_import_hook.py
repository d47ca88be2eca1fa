"""Makes our loop asyncio's in the moment that the program imports asyncio.

A program that never does starts as fast as under `python`, where loading asyncio would take
longer than all else, and finds its own `queue.py` or `signal.py` where asyncio would have loaded
the standard library's.
"""

from __future__ import annotations

import sys

# The typing module's, which is too slow to load for a name that is false.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


def install_upon_import() -> None:
    """Calls `install()` as soon as there is an asyncio to install it in, or at once."""
    if "asyncio" in sys.modules:
        install()
    else:
        sys.meta_path.insert(0, Finder())


def install() -> None:
    # Loads asyncio, thus no earlier.
    from . import install

    install()


class Finder:
    """Stands before all finders until asyncio is executed; being asked for it isn't yet that."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "asyncio":
            return None
        for finder in sys.meta_path:
            if finder is self:
                continue
            spec = finder.find_spec(name, path, target)
            if spec is not None:
                # The real one is a package.  A mere file is the program's own `asyncio.py`, which
                # has to fail, or not, in its own way.
                if spec.loader is not None and spec.submodule_search_locations is not None:
                    spec.loader = InstallingLoader(spec.loader, self)  # type: ignore[assignment]
                return spec
        return None


class InstallingLoader:
    """Executes asyncio as its real loader does, and installs our loop."""

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
        install()
