"""What raw figures come to."""

import pytest

from benches.compare.figures import Figure, Word, percentile, results
from benches.compare.outcome import Outcome
from tests.benches.findings import failed, row_record, took


@pytest.mark.parametrize(
    ("values", "percent", "expected"),
    [
        ([5.0], 15, 5.0),
        ([1.0, 2.0], 0, 1.0),
        ([1.0, 2.0], 100, 2.0),
        ([3.0, 1.0, 2.0], 50, 2.0),
        ([10.0, 20.0, 30.0, 40.0, 50.0], 15, 16.0),
        (list(map(float, range(101))), 15, 15.0),
    ],
)
def test_a_percentile_lies_between_its_neighbours(values, percent, expected):
    assert percentile(values, percent) == pytest.approx(expected)


def only(record):
    (result,) = results(record)
    return result


def test_rounds_come_to_a_median_a_percentile_and_a_spread(make_record):
    record = make_record(*(took("uvloop", cpu_ns) for cpu_ns in (30, 10, 20, 50, 40)))
    figure = only(record).figure("uvloop")
    assert figure.median == 3.0
    assert figure.percentile_15 == pytest.approx(1.6)
    assert figure.spread == pytest.approx(4 / 3)
    assert (figure.least, figure.greatest, figure.rounds) == (1.0, 5.0, 5)
    assert figure.per_second == 10.0


def test_the_best_peer_is_neither_asyncio_nor_cafeloop_nor_the_limit(make_record):
    took_least = [took("asyncio", 1), took("cafeloop", 1), took("epoll", 1)]
    result = only(make_record(*took_least, took("uvloop", 80)))
    assert result.best_peer() == "uvloop"
    assert result.ratio("uvloop") == 80.0
    assert result.figure("epoll").median == 0.1


def test_without_a_figure_there_is_no_ratio(make_record):
    result = only(make_record(took("uvloop", 80), failed("cafeloop", Outcome.RAISED)))
    assert result.best_peer() == "uvloop"
    assert result.ratio("uvloop") is None
    assert only(make_record(took("cafeloop", 80))).best_peer() is None


@pytest.mark.parametrize(
    ("loop", "outcome", "word"),
    [
        ("uvloop", Outcome.HUNG, "hangs"),
        ("uvloop", Outcome.CRASHED, "crash"),
        ("uvloop", Outcome.RAISED, "raises"),
        ("uvloop", Outcome.ERRORS, "errors"),
        ("uvloop", Outcome.MISSING, "needs"),
        ("uvloop", Outcome.UNSUPPORTED, "lacks"),
        ("cafeloop", Outcome.UNSUPPORTED, "not yet"),
        ("cafeloop", Outcome.CRASHED, "crash"),
    ],
)
def test_each_failure_has_its_word(make_record, loop, outcome, word):
    assert only(make_record(failed(loop, outcome, "why"))).cells[loop] == Word(word, "why")


def test_what_failed_once_has_no_figure(make_record):
    result = only(make_record(took("uvloop", 80), failed("uvloop", Outcome.CRASHED, "SIGSEGV")))
    assert result.cells["uvloop"] == Word("crash", "SIGSEGV")


def test_a_loop_that_isnt_installed_has_its_reason(make_record):
    assert only(make_record()).cells["rsloop"] == Word("-", "doesn't install on 3.13: no wheel")


def test_what_was_never_measured_is_empty(make_record):
    assert only(make_record()).cells["uvloop"] == Word("")


def of_kind(make_record, figures, **row):
    measurement = took("uvloop", 0)
    measurement = type(measurement)("task", "uvloop", 1, Outcome.MEASURED, figures)
    return only(make_record(measurement, rows=[row_record(**row)])).figure("uvloop")


def test_a_server_is_measured_by_request_or_by_amount(make_record):
    figures = {"requests": 100, "bytes": 5 << 20, "cpu_ns": 4000, "wall_ns": 500_000_000}
    by_request = of_kind(make_record, figures, kind="server", per="request")
    assert (by_request.median, by_request.per_second) == (40.0, 200.0)
    by_amount = of_kind(make_record, figures, kind="server", per="MiB")
    assert (by_amount.median, by_amount.per_second) == (800.0, 10.0)


def test_memory_is_bytes_for_each_object(make_record):
    figure = of_kind(make_record, {"objects": 10, "bytes": 1000}, kind="memory", unit="bytes")
    assert (figure.median, figure.per_second) == (100.0, None)


def test_a_process_is_its_cpu_time(make_record):
    figures = {"processes": 5, "cpu_ns": 70, "wall_ns": 1_000_000}
    figure = of_kind(make_record, figures, kind="process")
    assert (figure.median, figure.per_second) == (70, 1000.0)


def test_a_process_is_compared_with_asyncios_own(make_record):
    rows = [row_record(kind="process")]
    result = only(make_record(took("asyncio", 50), took("cafeloop", 70), rows=rows))
    assert result.beyond_asyncio("cafeloop") == 20
    assert result.beyond_asyncio("asyncio") is None
    assert result.beyond_asyncio("uvloop") is None
    of_other_kind = only(make_record(took("asyncio", 50), took("uvloop", 70)))
    assert of_other_kind.beyond_asyncio("uvloop") is None


def test_accuracy_is_the_distance_on_either_side(make_record):
    figures = {"waits": 10, "early": 10, "median_ns": 50, "median_off_ns": 150, "p99_ns": 60}
    figure = of_kind(make_record, figures, kind="distribution")
    assert isinstance(figure, Figure)
    assert (figure.median, figure.early_share, figure.p99_ns) == (150, 1.0, 60)
