"""The table in the terminal."""

import re
from dataclasses import replace

import pytest

from benches.compare.amounts import amount, number
from benches.compare.figures import results
from benches.compare.outcome import Outcome
from benches.compare.table import WIDTH, details, table
from tests.benches.findings import failed, row_record, took


def shown(record, **options):
    return table(record, results(record), **options)


def line_of(text, title):
    (line,) = (line for line in text.splitlines() if line.startswith(title))
    return line.split()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.001234, "0.00123"), (0.5, "0.500"), (1.0, "1.00"), (99.96, "100"), (1234.5, "1234")],
)
def test_a_number_has_three_digits(value, text):
    assert number(value) == text


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (999, "ns", "999 ns"),
        (1210, "ns", "1.21 us"),
        (2.5e9, "ns", "2.50 s"),
        (1431, "bytes", "1431 B"),
    ],
)
def test_an_amount_has_a_unit_that_fits(value, unit, text):
    assert amount(value, unit) == text


def test_a_row_has_its_figures_and_ratios(make_record):
    record = make_record(took("asyncio", 60_000), took("uvloop", 30_000), took("cafeloop", 15_000))
    assert line_of(shown(record), "title of task") == [
        *("title", "of", "task", "us", "6.00", "3.00", "1.50", "2.00x", "4.00x")
    ]


def test_losses_stand_in_it_like_wins(make_record):
    record = make_record(took("uvloop", 30), took("cafeloop", 60))
    assert line_of(shown(record), "title of task")[-1] == "0.50x"


def test_a_failure_has_its_word_and_its_reason(make_record):
    record = make_record(took("asyncio", 60), failed("uvloop", Outcome.CRASHED, "SIGSEGV"))
    text = shown(record)
    assert "crash" in line_of(text, "title of task")
    assert "uvloop crash: task, SIGSEGV" in text


def test_a_loop_that_doesnt_install_is_said(make_record):
    text = shown(make_record(took("asyncio", 60)))
    assert "rsloop doesn't install on 3.13: no wheel." in text


def test_rounds_that_differ_much_are_marked(make_record):
    record = make_record(*(took("uvloop", ns) for ns in (1000, 2000, 3000)))
    assert "~200" in line_of(shown(record), "title of task")
    assert "~: the rounds differ" in shown(record)


def test_what_ends_early_is_said(make_record):
    figures = {"waits": 10, "early": 4, "median_ns": 50, "median_off_ns": 150, "p99_ns": 60}
    early = replace(took("uvloop", 0), figures=figures)
    text = shown(make_record(early, rows=[row_record(kind="distribution")]))
    assert "uvloop ends early in 40% of task." in text


def test_it_fits_a_hundred_columns(make_record):
    rows = [row_record("x" * 40), row_record("short")]
    record = make_record(
        *(took("asyncio", 123_456_789, row=row.name) for row in rows),
        *(took("cafeloop", 123_456_789, row=row.name) for row in rows),
        failed("uvloop", Outcome.RAISED, "a reason " * 30, row="short"),
        rows=rows,
    )
    for text in (shown(record), details(results(record))):
        assert max(map(len, text.splitlines())) <= WIDTH == 100


def test_it_is_plain_unless_colour_is_asked_for(make_record):
    record = make_record(took("uvloop", 30), took("cafeloop", 60))
    assert shown(record).isascii()
    assert "\x1b" not in shown(record)
    coloured = shown(record, colour=True)
    assert "\x1b[31m   0.50x\x1b[0m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == shown(record)


def test_a_family_that_an_interrupt_left_out_has_no_heading(make_record):
    rows = [row_record(), row_record("timer", family="Timers")]
    text = shown(make_record(took("asyncio", 60), rows=rows))
    assert "Tasks (CPU per task)" in text
    assert "Timers" not in text


def test_details_have_what_the_table_has_no_room_for(make_record):
    record = make_record(*(took("uvloop", ns) for ns in (1000, 2000, 3000)), took("cafeloop", 1000))
    text = details(results(record))
    (line,) = (line for line in text.splitlines() if line.startswith("  uvloop"))
    assert line.split() == ["uvloop", "200", "ns", "130", "ns", "100%", "3", "10", "2.00"]
