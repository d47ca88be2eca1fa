"""What the memory check makes of a report: which findings count, and which aren't ours."""

import importlib.util
from pathlib import Path

import pytest

SPEC = importlib.util.spec_from_file_location("check", Path(__file__).with_name("check.py"))
check = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(check)

OURS = ("cafeloop::object::future::begin", "/tree/_cafeloop.cpython-313-x86_64-linux-gnu.so")
PYTHONS = ("_PyEval_EvalFrameDefault", "/usr/lib/libpython3.13.so")
ALLOCATOR = ("malloc", "/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so")

LOST = "Leak_DefinitelyLost"


def error(kind, *frames):
    shown = "".join(f"<frame><obj>{obj}</obj><fn>{fn}</fn></frame>" for fn, obj in frames)
    return f"<error><kind>{kind}</kind><what>{kind} of 8</what><stack>{shown}</stack></error>"


@pytest.fixture
def findings(tmp_path):
    """What is read from a report with these errors."""

    def findings(*errors, end="</valgrindoutput>"):
        report = tmp_path / "1.xml"
        report.write_text("<?xml version='1.0'?><valgrindoutput>" + "".join(errors) + end)
        return check.read(report)

    return findings


@pytest.mark.parametrize("kind", ["InvalidRead", "InvalidWrite", "UninitCondition", "InvalidFree"])
@pytest.mark.parametrize("frames", [(OURS,), (PYTHONS,), ()])
def test_a_wrong_access_counts_wherever_it_is(findings, kind, frames):
    (found,) = findings(error(kind, *frames))
    assert found.counts
    assert str(found).startswith(f"{kind}: {kind} of 8")


def test_lost_memory_counts_if_we_allocated_it(findings):
    assert [found.counts for found in findings(
        error(LOST, ALLOCATOR, OURS, PYTHONS),
        error(LOST, ALLOCATOR, PYTHONS, OURS),
        error(LOST, ALLOCATOR, PYTHONS),
        error("Leak_PossiblyLost", ALLOCATOR, OURS),
        error("Leak_StillReachable", ALLOCATOR, OURS),
    )] == [True, False, False, False, False]


def test_a_report_that_was_cut_short_is_read_as_far_as_it_goes(findings):
    found = findings(error("InvalidRead", OURS), error("InvalidWrite", OURS)[:40], end="")
    assert [each.kind for each in found] == ["InvalidRead"]


def test_a_finding_shows_its_stack_and_that_of_what_was_there(findings):
    both = error("InvalidRead", OURS).replace("</error>", error("", PYTHONS)[len("<error>") :])
    both = both.replace("<kind></kind><what> of 8</what>", "<auxwhat>freed</auxwhat>")
    (found,) = findings(both)
    assert [line.split("  ")[-1] for line in str(found).splitlines()[1:]] == [
        "_cafeloop.cpython-313-x86_64-linux-gnu.so", "of what was there:", "libpython3.13.so",
    ]


def test_the_usual_tests_are_there():
    for path in check.USUAL:
        if path.startswith("tests/"):
            assert (check.ROOT / path).exists(), path
