"""A forked test counts for what became of it, however it ended."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).resolve().with_name("outcome_samples.py")

pytestmark = pytest.mark.slow  # the two samples that hang must be waited for


@pytest.fixture(scope="module")
def result():
    done = subprocess.run([sys.executable, SAMPLES], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("sample", "outcome", "detail"),
    [
        ("passes", "passed", None),
        ("makes_no_loop", "untouched", None),
        ("fails", "failed", "AssertionError: as it should"),
        ("raises", "error", "ValueError: as it should"),
        ("fails_in_a_subtest", "failed", "[first]"),
        ("fails_as_its_author_expects", "passed", None),
        ("passes_against_its_author", "failed", "unexpected success"),
        ("skips", "skipped", "for a reason"),
        ("hangs", "hung", "in the test"),
        ("hangs_while_shutting_down", "hung", "while shutting down, after the test passed"),
        ("aborts", "crashed", "killed by SIGABRT in the test"),
        ("leaves_with_a_status", "crashed", "exit status 3 in the test"),
        (
            "aborts_while_shutting_down",
            "crashed",
            "killed by SIGABRT while shutting down, after the test passed",
        ),
        ("prints_and_fails", "failed", "--- output ---\nprinted before"),
        ("leaves_a_process_behind", "passed", None),
        ("finds_ctrl_c_working", "passed", None),
        ("finds_no_loop_of_a_sibling", "passed", None),
    ],
)
def test_every_ending_has_its_outcome(result, sample, outcome, detail):
    answer = result["answers"][sample]
    assert answer["outcome"] == outcome, answer
    if detail is None:
        assert "detail" not in answer
    else:
        assert detail in answer["detail"]


def test_the_stack_of_a_hang_is_kept(result):
    assert "in hangs" in result["answers"]["hangs"]["detail"]


def test_the_stack_of_a_crash_is_kept(result):
    assert "in aborts" in result["answers"]["aborts"]["detail"]


def test_the_loops_of_a_test_are_counted(result):
    assert result["answers"]["finds_no_loop_of_a_sibling"]["loops"] == 2


def test_no_process_outlives_its_test(result):
    assert not result["outlived"]
