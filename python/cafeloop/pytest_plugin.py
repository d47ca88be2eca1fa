"""Asynchronous tests on cafeloop's loop: virtual time, seeded orders, nothing left behind.

    @pytest.mark.cafeloop(clock="virtual", seeds=50, timeout=60)
    async def test_it(): ...

runs the coroutine on a loop of its own, once for each seed.  The plugin is there as soon as the
package is installed, and does nothing for tests without the mark, unless `--cafeloop` makes it
the loop of pytest-asyncio's and anyio's tests as well.
"""

from __future__ import annotations

import contextlib
import functools
import importlib.metadata
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from ._clock import Clock
    from ._test_flow import Flow

MARK = (
    "cafeloop(clock='real', start=0, strict=False, seeds=None, seed=None, timeout=None,"
    " leaks=False): run a coroutine on cafeloop's loop; clock='virtual' waits in no time, from"
    " start on, and with strict=True never for anything outside; seeds=N or a list runs it in so"
    " many orders; timeout is in seconds of that clock; leaks=True allows it to leave things"
    " behind."
)
_FAILED = pytest.StashKey["_Failure"]()
# Where the terminal isn't this process's: pytest-xdist sends reports to one that is.
_COLUMNS = 80


@dataclass(frozen=True)
class _Asked:
    """What a test's marks ask for: of each setting, the nearest."""

    clock: Clock = "real"
    start: float = 0.0
    strict: bool = False
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

    def new_clock(self) -> Clock:
        """The clock of a loop."""
        from ._clock import VirtualClock, resolve

        if self.clock == "virtual":
            return VirtualClock(self.start, strict=self.strict)
        if self.start or self.strict:
            raise ValueError("start and strict go with clock='virtual'")
        return resolve(self.clock) or "real"

    def new_loop(self) -> AbstractEventLoop:
        from ._loop import new_event_loop

        return new_event_loop(clock=self.new_clock(), seed=self.all_seeds()[0])

    def check(self) -> None:
        """Raises TypeError or ValueError if it makes no sense."""
        self.new_clock()
        if self.seeds is not None and self.seed is not None:
            raise ValueError("seed and seeds can't be given both")
        if not self.all_seeds():
            raise ValueError("seeds must be at least 1")
        if self.timeout is not None and not self.timeout > 0:
            raise ValueError(f"timeout must be more than 0 seconds, got {self.timeout!r}")


@dataclass(frozen=True)
class _Failure:
    """How a test has failed."""

    seed: int | None
    passed: int
    all: int
    # What was seen of it, for people.
    flow: str | None


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
    group.addoption(
        "--cafeloop-no-flow",
        action="store_true",
        help="don't record marked tests, and don't draw the flow of those that fail",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARK)
    if config.getoption("cafeloop"):
        if config.pluginmanager.hasplugin("asyncio"):
            _refuse_oldest_pytest_asyncio(config)
            ours = _ForPytestAsyncio() if _takes_factories(config) else _ForOldPytestAsyncio()
            config.pluginmanager.register(ours, "cafeloop-for-pytest-asyncio")
        if config.pluginmanager.hasplugin("anyio"):
            config.pluginmanager.register(_ForAnyio(), "cafeloop-for-anyio")


def _refuse_oldest_pytest_asyncio(config: pytest.Config) -> None:
    """Refuses versions of pytest-asyncio that make loops of their own: those before 0.23."""
    if not hasattr(config.pluginmanager.getplugin("asyncio"), "event_loop_policy"):
        raise pytest.UsageError(
            "--cafeloop needs pytest-asyncio of version 0.23 or newer, that asks for a loop"
        )


def _refuse_oldest_anyio() -> None:
    """Refuses versions of anyio whose asyncio backend takes no loop: those before 4."""
    version = importlib.metadata.version("anyio")
    if version.startswith(("2.", "3.")):
        text = f"--cafeloop needs anyio of version 4 or newer for its tests, found {version}"
        pytest.fail(text, pytrace=False)


def _takes_factories(config: pytest.Config) -> bool:
    """Whether pytest-asyncio asks for factories of loops: it does since 1.4."""
    return hasattr(config.hook, "pytest_asyncio_loop_factories")


class _ForOldPytestAsyncio:
    @pytest.fixture(scope="session")
    def event_loop_policy(self) -> Any:
        from ._policy import EventLoopPolicy

        return EventLoopPolicy()


class _ForPytestAsyncio:
    @pytest.hookimpl
    def pytest_asyncio_loop_factories(
        self, config: pytest.Config, item: pytest.Item
    ) -> Mapping[str, Callable[[], AbstractEventLoop]]:
        return {"cafeloop": loop_factory(item)}


class _ForAnyio:
    @pytest.fixture(scope="module")
    def anyio_backend(self, request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
        # Only now: it is installed for many who have no such tests.
        _refuse_oldest_anyio()
        return "asyncio", {"loop_factory": loop_factory(request.node)}


def loop_factory(node: Any = None) -> Callable[[], AbstractEventLoop]:
    """A factory of loops for other plugins: with the clock and the seed that `node`, a test or
    a module, is marked with.

    For pytest-asyncio it is what the hook `pytest_asyncio_loop_factories` gives, for anyio the
    option `loop_factory` of its asyncio backend; `--cafeloop` sees to both.
    """
    return ((_asked(node) if node is not None else None) or _Asked()).new_loop


def _asked(node: Any) -> _Asked | None:
    """What its marks ask for, the nearest first; None if it has none."""
    settings: dict[str, Any] = {}
    marks = list(node.iter_markers("cafeloop"))
    for mark in marks:
        if mark.args:
            raise pytest.UsageError(f"{node.nodeid}: the mark cafeloop takes keywords only")
        has_seeds = not settings.keys().isdisjoint(("seed", "seeds"))
        for name, value in mark.kwargs.items():
            # Which seeds is one setting, by two names.
            if not (has_seeds and name in ("seed", "seeds")):
                settings.setdefault(name, value)
    if not marks:
        return None
    try:
        return _Asked(**settings)
    except TypeError:
        known = ", ".join(_Asked.__dataclass_fields__)
        unknown = ", ".join(sorted(settings.keys() - _Asked.__dataclass_fields__.keys()))
        text = f"{node.nodeid}: the mark cafeloop knows {known}; it doesn't know {unknown}"
        raise pytest.UsageError(text) from None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        if isinstance(item, pytest.Function) and (asked := _asked(item)) is not None:
            _refuse_nonsense(item, asked, config)


def _refuse_nonsense(item: pytest.Function, asked: _Asked, config: pytest.Config) -> None:
    if not _is_ours(item):
        if not (item.get_closest_marker("asyncio") or item.get_closest_marker("anyio")):
            text = f"{item.nodeid}: the mark cafeloop is for coroutines (async def)"
            raise pytest.UsageError(text)
        if not config.getoption("cafeloop"):
            raise pytest.UsageError(
                f"{item.nodeid}: with the mark of another plugin, the mark cafeloop works under"
                " --cafeloop only; or take the other mark away, which pytest-asyncio's mode"
                " `auto` gives to every coroutine"
            )
        if item.get_closest_marker("asyncio") and not _takes_factories(config):
            raise pytest.UsageError(
                f"{item.nodeid}: for the mark cafeloop beside pytest-asyncio's, that has to be of"
                " version 1.4 or newer; or take its mark away, which its mode `auto` gives to every"
                " coroutine"
            )
    try:
        asked.check()
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
    from ._checked import Checks, LeftBehind, LoopFailed, TookTooLong

    names = pyfuncitem._fixtureinfo.argnames
    arguments = {name: pyfuncitem.funcargs[name] for name in names}
    test = functools.partial(pyfuncitem.obj, **arguments)
    seeds = asked.all_seeds()
    only: int | None = pyfuncitem.config.getoption("cafeloop_seed")
    if only is not None and seeds != [None]:
        seeds = [only]
    complaint = None
    with Checks(clock=asked.new_clock, timeout=asked.timeout, leaks=asked.leaks) as checks:
        for passed, seed in enumerate(seeds):
            with _recorded(pyfuncitem, seed) as flow:
                try:
                    checks.run(test, seed, is_last=passed == len(seeds) - 1)
                except (LeftBehind, LoopFailed, TookTooLong) as error:
                    complaint = str(error)
                except _NO_FAILURES:
                    raise
                except BaseException:
                    _note(pyfuncitem, seed, passed, len(seeds), flow)
                    raise
                if complaint is not None:
                    _note(pyfuncitem, seed, passed, len(seeds), flow)
                    break
    # Outside of the handler, or pytest would show what was handled as well.
    if complaint is not None:
        # Whatever is hidden, pytest would tell of, too.
        __tracebackhide__ = False
        pytest.fail(complaint, pytrace=False)
    return True


_NO_FAILURES = (
    KeyboardInterrupt, pytest.exit.Exception, pytest.skip.Exception, pytest.xfail.Exception
)


def _recorded(
    item: pytest.Item, seed: int | None
) -> contextlib.AbstractContextManager[Flow | None]:
    if item.config.getoption("cafeloop_no_flow"):
        return contextlib.nullcontext()
    from ._test_flow import Flow

    return Flow(item.name if seed is None else f"{item.name}, seed {seed}")


def _note(
    item: pytest.Item, seed: int | None, passed: int, all_seeds: int, flow: Flow | None
) -> None:
    drawn = flow.drawn(*_screen(item.config)) if flow is not None else None
    item.stash[_FAILED] = _Failure(seed, passed, all_seeds, drawn)


def _screen(config: pytest.Config) -> tuple[int, bool]:
    """Columns of the terminal, and whether it shows more than ASCII."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is None:
        return _COLUMNS, True
    encoding = getattr(reporter._tw._file, "encoding", None) or ""
    return reporter._tw.fullwidth, encoding.lower().replace("-", "") == "utf8"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    failure = item.stash.get(_FAILED, None)
    if failure is None or call.when != "call" or not report.failed:
        return report
    # Beside the traceback, where it is shown whatever output is.
    add = getattr(report.longrepr, "addsection", None) or _adding_to(report)
    if failure.flow is not None:
        add("cafeloop: the flow", failure.flow.rstrip())
    if failure.seed is not None:
        before = f" after {failure.passed} of {failure.all} had passed" if failure.passed else ""
        text = (
            f"seed {failure.seed} failed{before}; this order again, and no other:\n"
            f"pytest '{item.nodeid}' --cafeloop-seed={failure.seed}"
        )
        add("cafeloop: the order", text)
    return report


def _adding_to(report: pytest.TestReport) -> Callable[[str, str], None]:
    return lambda title, text: report.sections.append((title, text))
