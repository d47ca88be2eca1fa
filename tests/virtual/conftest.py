"""Running tests of the pytest plugin in an interpreter of their own."""

import importlib.metadata

import pytest


@pytest.fixture
def outcome_of(pytester):
    """Runs these tests in an interpreter of their own, which has the plugin."""

    def outcome_of(source, *options):
        pytester.makepyfile("import asyncio, pytest, cafeloop\n" + source)
        # Others that are installed would have their say, and some of them warn.
        plugins = ["-p", "no:asyncio", "-p", "no:anyio"]
        if not importlib.metadata.entry_points(group="pytest11", name="cafeloop"):
            # The package is on the path, but not installed.
            plugins += ["-p", "cafeloop.pytest_plugin"]
        return pytester.runpytest_subprocess(*plugins, "-W", "error", *options)

    return outcome_of
