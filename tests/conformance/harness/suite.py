"""Which tests there are: {id: test case}, for the levels asked for.

Ids are A.<area>.<test>, B.<module>.<class>.<test> and C.<module>.<class>.<test>. The suite is the
`test` package of the interpreter that runs this, so it always matches its version.
"""

import fnmatch
import importlib
import importlib.util
import re
import sys
import unittest
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from .bad_input import BadInput
from .factory import Factory
from .mixins import AREAS, PACKAGE, Area, plug

LEVELS = "ABC"

# Level C: where the standard library runs coroutines outside test_asyncio. A module that this
# Python lacks is passed over: unittest's own tests moved into `test` with 3.12.
ELSEWHERE = (
    "test.test_asyncgen",
    "test.test_contextlib_async",
    "test.test_coroutines",
    "test.test_unittest.test_async_case",
    "test.test_unittest.testmock.testasync",
    "unittest.test.test_async_case",
    "unittest.test.testmock.testasync",
    "test.test_sys_settrace",
    "test.test_type_params",
)

_WINDOWS = ("test_windows_events", "test_windows_utils", "test_proactor_events")

Tests = dict[str, unittest.TestCase]


def require_package() -> None:
    """Raise BadInput if this interpreter came without its tests."""
    try:
        found = importlib.util.find_spec(PACKAGE)
    except ModuleNotFoundError:
        found = None
    if found is None:
        version = "{}.{}".format(*sys.version_info)
        raise BadInput(
            f"{sys.executable} has no package {PACKAGE}: install its tests "
            f"(Debian and Ubuntu: libpython{version}-testsuite)"
        )


def allow_resources(network: bool) -> None:
    """Say which of the resources that tests ask for may be used."""
    from test import support  # after require_package()

    support.use_resources = ["cpu", "walltime"] + (["network"] if network else [])


def collect(levels: str, factory: Factory, only: Sequence[str] = ()) -> Tests:
    """The tests of these levels; with `only`, those that match one of its patterns."""
    tests: Tests = {}
    # Importing a module of tests costs more than running most of them, hence the question.
    for group, load in _groups(levels, factory):
        if not only or any(_may_match(pattern, group) for pattern in only):
            tests |= load()
    if not only:
        return tests
    chosen = set()
    for pattern in only:
        found = [name for name in tests if fnmatch.fnmatchcase(name, pattern)]
        if not found:
            raise BadInput(
                f"--only {pattern!r} matches no test of level {levels} (--list prints their ids)"
            )
        chosen.update(found)
    return {name: test for name, test in tests.items() if name in chosen}


def _groups(levels: str, factory: Factory) -> Iterator[tuple[str, Callable[[], Tests]]]:
    """The areas and modules of these levels, `A.sock.` and the like, and how to load each."""
    if "A" in levels:
        for name, area in AREAS.items():
            yield f"A.{name}.", partial(_area_tests, name, area, factory)
    modules = []
    if "B" in levels:
        [folder] = importlib.import_module(PACKAGE).__path__
        names = sorted(path.stem for path in Path(folder).glob("test_*.py"))
        modules += [("B", f"{PACKAGE}.{name}") for name in names if name not in _WINDOWS]
    if "C" in levels:
        modules += [("C", module) for module in ELSEWHERE]
    for level, module in modules:
        yield f"{level}.{_short(module)}.", partial(_module_tests, level, module)


def _may_match(pattern: str, group: str) -> bool:
    literal = re.split(r"[*?[]", pattern, maxsplit=1)[0]
    return literal.startswith(group) or group.startswith(literal)


def _short(module: str) -> str:
    return module.rpartition(".")[2]


def _area_tests(name: str, area: Area, factory: Factory) -> Tests:
    case = plug(name, area, factory)
    if case is None:
        return {}
    return {
        f"A.{name}.{test._testMethodName}": test
        for test in _flatten(unittest.defaultTestLoader.loadTestsFromTestCase(case))
    }


def _module_tests(level: str, module: str) -> Tests:
    try:
        source = importlib.import_module(module)
    except (ImportError, unittest.SkipTest):
        return {}  # not in this Python, or not on this platform
    tests = {}
    for test in _flatten(unittest.defaultTestLoader.loadTestsFromModule(source)):
        kind = type(test)
        # The loader's own cases say that something could not be loaded.
        if kind.__module__ != "unittest.loader" and hasattr(test, "_testMethodName"):
            tests[f"{level}.{_short(module)}.{kind.__name__}.{test._testMethodName}"] = test
    return tests


def _flatten(suite: unittest.TestSuite) -> Iterator[unittest.TestCase]:
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from _flatten(item)
        else:
            yield item
