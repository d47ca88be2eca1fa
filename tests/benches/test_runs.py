"""A run as a whole: it goes on whatever its measurements come to."""

import io
import re
from dataclasses import replace

import pytest

from benches.compare import compare
from benches.compare.catalogue import find_rows
from benches.compare.outcome import Answer, Outcome
from benches.compare.plan import plan
from benches.compare.progress import Progress
from tests.benches.conftest import PLAIN

LOOPS = [replace(PLAIN, name=name) for name in ("good", "bad")]
ENTRIES = [
    entry for entry in find_rows("tests.benches.rows") if entry.row.name in ("warm", "needy")
]
MEASURED = Answer(Outcome.MEASURED, {"operations": 1, "cpu_ns": 1, "wall_ns": 1})


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock():
    """Goes on by ten seconds each time that it's looked at."""

    def clock():
        clock.now += 10.0
        return clock.now

    clock.now = 0.0
    return clock


@pytest.fixture
def run(make_record, clock):
    """Runs three rounds of fake measurements; returns the record, and what was written."""

    def run(measure, err=None):
        turns = plan(ENTRIES, LOOPS, limit=False, rounds=3, seed=1)
        record = replace(make_record(), is_complete=False, load_after=[], duration_s=-1.0)
        err = err or io.StringIO()
        compare.run(turns, measure, record, Progress(turns, err, clock))
        return record, err.getvalue()

    return run


def of_pair(record, row, loop):
    return [one.outcome for one in record.measurements if (one.row, one.loop) == (row, loop)]


def test_all_measurements_are_recorded(run):
    record, _ = run(lambda turn: MEASURED)
    assert of_pair(record, "warm", "good") == [Outcome.MEASURED] * 3
    assert of_pair(record, "warm", "bad") == [Outcome.MEASURED] * 3
    assert {one.round for one in record.measurements} == {1, 2, 3}
    assert record.is_complete
    assert len(record.load_after) == 3
    assert record.duration_s >= 0


@pytest.mark.parametrize("outcome", set(Outcome) - {Outcome.MEASURED})
def test_a_pair_that_failed_is_left_out_and_the_others_go_on(run, outcome):
    def measure(turn):
        return Answer(outcome, {}, "why") if turn.loop_name == "bad" else MEASURED

    record, log = run(measure)
    assert of_pair(record, "warm", "bad") == [outcome]
    assert of_pair(record, "warm", "good") == [Outcome.MEASURED] * 3
    assert record.is_complete
    assert f"warm on bad: {outcome}, why" in log


def test_a_row_whose_needs_arent_installed_isnt_measured(run):
    def measure(turn):
        assert turn.entry.row.name != "needy"
        return MEASURED

    record, _ = run(measure)
    assert of_pair(record, "needy", "good") == [Outcome.MISSING]
    assert of_pair(record, "needy", "bad") == [Outcome.MISSING]


def test_an_interrupt_leaves_what_there_is(run):
    done = []

    def measure(turn):
        if len(done) == 4:
            raise KeyboardInterrupt
        done.append(turn)
        return MEASURED

    record, _ = run(measure)
    measured = [one for one in record.measurements if one.outcome is Outcome.MEASURED]
    assert len(measured) == 4
    assert not record.is_complete
    assert len(record.load_after) == 3


def test_a_log_has_lines_with_the_time_that_is_left(run):
    _, log = run(lambda turn: MEASURED)
    lines = [line for line in log.splitlines() if line.startswith("[")]
    assert lines[-1] == "[12/12] 0 s left"
    # Each measurement takes ten seconds of the clock.
    assert any(line.endswith("] 20 s left") for line in lines)
    assert "\r" not in log


def test_a_terminal_has_one_line_that_says_what_runs(run):
    _, written = run(lambda turn: MEASURED, Terminal())
    shown = [line for line in written.split("\r\x1b[K") if line.startswith("[")]
    assert shown[0].startswith("[1/12] starting  round 1: ")
    assert re.fullmatch(r"\[1[012]/12\] \d+ s left  round 3: warm on (good|bad)", shown[-1])
    assert not any("\n" in line for line in shown)
    # And it's taken off at the end.
    assert written.endswith("\r\x1b[K")
