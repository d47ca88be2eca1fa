"""What the harness prints: a last line for programs, a counter for people, lines to expect."""

import io
from pathlib import Path

import pytest

from harness import report, untouched
from harness.answer import Answer, Outcome
from harness.bad_input import BadInput
from harness.expectations import judge
from harness.progress import Progress
from harness.proposal import propose
from harness.record import Record
from harness.rules import Rules


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self):
        return True


def record(outcomes, python="3.13.0", detail="Traceback\nNotImplementedError", **fields):
    tests = {name: Answer(Outcome(outcome), detail=detail) for name, outcome in outcomes.items()}
    return Record(
        loop="peer:new_loop",
        version="1.0",
        jobs=1,
        limit_s=1.0,
        python=python,
        tests=tests,
        **fields,
    )


def judged(run, rules=""):
    return judge(run.tests, Rules.parse(rules, (3, 13, 0), "list"), "ABC")


def test_the_last_line_counts_what_makes_the_run_fail():
    run = record(
        {
            "A.x.a": "passed",
            "A.x.b": "failed",
            "A.x.c": "passed",
            "A.x.d": "failed",
            "A.x.e": "skipped",
        }
    )
    verdict = judged(run, "A.x.c :: why\nA.x.d :: why\nA.y.* :: why")
    assert report.last_line(verdict) == "1 passed, 3 failed, 1 skipped"


def test_each_difference_is_named_with_the_rule_it_breaks():
    run = record({"A.x.b": "failed", "A.x.c": "passed", "A.x.d": "failed"}, flaky=["A.x.c"])
    verdict = judged(run, "A.x.c :: why\nA.x.d :: why\nA.y.* :: why")
    assert report.differences(run, verdict) == (
        "flaky: A.x.c: failed in a fork, passed in a fresh interpreter\n"
        "not expected to fail: A.x.b\n"
        "    NotImplementedError\n"
        "expected to fail, and passes: A.x.c (list:1: A.x.c)\n"
        "expected to fail, and is not there: A.y.* (list:3)\n"
        "1 failed as expected\n"
    )


def test_the_score_leaves_out_what_proves_nothing():
    run = record(
        {
            "A.x.a": "passed",
            "A.x.b": "failed",
            "A.x.c": "skipped",
            "B.m.C.d": "untouched",
            "B.m.C.e": "excluded",
        }
    )
    assert "1 of 2 passed = 50.0 %" in report.summary(run)
    assert report.outcomes(run).splitlines()[-1].split() == [
        "total",
        "1",
        "1",
        ".",
        ".",
        ".",
        "1",
        "1",
        "1",
    ]


def test_a_record_comes_back_as_it_was_written(tmp_path):
    run = record({"A.x.a": "passed", "A.x.b": "hung"}, flaky=["A.x.a"])
    run.tests["A.x.b"].seconds = 1.5
    run.write(tmp_path / "out.json")
    assert Record.read(tmp_path / "out.json") == run


def test_a_file_that_is_no_record_is_refused(tmp_path):
    (tmp_path / "out.json").write_text("{}")
    with pytest.raises(BadInput, match="cannot read .*out.json as a record of run.py --json"):
        Record.read(tmp_path / "out.json")


@pytest.mark.parametrize(
    ("outcome", "detail", "line"),
    [
        ("failed", "Traceback\n  ~~~~^^^\nAssertionError: 1 != 2\n", "AssertionError: 1 != 2"),
        ("failed", "ValueError: x\n\n--- output ---\nprinted\n", "ValueError: x"),
        (
            "hung",
            "killed after 9 s in the test\nTimeout!\n  File x\n",
            "killed after 9 s in the test",
        ),
        ("crashed", "killed by SIGSEGV in the test\n  File x\n", "killed by SIGSEGV in the test"),
        ("error", "", "error"),
    ],
)
def test_one_line_says_what_went_wrong(outcome, detail, line):
    assert Answer(Outcome(outcome), detail=detail).last_line() == line


class Clock:
    """Time that passes when told to."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def test_a_counter_appears_on_a_terminal_after_some_seconds():
    out, err, clock = io.StringIO(), Terminal(), Clock()
    progress = Progress(3, out, err, clock=clock)
    progress.report("A.x.a", Answer(Outcome.PASSED))
    assert err.getvalue() == ""
    clock.now += 10
    progress.report("A.x.b", Answer(Outcome.FAILED))
    assert err.getvalue().endswith("2 of 3 tests, 1 failed")
    progress.clear()
    assert err.getvalue().endswith("\r\x1b[K")
    assert out.getvalue() == "[2/3] FAILED   A.x.b  (0.0 s)\n"


def test_no_counter_goes_into_a_file():
    err, clock = io.StringIO(), Clock()
    progress = Progress(1, io.StringIO(), err, clock=clock)
    clock.now += 10
    progress.report("A.x.a", Answer(Outcome.PASSED))
    assert err.getvalue() == ""


def test_expected_failures_are_announced_only_on_request():
    said = {}
    for verbose in (False, True):
        out = io.StringIO()
        progress = Progress(1, out, io.StringIO(), verbose=verbose, expected={"A.x.a"})
        progress.report("A.x.a", Answer(Outcome.FAILED, detail="the traceback"))
        said[verbose] = out.getvalue()
    assert said[False] == ""
    assert said[True] == "[1/1] FAILED   A.x.a  (0.0 s) (expected)\nthe traceback\n"


def test_a_class_of_which_all_fail_is_proposed_as_a_pattern():
    run = record(
        {
            "A.x.a": "failed",
            "A.x.b": "failed",
            "A.x.c": "skipped",
            "B.m.C.d": "failed",
            "B.m.C.e": "passed",
            "B.m.D.f": "failed",
        }
    )
    assert propose([run]) == (
        "# --- NotImplementedError\n"
        "A.x.* :: NotImplementedError\n"
        "B.m.C.d :: NotImplementedError\n"
        "B.m.D.f :: NotImplementedError\n"
    )


def test_a_proposal_holds_for_the_pythons_it_was_seen_on():
    old = record({"A.x.a": "failed", "B.m.C.gone": "failed"}, python="3.11.7")
    middle = record(
        {"A.x.a": "failed", "B.m.C.new": "failed", "B.m.C.ok": "passed"}, python="3.12.1"
    )
    new = record({"A.x.a": "failed", "B.m.C.new": "failed", "B.m.C.ok": "failed"}, python="3.13.0")
    assert propose([new, old, middle]).splitlines()[1:] == [
        "A.x.a :: NotImplementedError",
        "[>=3.13] B.m.C.* :: NotImplementedError",
        "[<3.12] B.m.C.gone :: NotImplementedError",
        "[>=3.12,<3.13] B.m.C.new :: NotImplementedError",
    ]


def test_what_is_proposed_is_what_the_run_needs():
    run = record({"A.x.a": "failed", "A.x.b": "failed", "B.m.C.d": "hung", "B.m.C.e": "passed"})
    assert judged(run, propose([run])).failed == 0


def test_an_expected_failure_keeps_its_reason_in_a_proposal():
    run = record({"A.x.a": "failed"})
    run.tests["A.x.a"].expected = "no sockets yet"
    assert propose([run]) == "# --- no sockets yet\nA.x.a :: no sockets yet\n"


def test_a_proposal_needs_one_whole_run_for_each_python():
    run = record({"A.x.a": "failed"})
    with pytest.raises(BadInput, match="two of the records are of Python 3.13"):
        propose([run, run])
    with pytest.raises(BadInput, match="a run with --only cannot tell"):
        propose([record({"A.x.a": "failed"}, only=["A.x.a"])])


@pytest.mark.parametrize(("patch", "found"), [(0, 0), (3, 2), (5, 2), (6, 9), (12, 9)])
def test_a_patch_release_without_a_list_uses_the_nearest(tmp_path, patch, found):
    for known in (0, 2, 9):
        untouched.learn([f"B.learnt_on.{known}"], (3, 13, known), tmp_path)
    untouched.learn(["B.of.another"], (3, 14, patch), tmp_path)
    names, remark = untouched.listed((3, 13, patch), tmp_path)
    assert names == {f"B.learnt_on.{found}"}
    assert bool(remark) == (patch != found)
    if remark:
        assert remark.endswith(f"for Python 3.13.{patch}: using that of 3.13.{found}")


def test_a_python_without_any_list_runs_all(tmp_path):
    names, remark = untouched.listed((3, 15, 0), tmp_path)
    assert names == set()
    assert "all are run" in remark


def test_the_lists_of_this_project_hold_ids():
    for path in Path(untouched.FOLDER).iterdir():
        lines = path.read_text().splitlines()
        assert lines == sorted(set(lines))
        assert all(line[:2] in ("A.", "B.", "C.") for line in lines)
