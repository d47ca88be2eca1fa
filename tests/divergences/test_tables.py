"""The tables of `docs/divergences.md`: how they are measured, and that all of it has a probe.

That they are true is checked by `make compat`, which has the other loops.
"""

import importlib.util
import re
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parent


@pytest.fixture(scope="module")
def run():
    spec = importlib.util.spec_from_file_location("divergences_run", FOLDER / "run.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def behaviours():
    sys.path.insert(0, str(FOLDER))
    import probes

    sys.path.remove(str(FOLDER))
    return probes.all_behaviours()


@pytest.fixture
def measure(run, monkeypatch, behaviours):
    """Measures one behaviour on a loop that is made by some source."""
    (behaviour,) = [each for each in behaviours if each.name == "scheduling.call_at_nan"]

    def measure(source):
        monkeypatch.setitem(run.LOOPS, "tested", source)
        return run.measure("tested", behaviour)

    return measure


FAKE = """
class Fake:
    def call_at(self, when, callback): {body}
    def close(self): pass
import os, signal, time
new_loop = Fake
"""


def test_what_a_probe_saw_is_the_answer(measure):
    assert measure(FAKE.format(body="pass")) == "works"
    assert measure(FAKE.format(body="raise ValueError")) == "ValueError"
    assert measure(FAKE.format(body="print('and much else')")) == "works"


def test_a_loop_that_dies_is_told_of(measure):
    dying = FAKE.format(body="os.kill(os.getpid(), signal.SIGKILL)")
    assert measure(dying) == "dies of SIGKILL"


def test_a_loop_that_hangs_is_told_of(measure, run, monkeypatch):
    monkeypatch.setattr(run, "LIMIT_SECONDS", 0.5)
    assert measure(FAKE.format(body="time.sleep(60)")) == "hangs"


def test_a_probe_that_fails_ends_the_measurement(measure):
    with pytest.raises(SystemExit, match="(?s)scheduling.call_at_nan on tested failed:.*spilt"):
        measure("raise ValueError('spilt')")


def test_only_differences_are_shown(run, behaviours, monkeypatch):
    monkeypatch.setattr(run.importlib.metadata, "version", lambda name: "1.2.3")
    answers = [["yes", "no", "yes"], ["yes", "yes", "no"], ["yes", "yes", "yes"]]
    shown = run.tables(behaviours[:3], answers)
    ours, theirs, nobodys = behaviours[:3]
    assert f"| {ours.title} | yes | no | = | {ours.why} |" in shown
    assert f"| {theirs.title} | yes | no |" in shown
    assert nobodys.title not in shown


def test_each_row_of_the_document_has_a_probe_and_each_difference_of_ours_a_reason(
    run, behaviours
):
    _, measured, behind = run.split(run.DOCUMENT.read_text())
    assert behind, "the document has lost its marks"
    rows = [re.split(r" \| ", line[2:-2]) for line in measured.splitlines() if line[:2] == "| "]
    rows = [row for row in rows if row[0] != "Behaviour"]
    by_title = {each.title: each for each in behaviours}
    assert len(by_title) == len(behaviours)
    assert {row[0] for row in rows} <= by_title.keys()
    for row in rows:
        if len(row) == 5:
            assert row[4] == by_title[row[0]].why != ""
