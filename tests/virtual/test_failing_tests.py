"""What a failing test of the pytest plugin shows of itself: its flow, and its order."""

import sys

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow

FAILS = """
@pytest.mark.cafeloop(clock="virtual", seeds=[3, 4])
async def test_it():
    async def brew(coffee):
        await asyncio.sleep(60)

    async def forgotten():
        pass

    forgotten()
    await asyncio.gather(brew("Latte"), brew("Mocha"))
    assert asyncio.get_running_loop().time() == 59
"""


def test_its_flow_is_drawn_with_the_findings(outcome_of):
    result = outcome_of(FAILS)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E  *assert 60.0 == 59*",
            "*- cafeloop: the flow -*",
            "test_it, seed 3 * 60.0 s * 3 tasks *",
            "brew('Latte') *brew 60.0 s*",
            "brew('Mocha') *brew 60.0 s*",
            "Findings",
            "  never-awaited",
            "*forgotten (*.py:*",
            "*- cafeloop: the order -*",
            "seed 3 failed; this order again, and no other:",
        ]
    )


def test_without_a_seed_it_is_drawn_as_well(outcome_of):
    result = outcome_of("""
@pytest.mark.cafeloop
async def test_it():
    raise LookupError("out of beans")
""")
    result.stdout.fnmatch_lines(["*LookupError: out of beans", "*- cafeloop: the flow -*"])
    assert "cafeloop: the order" not in result.stdout.str()


def test_what_was_left_behind_is_drawn(outcome_of):
    result = outcome_of("""
@pytest.mark.cafeloop(clock="virtual")
async def test_it():
    asyncio.create_task(asyncio.sleep(60), name="barista")
    await asyncio.sleep(10)
""")
    result.stdout.fnmatch_lines(
        ["the test has left behind:", "*- cafeloop: the flow -*", "barista *10.0 s*"]
    )


@pytest.mark.parametrize("option", ["--show-capture=no", "--tb=short", "--tb=native"])
def test_it_is_shown_whatever_else_is(outcome_of, option):
    result = outcome_of(FAILS, option)
    result.stdout.fnmatch_lines(["*- cafeloop: the flow -*", "pytest * --cafeloop-seed=3"])


def test_it_is_not_recorded_if_that_is_asked_for(outcome_of):
    result = outcome_of(FAILS, "--cafeloop-no-flow")
    assert "cafeloop: the flow" not in result.stdout.str()
    result.stdout.fnmatch_lines(["pytest * --cafeloop-seed=3"])


def test_a_test_that_passes_or_is_skipped_shows_nothing(outcome_of):
    result = outcome_of(
        """
@pytest.mark.cafeloop
async def test_passes():
    pass

@pytest.mark.cafeloop(seeds=2)
async def test_is_skipped():
    pytest.skip("no beans")

@pytest.mark.cafeloop(seeds=2)
@pytest.mark.xfail
async def test_may_fail():
    assert False
""",
        "-rA",
    )
    result.assert_outcomes(passed=1, skipped=1, xfailed=1)
    assert "cafeloop: the" not in result.stdout.str()


def test_a_test_may_make_a_recording_of_its_own(outcome_of):
    result = outcome_of("""
@pytest.mark.cafeloop
async def test_it(tmp_path):
    with cafeloop.record(tmp_path / "its.flow"):
        await asyncio.sleep(0)
    assert (tmp_path / "its.flow").stat().st_size > 0
    assert False
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["E *assert False", "It isn't drawn, since another recording was made meanwhile."]
    )


def test_tests_that_are_recorded_anyway_are_left_to_that(outcome_of, pytester):
    result = outcome_of("""
recording = cafeloop.record("all.flow")

@pytest.fixture(autouse=True)
def recorded():
    with recording:
        yield

@pytest.mark.cafeloop
async def test_it():
    assert recording.is_going()
""")
    result.assert_outcomes(passed=1)
    assert (pytester.path / "all.flow").stat().st_size > 0


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the interpreter doesn't count threads")
def test_a_test_that_forks_is_not_warned_of_a_thread_of_the_plugins(outcome_of):
    outcome_of("""
import os

@pytest.mark.cafeloop
async def test_it():
    child = os.fork()
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0) == (child, 0)
""").assert_outcomes(passed=1)


def test_what_comes_first_makes_place_for_the_newest(outcome_of):
    result = outcome_of("""
@pytest.mark.cafeloop
async def test_long():
    for _ in range(100_000):
        await asyncio.sleep(0)
    assert False
""")
    result.stdout.fnmatch_lines(["E *assert False", "*- cafeloop: the flow -*", "test_long *"])
