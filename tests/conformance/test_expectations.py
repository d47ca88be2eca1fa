"""Expected failures are strict: whatever is not as the list says is a failure of the run."""

import pytest

from harness.answer import Answer, Outcome
from harness.expectations import judge
from harness.rules import Rules


def verdict(outcomes, rules="", whole_levels="ABC"):
    answers = {name: Answer(Outcome(outcome)) for name, outcome in outcomes.items()}
    return judge(answers, Rules.parse(rules, (3, 13, 0), "list"), whole_levels)


def test_without_rules_every_bad_outcome_is_a_surprise():
    seen = verdict(
        {
            "A.x.a": "passed",
            "A.x.b": "failed",
            "A.x.c": "error",
            "A.x.d": "hung",
            "A.x.e": "crashed",
            "A.x.f": "skipped",
        }
    )
    assert seen.surprises == ["A.x.b", "A.x.c", "A.x.d", "A.x.e"]
    assert (seen.passed, seen.skipped, seen.failed) == (["A.x.a"], ["A.x.f"], 4)


@pytest.mark.parametrize("outcome", ["failed", "error", "hung", "crashed"])
def test_an_expected_failure_is_no_failure(outcome):
    seen = verdict({"A.x.a": outcome, "A.x.b": "passed"}, "A.x.a :: why")
    assert (seen.expected, seen.failed) == (["A.x.a"], 0)


def test_an_expected_failure_that_passes_is_a_failure_and_not_a_pass():
    seen = verdict({"A.x.a": "passed"}, "A.x.a :: why")
    assert (list(seen.outlived), seen.passed, seen.failed) == (["A.x.a"], [], 1)


def test_every_test_of_a_pattern_must_fail():
    seen = verdict(
        {"A.x.a": "failed", "A.x.b": "passed", "A.x.c": "passed", "A.y.d": "passed"}, "A.x.* :: why"
    )
    assert list(seen.outlived) == ["A.x.b", "A.x.c"]
    assert seen.failed == 2


def test_a_test_that_passes_under_two_rules_counts_once():
    seen = verdict({"A.x.a": "failed", "A.x.b": "passed"}, "A.x.* :: why\nA.x.b :: why")
    assert seen.failed == 1


def test_a_rule_that_matches_no_test_is_a_failure():
    seen = verdict({"A.x.a": "passed"}, "A.y.* :: why")
    assert [rule.pattern for rule in seen.idle] == ["A.y.*"]
    assert seen.failed == 1


@pytest.mark.parametrize("whole_levels", ["", "A", "AC"])
def test_a_rule_about_what_was_not_run_is_not_judged(whole_levels):
    assert verdict({"A.x.a": "passed"}, "B.y.* :: why", whole_levels).failed == 0


@pytest.mark.parametrize("outcome", ["untouched", "excluded"])
def test_a_rule_that_matches_only_what_cannot_fail_matches_nothing(outcome):
    seen = verdict({"A.x.a": outcome}, "A.x.a :: why")
    assert (len(seen.idle), seen.failed) == (1, 1)


@pytest.mark.parametrize("outcome", ["untouched", "excluded", "skipped"])
def test_a_wide_rule_says_nothing_about_tests_that_prove_nothing(outcome):
    seen = verdict({"A.x.a": "failed", "A.x.b": outcome}, "A.x.* :: why")
    assert (seen.expected, seen.failed) == (["A.x.a"], 0)


def test_a_skipped_test_is_neither_stale_nor_missing():
    seen = verdict({"A.x.a": "skipped"}, "A.x.a :: why")
    assert (seen.skipped, seen.failed) == (["A.x.a"], 0)
