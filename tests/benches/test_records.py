"""Records on disk."""

import json

import pytest

from benches.compare.bad_input import BadInput
from benches.compare.outcome import Outcome
from benches.compare.record import Record
from tests.benches.findings import failed, took


def test_what_is_written_is_read_again(make_record, tmp_path):
    record = make_record(took("uvloop", 7), failed("cafeloop", Outcome.CRASHED, "SIGSEGV"))
    record.write(tmp_path / "run.json")
    assert Record.read(tmp_path / "run.json") == record


def test_a_record_without_measurements_is_read_again(make_record, tmp_path):
    record = make_record()
    record.write(tmp_path / "run.json")
    assert Record.read(tmp_path / "run.json") == record


def test_a_measurement_is_a_line_with_its_raw_figures(make_record, tmp_path):
    make_record(took("uvloop", 7)).write(tmp_path / "run.json")
    lines = (tmp_path / "run.json").read_text().splitlines()
    (line,) = (line for line in lines if "cpu_ns" in line)
    assert json.loads(line)["figures"] == {
        "operations": 10,
        "cpu_ns": 7,
        "wall_ns": 1_000_000_000,
    }


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1}', "null"])
def test_another_file_is_refused(tmp_path, text):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(BadInput, match=r"run\.json isn't a record of this benchmark"):
        Record.read(tmp_path / "run.json")


def test_a_later_format_is_refused(make_record, tmp_path):
    make_record().write(tmp_path / "run.json")
    text = (tmp_path / "run.json").read_text()
    (tmp_path / "run.json").write_text(text.replace('"format": 1', '"format": 2'))
    with pytest.raises(BadInput, match="not of format 1"):
        Record.read(tmp_path / "run.json")


def test_a_file_that_isnt_there_is_said(tmp_path):
    with pytest.raises(BadInput, match=r"can't read .*run\.json: No such file"):
        Record.read(tmp_path / "run.json")
