"""Our pytest plugin beside pytest-asyncio's and anyio's: whose tests, and by which loop and clock.

This is about our loop alone, and so runs once.  What those plugins do on the loop is in
`test_pytest_asyncio.py`.
"""

import pytest

pytestmark = pytest.mark.slow

# Each other plugin's mark, and the one that is left out.
OTHERS = {
    "pytest-asyncio": ("anyio", "@pytest.mark.asyncio"),
    "anyio": ("asyncio", "@pytest.mark.anyio"),
}
HEAD = "import asyncio, pytest, cafeloop\n"
PLAIN = """
MARK
async def test_it():
    assert isinstance(asyncio.get_running_loop(), cafeloop.Loop)
"""


@pytest.fixture
def loop_name():
    return "cafeloop"


@pytest.fixture
def installed():
    """Nothing is: a plugin has to see to the loop."""


@pytest.fixture
def outcomes(start_program, tmp_path):
    """Runs tests by a pytest of their own; returns its exit code, and all that it printed."""

    def outcomes(tests, *options):
        (tmp_path / "test_cafe.py").write_text(HEAD + tests)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        program = start_program("-m", "pytest", "-q", *options)
        printed, said = program.process.communicate()
        return program.process.returncode, printed + said

    return outcomes


@pytest.fixture(params=OTHERS)
def other(request, outcomes):
    """Runs tests with another plugin, whose mark stands where they say MARK."""
    absent, mark = OTHERS[request.param]

    def other(tests, *options):
        return outcomes(tests.replace("MARK", mark), "-p", f"no:{absent}", *options)

    return other


def test_other_plugins_tests_run_on_our_loop_if_that_is_asked_for(other):
    status, printed = other(PLAIN, "--cafeloop")
    assert status == 0, printed
    status, printed = other(PLAIN)
    assert (status, "1 failed" in printed) == (1, True), printed


def test_a_mark_chooses_the_clock_of_another_plugins_test(other):
    status, printed = other(
        """
pytestmark = pytest.mark.cafeloop(clock="virtual", start=100)

MARK
async def test_it():
    before = asyncio.get_running_loop().time()
    await asyncio.sleep(36000)
    assert asyncio.get_running_loop().time() - before == 36000
    assert before >= 100
""",
        "--cafeloop",
    )
    assert status == 0, printed


def test_a_mark_chooses_the_seed_of_another_plugins_test(other):
    source = """
pytestmark = pytest.mark.cafeloop(clock="virtual", seed=SEED)

MARK
async def test_it():
    order = []

    async def customer(name):
        await asyncio.sleep(1)
        order.append(name)

    await asyncio.gather(*map(customer, "ABCDEF"))
    print("order:", *order)
"""

    def order_of(seed):
        status, printed = other(source.replace("SEED", str(seed)), "--cafeloop", "-s")
        assert status == 0, printed
        return printed.partition("order: ")[2].partition("\n")[0]

    assert order_of(1) == order_of(1) != order_of(2)


def test_two_marks_without_the_option_are_refused(other):
    status, printed = other("MARK\n@pytest.mark.cafeloop\nasync def test_it(): pass\n")
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "works under --cafeloop only" in printed


def test_a_mark_that_makes_no_sense_is_refused_there_too(other):
    tests = "MARK\n@pytest.mark.cafeloop(clock='sundial')\nasync def test_it(): pass\n"
    status, printed = other(tests, "--cafeloop")
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "clock must be 'real', 'virtual' or a VirtualClock, got 'sundial'" in printed


def test_our_marks_tests_are_ours_beside_both(outcomes):
    status, printed = outcomes("""
@pytest.mark.cafeloop(clock="virtual", seeds=3)
async def test_ours():
    await asyncio.sleep(36000)
    assert asyncio.get_running_loop().time() == 36000

@pytest.mark.asyncio
async def test_pytest_asyncios():
    assert not isinstance(asyncio.get_running_loop(), cafeloop.Loop)

@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_anyios():
    assert not isinstance(asyncio.get_running_loop(), cafeloop.Loop)
""")
    assert status == 0, printed


def test_pytest_asyncios_auto_mode_gives_its_mark_to_ours_too(outcomes):
    tests = """
@pytest.mark.cafeloop(clock="virtual")
async def test_it():
    await asyncio.sleep(3600)
    assert isinstance(asyncio.get_running_loop(), cafeloop.Loop)
"""
    options = ("--asyncio-mode=auto", "-p", "no:anyio")
    status, printed = outcomes(tests, *options)
    assert status == pytest.ExitCode.USAGE_ERROR
    assert "which pytest-asyncio's mode `auto` gives to every coroutine" in printed
    status, printed = outcomes(tests, *options, "--cafeloop")
    assert status == 0, printed


def test_a_projects_own_hook_of_pytest_asyncio_may_ask_for_the_factory(outcomes, tmp_path):
    (tmp_path / "conftest.py").write_text("""
from cafeloop.pytest_plugin import loop_factory

def pytest_asyncio_loop_factories(config, item):
    return {"cafeloop": loop_factory(item)}
""")
    status, printed = outcomes(PLAIN.replace("MARK", "@pytest.mark.asyncio"), "-p", "no:anyio")
    assert status == 0, printed


def test_a_policy_fixture_of_pytest_asyncio_may_name_ours(outcomes):
    # What its versions before 1.4 have for this, and later ones still take.
    status, printed = outcomes(
        """
@pytest.fixture(scope="session")
def event_loop_policy():
    return cafeloop.EventLoopPolicy()
""" + PLAIN.replace("MARK", "@pytest.mark.asyncio"),
        "-p", "no:anyio", "-W", "ignore::DeprecationWarning",
    )
    assert status == 0, printed


def test_a_backend_fixture_of_anyio_may_ask_for_the_factory(outcomes):
    status, printed = outcomes(
        """
from cafeloop.pytest_plugin import loop_factory

@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": loop_factory()}
""" + PLAIN.replace("MARK", "@pytest.mark.anyio"),
        "-p", "no:asyncio",
    )
    assert status == 0, printed


def test_a_fixture_of_anyios_shares_the_loop_and_its_clock(outcomes):
    status, printed = outcomes(
        """
pytestmark = [pytest.mark.anyio, pytest.mark.cafeloop(clock="virtual")]

@pytest.fixture
async def opened():
    await asyncio.sleep(3600)
    yield asyncio.get_running_loop()

async def test_it(opened):
    assert opened is asyncio.get_running_loop()
    assert opened.time() >= 3600
""",
        "-p", "no:asyncio", "--cafeloop",
    )
    assert status == 0, printed
