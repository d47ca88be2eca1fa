"""Asynchronous tests on cafeloop's loop: virtual time, seeded orders, nothing left behind.

    @pytest.mark.cafeloop(clock="virtual", seeds=50, timeout=60)
    async def test_it(): ...

runs the coroutine on a loop of its own, once for each seed.  The plugin is there as soon as the
package is installed, and does nothing for tests without the mark, unless `--cafeloop` makes it
the loop of pytest-asyncio's and anyio's tests as well.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from ._clock import Clock

MARK = (
    "cafeloop(clock='real', seeds=None, seed=None, timeout=None, leaks=False): run a coroutine on"
    " cafeloop's loop; clock='virtual' waits in no time; seeds=N or a list runs it in so many"
    " orders; timeout is in seconds of that clock; leaks=True allows it to leave things behind."
)
_FAILED = pytest.StashKey["_Failure"]()


@dataclass(frozen=True)
class _Asked:
    """What a test's mark asks for."""

    clock: Clock = "real"
    seeds: int | Iterable[int] | None = None
    seed: int | None = None
    timeout: float | None = None
    leaks: bool = False

    def all_seeds(self) -> list[int | None]:
        if self.seed is not None:
            return [self.seed]
        if self.seeds is None:
            return [None]
        return list(range(self.seeds)) if isinstance(self.seeds, int) else list(self.seeds)


@dataclass(frozen=True)
class _Failure:
    seed: int
    passed: int
    all: int


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cafeloop")
    group.addoption(
        "--cafeloop",
        action="store_true",
        help="run the tests of pytest-asyncio and of anyio's asyncio backend on cafeloop's loop,"
        " by the clock and the seed that a mark of theirs may ask for",
    )
    group.addoption(
        "--cafeloop-seed",
        type=int,
        metavar="N",
        help="run tests that are marked with seeds by this one only: the order that failed",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)
    if config.getoption("cafeloop"):
        if config.pluginmanager.hasplugin("asyncio"):
            config.pluginmanager.register(_ForPytestAsyncio(), "cafeloop-for-pytest-asyncio")
        if config.pluginmanager.hasplugin("anyio"):
            config.pluginmanager.register(_ForAnyio(), "cafeloop-for-anyio")


class _ForPytestAsyncio:
    @pytest.hookimpl
    def pytest_asyncio_loop_factories(
        self, config: pytest.Config, item: pytest.Item
    ) -> Mapping[str, Callable[[], AbstractEventLoop]]:
        return {"cafeloop": loop_factory(item)}


class _ForAnyio:
    @pytest.fixture(scope="module")
    def anyio_backend(self, request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
        return "asyncio", {"loop_factory": loop_factory(request.node)}


def loop_factory(node: Any = None) -> Callable[[], AbstractEventLoop]:
    """A factory of loops for other plugins: with the clock and the seed that `node`, a test or
    a module, is marked with.

    For pytest-asyncio it is what the hook `pytest_asyncio_loop_factories` gives, for anyio the
    option `loop_factory` of its asyncio backend; `--cafeloop` sees to both.
    """
    from ._loop import new_event_loop

    asked = (_asked(node) if node is not None else None) or _Asked()
    return functools.partial(new_event_loop, clock=asked.clock, seed=asked.all_seeds()[0])


def _asked(node: Any) -> _Asked | None:
    """What the nearest mark asks for; None if there is none."""
    mark = node.get_closest_marker("cafeloop")
    if mark is None:
        return None
    if mark.args:
        raise pytest.UsageError(f"{node.nodeid}: the mark cafeloop takes keywords only")
    try:
        return _Asked(**mark.kwargs)
    except TypeError:
        known = ", ".join(_Asked.__dataclass_fields__)
        unknown = ", ".join(sorted(mark.kwargs.keys() - _Asked.__dataclass_fields__.keys()))
        text = f"{node.nodeid}: the mark cafeloop knows {known}; it doesn't know {unknown}"
        raise pytest.UsageError(text) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and (asked := _asked(item)) is not None:
            _refuse_nonsense(item, asked, config)


def _refuse_nonsense(item: pytest.Function, asked: _Asked, config: pytest.Config) -> None:
    from ._clock import resolve

    if not _is_ours(item):
        if item.get_closest_marker("asyncio") or item.get_closest_marker("anyio"):
            if config.getoption("cafeloop"):
                return
            raise pytest.UsageError(
                f"{item.nodeid}: with the mark of another plugin, the mark cafeloop works under"
                " --cafeloop only; or take the other mark away"
            )
        raise pytest.UsageError(f"{item.nodeid}: the mark cafeloop is for coroutines (async def)")
    try:
        resolve(asked.clock)
        if asked.seeds is not None and asked.seed is not None:
            raise ValueError("seed and seeds can't be given both")
        if not asked.all_seeds():
            raise ValueError("seeds must be at least 1")
        if asked.timeout is not None and not asked.timeout > 0:
            raise ValueError(f"timeout must be more than 0 seconds, got {asked.timeout!r}")
    except (TypeError, ValueError) as error:
        raise pytest.UsageError(f"{item.nodeid}: the mark cafeloop: {error}") from None


def _is_ours(item: pytest.Function) -> bool:
    others = item.get_closest_marker("asyncio") or item.get_closest_marker("anyio")
    return inspect.iscoroutinefunction(item.obj) and not others


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    asked = _asked(pyfuncitem)
    if asked is None or not _is_ours(pyfuncitem):
        return None
    __tracebackhide__ = True
    # It loads asyncio, so no earlier.
    from ._checked import Checks, LeftBehind, TookTooLong

    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    test = functools.partial(pyfuncitem.obj, **arguments)
    seeds = asked.all_seeds()
    only: int | None = pyfuncitem.config.getoption("cafeloop_seed")
    if only is not None and seeds != [None]:
        seeds = [only]
    complaint = None
    with Checks(clock=asked.clock, timeout=asked.timeout) as checks:
        for passed, seed in enumerate(seeds):
            try:
                checks.run(test, seed)
                if passed == len(seeds) - 1:
                    checks.collect()
            except (LeftBehind, TookTooLong) as error:
                if isinstance(error, LeftBehind) and asked.leaks:
                    continue
                complaint = str(error)
            except BaseException:
                _note(pyfuncitem, seed, passed, len(seeds))
                raise
            if complaint is not None:
                _note(pyfuncitem, seed, passed, len(seeds))
                break
    # Outside of the handler, or pytest would show what was handled as well.
    if complaint is not None:
        pytest.fail(complaint, pytrace=False)
    return True


def _note(item: pytest.Item, seed: int | None, passed: int, all_seeds: int) -> None:
    if seed is not None:
        item.stash[_FAILED] = _Failure(seed, passed, all_seeds)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    failure = item.stash.get(_FAILED, None)
    if failure is not None and call.when == "call" and report.failed:
        before = f" after {failure.passed} of {failure.all} had passed" if failure.passed else ""
        text = (
            f"seed {failure.seed} failed{before}; this order again, and no other:\n"
            f"pytest '{item.nodeid}' --cafeloop-seed={failure.seed}"
        )
        report.sections.append(("cafeloop", text))
    return report
