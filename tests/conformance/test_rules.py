"""Files of rules hold for the Pythons they name, and refuse what has no reason."""

import sys
from pathlib import Path

import pytest

from harness.bad_input import BadInput
from harness.rules import Rules

HERE = Path(__file__).resolve().parent

# The first and the last that are supported, and each border that a [version] of ours names.
PYTHONS = [(3, minor, patch) for minor in range(11, 16) for patch in (0, 20)]


def patterns(text, version=(3, 13, 0)):
    return [rule.pattern for rule in Rules.parse(text, version).rules]


def test_comments_and_empty_lines_are_for_the_reader():
    assert patterns("# A.x :: no rule\n\n   \nA.sock.* :: why\n") == ["A.sock.*"]


@pytest.mark.parametrize(
    ("prefix", "holds_on"),
    [
        ("", {(3, 11, 7), (3, 12, 1), (3, 13, 0), (3, 14, 8)}),
        ("[<3.13] ", {(3, 11, 7), (3, 12, 1)}),
        ("[>=3.13]", {(3, 13, 0), (3, 14, 8)}),
        ("[>=3.12,<3.14] ", {(3, 12, 1), (3, 13, 0)}),
        ("[ >=3.12 , <3.14 ] ", {(3, 12, 1), (3, 13, 0)}),
        ("[>=3.12.2] ", {(3, 13, 0), (3, 14, 8)}),
    ],
)
def test_a_version_keeps_a_rule_for_the_pythons_it_names(prefix, holds_on):
    pythons = {(3, 11, 7), (3, 12, 1), (3, 13, 0), (3, 14, 8)}
    text = f"{prefix}B.test_x.* :: why"
    assert {python for python in pythons if patterns(text, python)} == holds_on


def test_a_pattern_is_case_sensitive_and_matches_whole_ids():
    rules = Rules.parse("A.sock.test_a? :: why", (3, 13, 0))
    assert rules.find("A.sock.test_ab").reason == "why"
    assert rules.find("A.Sock.test_ab") is None
    assert rules.find("A.sock.test_abc") is None


def test_the_first_rule_about_a_test_gives_the_reason():
    rules = Rules.parse("A.sock.test_a :: narrow\nA.sock.* :: wide", (3, 13, 0))
    assert rules.find("A.sock.test_a").reason == "narrow"
    assert rules.find("A.sock.test_b").reason == "wide"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("A.sock.*", "list:2: 'A.sock.*' has no reason: write 'pattern :: reason'"),
        ("A.sock.* ::  ", "has no reason"),
        ("*sock* :: why", "the pattern '*sock*' starts with no level: A., B. or C."),
        ("[>=3.12] :: why", "the pattern '' starts with no level"),
        ("D.sock :: why", "the pattern 'D.sock' starts with no level"),
        ("[>3.12] A.sock :: why", "cannot read the version '>3.12': write <3.14 or >=3.12"),
        ("[3.12] A.sock :: why", "cannot read the version '3.12'"),
        ("[>=3.99,<3.x] A.sock :: why", "cannot read the version '<3.x'"),
        ("[>=3.12 A.sock :: why", "never closes its [version]"),
    ],
)
def test_a_line_that_is_no_rule_is_refused_with_its_place(line, message):
    with pytest.raises(BadInput) as error:
        Rules.parse(f"# head\n{line}\n", (3, 13, 0), "list")
    assert str(error.value).startswith("list:2: ")
    assert message in str(error.value)


def test_a_line_for_another_python_is_checked_all_the_same():
    with pytest.raises(BadInput, match="has no reason"):
        Rules.parse("[<3.12] A.sock.*", (3, 13, 0))


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(BadInput, match="cannot read the rules in .*/nothing: .*No such file"):
        Rules.read(tmp_path / "nothing")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(BadInput, match="cannot read the rules in .*/binary: .*decode"):
        Rules.read(tmp_path / "binary")


@pytest.mark.parametrize("name", ["exclusions.txt", "expected_failures.txt"])
@pytest.mark.parametrize("version", PYTHONS, ids=lambda version: ".".join(map(str, version)))
def test_the_files_of_this_project_can_be_read_for_every_python(name, version):
    Rules.read(HERE / name, version)


def test_without_a_version_a_file_is_read_for_this_python(tmp_path):
    here = "{}.{}".format(*sys.version_info)
    path = tmp_path / "rules"
    path.write_text(f"[>={here}] A.here :: why\n[<{here}] A.before :: why\n")
    assert [rule.pattern for rule in Rules.read(path).rules] == ["A.here"]
