"""The loop factory under test, and how many loops it has made.

A test that passes without asking for a loop proves nothing about the loop, so the loops are
counted where they are made.
"""

import asyncio
import importlib
from importlib import metadata
from typing import Any

from .bad_input import BadInput


class Factory:
    """A callable that makes the loop named by `module:factory`, and counts."""

    def __init__(self, spec: str) -> None:
        self.spec = spec
        self._make = _resolve(spec)
        self.calls = 0
        self.types: set[str] = set()

    def __call__(self) -> Any:
        loop = self._make()
        self.calls += 1
        self.types.add(f"{type(loop).__module__}.{type(loop).__qualname__}")
        return loop

    @property
    def version(self) -> str:
        """The version of the distribution that the loop comes from."""
        top = self.spec.partition(":")[0].partition(".")[0]
        try:
            return metadata.version(top)
        except metadata.PackageNotFoundError:
            return "stdlib" if top == "asyncio" else "unknown"


def _resolve(spec: str) -> Any:
    module, colon, name = spec.partition(":")
    if not (module and colon and name):
        raise BadInput(
            f"--loop {spec!r} names no loop: write module:factory, as in asyncio:SelectorEventLoop"
        )
    try:
        target = importlib.import_module(module)
    except Exception as cause:  # an extension may fail in any way while it loads
        raise BadInput(
            f"--loop {spec!r}: cannot import {module}: {cause!r} "
            "(install it for this Python, or name its folder in PYTHONPATH)"
        ) from cause
    for part in name.split("."):
        try:
            target = getattr(target, part)
        except AttributeError:
            raise BadInput(f"--loop {spec!r}: {module} has no {name}") from None
    if not callable(target):
        raise BadInput(
            f"--loop {spec!r}: wanted something to call, found a {type(target).__name__}"
        )
    # It asks the default policy, and that will ask this factory: take what it makes on Unix.
    return asyncio.SelectorEventLoop if target is asyncio.new_event_loop else target
