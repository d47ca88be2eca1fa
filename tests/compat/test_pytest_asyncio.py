"""pytest-asyncio and anyio's plugin: tests that are coroutines, with loops of every scope."""

import pytest

pytestmark = pytest.mark.slow

TESTS = """
import asyncio
import pytest
import pytest_asyncio

def module_of_the_loop():
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]

@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def menu():
    menu = asyncio.Queue()
    await menu.put("latte")
    yield menu
    await asyncio.sleep(0)
    assert menu.empty()

@pytest_asyncio.fixture
async def loop_of_the_fixture():
    yield asyncio.get_running_loop()
    await asyncio.sleep(0)

@pytest.mark.asyncio
async def test_it_runs_on_the_loop(loop_of_the_fixture):
    assert module_of_the_loop() == MODULE
    assert loop_of_the_fixture is asyncio.get_running_loop()

@pytest.mark.asyncio(loop_scope="module")
async def test_it_shares_its_modules_loop(menu):
    assert await menu.get() == "latte"

@pytest.mark.asyncio
@pytest.mark.parametrize("number", range(20))
async def test_each_has_a_loop_of_its_own(number):
    assert len(asyncio.all_tasks()) == 1
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(asyncio.sleep(0, n)) for n in range(number)]
    assert [task.result() for task in tasks] == list(range(number))

@pytest.mark.asyncio
@pytest.mark.xfail(raises=ValueError, strict=True)
async def test_it_may_fail():
    raise ValueError("spilt")

@pytest.mark.asyncio
async def test_what_it_leaves_is_cancelled():
    asyncio.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
"""

ANYIOS_TESTS = """
import anyio
import asyncio
import pytest

pytestmark = pytest.mark.anyio

@pytest.fixture
def anyio_backend():
    return "asyncio", {"loop_factory": asyncio.new_event_loop}

@pytest.fixture
async def stream():
    async with anyio.create_task_group() as group:
        send, receive = anyio.create_memory_object_stream(1)
        async with send, receive:
            await send.send("latte")
            yield receive
        group.cancel_scope.cancel()

async def test_it_runs_on_the_loop(stream):
    assert type(asyncio.get_running_loop()).__module__.partition(".")[0] == MODULE
    assert await stream.receive() == "latte"

@pytest.mark.parametrize("number", range(20))
async def test_each_has_a_group(number):
    async with anyio.create_task_group() as group:
        for _ in range(number):
            group.start_soon(anyio.sleep, 0)
"""


@pytest.fixture
def outcomes(start_program, launcher, loop_name, tmp_path):
    """Runs tests by a pytest of their own, warnings being errors, and returns its last line."""

    def outcomes(tests, *options):
        (tmp_path / "pytest.ini").write_text("[pytest]\nfilterwarnings = error\nasyncio_default_fixture_loop_scope = function\n")
        (tmp_path / "test_cafe.py").write_text(f"MODULE = {loop_name!r}\n{tests}")
        program = start_program(*launcher, "pytest", "-q", *options)
        status, printed = program.end()
        assert status == 0, printed
        return printed.splitlines()[-1].partition(" in ")[0]

    return outcomes


def test_pytest_asyncios_tests_run_on_the_loop(outcomes):
    assert outcomes(TESTS, "-p", "no:anyio") == "23 passed, 1 xfailed"


def test_pytest_asyncios_tests_run_on_the_loop_in_debug_mode(outcomes, monkeypatch):
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")
    assert outcomes(TESTS, "-p", "no:anyio") == "23 passed, 1 xfailed"


def test_anyios_tests_run_on_the_loop(outcomes):
    assert outcomes(ANYIOS_TESTS, "-p", "no:asyncio", "-W", "ignore:Unknown config option") == "21 passed"
