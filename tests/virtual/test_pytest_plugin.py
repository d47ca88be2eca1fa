"""The pytest plugin: what a mark runs, and what a failing test says."""

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.slow


def test_a_marked_coroutine_runs_on_our_loop(outcome_of):
    outcome_of("""
@pytest.fixture
def coffee():
    return "Latte"

@pytest.mark.cafeloop
async def test_it(coffee):
    assert type(asyncio.get_running_loop()) is cafeloop.Loop
    assert coffee == "Latte"

class TestCafe:
    pytestmark = pytest.mark.cafeloop(clock="virtual")

    @pytest.mark.parametrize("coffee", ["Latte", "Mocha"])
    async def test_it(self, coffee):
        await asyncio.sleep(36000)
        assert asyncio.get_running_loop().time() == 36000
""").assert_outcomes(passed=3)


def test_without_a_mark_it_does_nothing(outcome_of):
    outcome_of("""
def test_it():
    assert asyncio.new_event_loop().__class__.__module__.startswith("asyncio")
    asyncio.get_event_loop_policy()
""", "-W", "ignore").assert_outcomes(passed=1)


LOST_UPDATE = """
@pytest.mark.cafeloop(clock="virtual", seeds=100)
async def test_counting():
    total = 0

    async def count():
        nonlocal total
        await asyncio.sleep(1)
        before = total
        if order[:1] == ["closed"]:
            total = before + 1
            return
        await asyncio.sleep(0)
        total = before + 1

    async def close():
        await asyncio.sleep(1)
        order.append("closed")

    order = []
    await asyncio.gather(close(), count(), count())
    assert total == 2
"""


def test_a_failing_seed_is_named_and_fails_again(outcome_of):
    result = outcome_of(LOST_UPDATE)
    result.assert_outcomes(failed=1)
    (line,) = [line for line in result.outlines if "--cafeloop-seed=" in line]
    option = line.split()[-1]
    result.stdout.re_match_lines([r"seed \d+ failed.*; this order again, and no other:"])
    for _ in range(3):
        again = outcome_of(LOST_UPDATE, option)
        again.assert_outcomes(failed=1)
        again.stdout.fnmatch_lines([f"*{option}"])


def test_seeds_may_be_listed_or_be_one(outcome_of):
    outcome_of("""
seen = []

@pytest.mark.cafeloop(seeds=[3, 5, 7])
async def test_several():
    seen.append(asyncio.get_running_loop())

@pytest.mark.cafeloop(seed=3)
async def test_one():
    assert len(set(map(id, seen))) == 3
""").assert_outcomes(passed=2)


def test_a_test_is_limited_in_seconds_of_its_clock(outcome_of):
    result = outcome_of("""
@pytest.mark.cafeloop(clock="virtual", timeout=60)
async def test_long():
    other = asyncio.create_task(asyncio.Event().wait(), name="the other")
    await asyncio.sleep(61)

@pytest.mark.cafeloop(clock="virtual", timeout=60)
async def test_short():
    await asyncio.sleep(59)

@pytest.mark.cafeloop(clock="virtual", timeout=60)
async def test_its_own():
    raise TimeoutError("its own")
""")
    result.assert_outcomes(passed=1, failed=2)
    result.stdout.fnmatch_lines(
        [
            "the test took longer than 60 seconds of its loop's clock; it waits at *.py:6;"
            " beside it there are:",
            "- a pending task: the other, which runs Event.wait and waits at *locks.py:*",
            "*TimeoutError: its own",
        ]
    )


def test_a_test_that_catches_its_own_cancellation_took_too_long_all_the_same(outcome_of):
    result = outcome_of("""
@pytest.mark.cafeloop(clock="virtual", timeout=60)
async def test_stubborn():
    try:
        await asyncio.sleep(61)
    except asyncio.CancelledError:
        pass
""")
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["the test took longer than 60 seconds of *; it waits at *.py:6"])


def test_a_test_sees_no_task_but_its_own(outcome_of):
    outcome_of("""
@pytest.mark.cafeloop(timeout=60)
async def test_alone():
    (task,) = asyncio.all_tasks()
    assert task is asyncio.current_task()
    assert task.get_coro().__name__ == "test_alone"
""").assert_outcomes(passed=1)


def test_of_each_setting_the_nearest_mark_counts(outcome_of):
    outcome_of("""
pytestmark = pytest.mark.cafeloop(clock="virtual", start=100, seeds=2, timeout=60)
seen = []

@pytest.mark.cafeloop(start=200)
class TestCafe:
    @pytest.mark.cafeloop(seed=7)
    async def test_it(self):
        await asyncio.sleep(1.23)
        seen.append(asyncio.get_running_loop().time())

async def test_after():
    seen.append(asyncio.get_running_loop().time())

async def test_all():
    assert seen == [201.23, 100, 100]
""").assert_outcomes(passed=3)


def test_a_strict_clock_tells_where_the_test_waits(outcome_of):
    result = outcome_of("""
pytestmark = pytest.mark.cafeloop(clock="virtual", strict=True)

async def test_for_ever():
    await asyncio.Event().wait()

async def test_outside():
    child = await asyncio.create_subprocess_exec("cat", stdin=asyncio.subprocess.PIPE)
    try:
        await asyncio.wait_for(child.wait(), 60)
    finally:
        child.kill()
""")
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(
        [
            "*a strict virtual clock would wait for ever: *; it waits at *.py:6",
            "*a strict virtual clock can't foresee descriptor *, a child process: *;"
            " it waits at *.py:11*",
        ]
    )


def test_what_a_test_leaves_behind_fails_it(outcome_of):
    result = outcome_of("""
import socket

made = asyncio.Event()

async def brew():
    await asyncio.sleep(10)

@pytest.mark.cafeloop
async def test_task():
    asyncio.create_task(brew(), name="barista")

@pytest.mark.cafeloop
async def test_coroutine():
    brew()

@pytest.mark.cafeloop
async def test_sleep():
    asyncio.sleep(10)

@pytest.mark.cafeloop
async def test_sleeper():
    asyncio.create_task(asyncio.sleep(10), name="barista")

@pytest.mark.cafeloop
async def test_server():
    await asyncio.start_server(print, "127.0.0.1", 0)

@pytest.mark.cafeloop
async def test_transport():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    address = server.sockets[0].getsockname()
    transport, _ = await loop.create_connection(asyncio.Protocol, *address)
    server.close()

class ForgottenProtocol(asyncio.DatagramProtocol, asyncio.SubprocessProtocol):
    def connection_made(self, transport):
        made.set()

@pytest.mark.cafeloop
async def test_endpoint():
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(ForgottenProtocol, local_addr=("127.0.0.1", 0))

@pytest.mark.cafeloop
async def test_child():
    loop = asyncio.get_running_loop()
    await loop.subprocess_exec(ForgottenProtocol, "cat")

@pytest.mark.cafeloop
async def test_accepted(client):
    made.clear()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(ForgottenProtocol, "127.0.0.1", 0)
    client.connect(server.sockets[0].getsockname())
    await made.wait()
    server.close()

@pytest.fixture
def client():
    with socket.socket() as client:
        yield client

@pytest.mark.cafeloop(leaks=True)
async def test_allowed():
    asyncio.create_task(brew())
    brew()

@pytest.mark.cafeloop
async def test_clean():
    task = asyncio.create_task(brew())
    await asyncio.sleep(0)
    task.cancel()
""")
    outcomes = result.parseoutcomes()
    # A child that is still running may be told of by the interpreter, too, when it goes.
    assert (outcomes["passed"], outcomes["failed"]) == (2, 9)
    result.stdout.fnmatch_lines(
        [
            "the test has left behind:",
            "- a pending task: barista, which runs brew and waits at *.py:8",
            "the test has left behind:",
            "- coroutine 'brew' was never awaited: made at *.py:16",
            "the test has left behind:",
            "- coroutine 'sleep' was never awaited: made at *.py:20",
            "the test has left behind:",
            "- a pending task: barista, which runs sleep and was made at *.py:24",
            "the test has left behind:",
            "- an open server: <Server *>, made at *.py:28",
            "the test has left behind:",
            "- an open transport: <StreamTransport *>, made at *.py:35",
            "the test has left behind:",
            "- an open transport: <DatagramTransport *>, made at *.py:45",
            "the test has left behind:",
            "- an open transport: <SubprocessTransport *>, made at *.py:50",
            "the test has left behind:",
            "- an open transport: <StreamTransport *>, made by the loop itself, as a server does",
        ]
    )
    assert "During handling" not in result.stdout.str()


@pytest.mark.parametrize(
    ("mark", "text"),
    [
        ("clock='sundial'", "clock must be 'real', 'virtual' or a VirtualClock, got 'sundial'"),
        ("seeds=0", "seeds must be at least 1"),
        ("seeds=2, seed=1", "seed and seeds can't be given both"),
        ("start=7", "start and strict go with clock='virtual'"),
        ("clock='virtual', start=-1", "start must be a number of seconds, 0 or more, got -1"),
        ("timeout=-1", "timeout must be more than 0 seconds, got -1"),
        ("speed=2", "the mark cafeloop knows clock, start, strict, seeds, seed, timeout, leaks; it doesn't know"),
        ("'virtual'", "the mark cafeloop takes keywords only"),
    ],
)
def test_marks_that_make_no_sense_are_refused(outcome_of, mark, text):
    result = outcome_of(f"@pytest.mark.cafeloop({mark})\nasync def test_it(): pass\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert text in result.stderr.str()


def test_a_marked_function_must_be_a_coroutine(outcome_of):
    result = outcome_of("@pytest.mark.cafeloop\ndef test_it(): pass\n")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert "the mark cafeloop is for coroutines (async def)" in result.stderr.str()


def test_the_help_and_the_marks_name_it(outcome_of):
    assert "--cafeloop-seed" in outcome_of("", "--help").stdout.str()
    assert "run a coroutine on cafeloop's loop" in outcome_of("", "--markers").stdout.str()
