"""The rows themselves: each can be named, shown, and run on asyncio."""

import asyncio
import re

import pytest

from benches.compare.catalogue import ROWS_PACKAGE, choose_rows, find_rows
from benches.compare.row import Body, Distribution

ENTRIES = find_rows()
IN_LOOP = [entry for entry in ENTRIES if isinstance(entry.row, (Body, Distribution))]


def name(entry):
    return entry.row.name


def test_names_are_unique():
    names = [entry.row.name for entry in ENTRIES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("entry", ENTRIES, ids=name)
def test_a_row_can_be_named_and_shown(entry):
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", entry.row.name)
    assert len(entry.row.title) <= 40
    assert entry.row.title.isascii()
    assert choose_rows(ENTRIES, [entry.row.name]) == [entry]


@pytest.mark.parametrize("entry", IN_LOOP, ids=name)
def test_a_row_runs_on_asyncio(entry, left_as_found):
    row = entry.row
    if entry.missing():
        pytest.skip(f"needs {entry.missing()}")
    with asyncio.Runner() as runner:
        runner.run(row.body(1) if isinstance(row, Body) else row.once())


def test_families_come_in_the_order_that_is_written_down():
    families = list(dict.fromkeys(entry.family for entry in ENTRIES))
    assert families[:2] == ["Sleeping", "Tasks"]
    assert [entry.family for entry in find_rows("tests.benches.rows")][0] == "Servers"
    assert ROWS_PACKAGE == "benches.rows"
