"""Tasks of a recorded program: who they are, what they waited for, and who woke them."""

import sys

import pytest

pytestmark = pytest.mark.usefixtures("virtual_time")

CAFE = """\
import asyncio
async def make_coffee(coffee):
    await asyncio.sleep(20)
async def serve(flavour, coffee):
    await make_coffee(coffee)
async def main():
    first = asyncio.create_task(serve("Vanilla", "Latte"))
    second = asyncio.create_task(serve("Caramel", coffee="Mocha"))
    await asyncio.gather(first, second)
asyncio.run(main())
"""


def test_each_task_has_a_lane_that_shows_its_call(record_tasks):
    flow = record_tasks(CAFE)
    assert flow.labels() == ["main", "serve('Vanilla', 'Latte')", "serve('Caramel', 'Mocha')"]
    assert [task.end for task in flow.tasks] == ["returned"] * 3
    assert [task.parent for task in flow.tasks] == [None, 0, 0]
    assert flow.findings == []


def test_a_wait_is_told_with_the_lines_that_led_to_it(record_tasks):
    flow = record_tasks(CAFE)
    line = record_tasks.first_line
    for task in flow.tasks[1:]:
        ((_, chain),) = flow.waits(task)
        assert chain[:2] == [("serve", line + 4), ("make_coffee", line + 2)]
    ((what, chain),) = flow.waits(flow.tasks[0])
    assert (what, chain) == ("gather", [("main", line + 8)])


def test_a_sleep_is_told_as_one(record):
    flow = record(CAFE)
    assert [what for what, _ in flow.waits(flow.tasks[1])] == ["sleep"]
    assert flow.wakers(flow.tasks[1]) == ["main", "timer"]


def test_arguments_can_be_left_out(record_tasks):
    flow = record_tasks(CAFE, options=["--no-args"])
    assert flow.labels() == ["main", "serve", "serve"]


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        ("brew(1, 2.5, None, True)", "brew(1, 2.5, None, True)"),
        ("brew(b'beans', 'x' * 100)", f"brew(b'beans', '{'x' * 24}'…)"),
        ("brew([1], (2,), {3: 4})", "brew([…], (…), {…})"),
        ("brew(Secret())", "brew(<Secret>)"),
        ("brew(*range(9))", "brew(0, 1, 2, 3, 4, 5, …)"),
        ("brew(local, Cafe().brew, len)", "brew(local, Cafe.brew, len)"),
        ("Cafe().brew('Latte')", "Cafe.brew('Latte')"),
        ("local()('Latte')", "inner('Latte')"),
    ],
)
def test_labels_show_plain_values_and_ask_nobody_for_a_text(record, call, shown):
    flow = record(f"""\
import asyncio
class Secret:
    def __repr__(self):
        raise AssertionError("nobody may ask")
async def brew(a=0, b=0, c=0, d=0, e=0, f=0, g=0, h=0, i=0):
    pass
class Cafe:
    async def brew(self, coffee):
        pass
def local():
    async def inner(coffee):
        pass
    return inner
async def main():
    await asyncio.create_task({call})
asyncio.run(main())
""")
    label = flow.labels()[1]
    # Defaults are arguments too.
    assert label == shown or label.startswith(shown.removesuffix(")") + ", 0")


@pytest.mark.parametrize(("call", "shown"), [
    ("brew()", "brew(size=1)"),
    ("brew('Latte')", "brew('Latte', size=1)"),
    ("brew('Latte', 'Mocha', size=2)", "brew('Latte', 'Mocha', size=2)"),
    ("brew(*range(9), size=2)", "brew(0, 1, 2, 3, 4, 5, …)"),
])
def test_arguments_that_have_no_name_are_shown_too(record, call, shown):
    flow = record(f"""\
import asyncio
async def brew(*drinks, size=1):
    pass
async def main():
    await asyncio.create_task({call})
asyncio.run(main())
""")
    assert flow.labels()[1] == shown


def test_a_task_is_called_by_the_name_that_it_was_given(record_tasks):
    flow = record_tasks("""\
import asyncio
async def brew():
    pass
async def main():
    await asyncio.create_task(brew(), name="barista")
asyncio.run(main())
""")
    assert flow.labels() == ["main", "barista"]


def test_a_task_that_is_renamed_has_its_last_name(record):
    flow = record("""\
import asyncio
async def brew():
    asyncio.current_task().set_name("barista")
async def main():
    await asyncio.create_task(brew())
asyncio.run(main())
""")
    assert flow.labels() == ["main", "barista"]


def test_whoever_completes_a_future_wakes_the_task(record_tasks):
    flow = record_tasks("""\
import asyncio
async def wait(future):
    await future
async def tell(future):
    future.set_result(None)
async def main():
    future = asyncio.get_running_loop().create_future()
    await asyncio.gather(asyncio.create_task(wait(future), name="waits"),
                         asyncio.create_task(tell(future), name="tells"))
asyncio.run(main())
""")
    assert flow.wakers(flow.task("waits"))[-1] == "tells"


def test_other_threads_and_timers_wake_tasks_too(record_tasks):
    flow = record_tasks("""\
import asyncio, threading
async def wait(future):
    await future
async def main():
    loop = asyncio.get_running_loop()
    future, another = loop.create_future(), loop.create_future()
    loop.call_later(1, future.set_result, None)
    await asyncio.create_task(wait(future), name="timed")
    tell = lambda: loop.call_soon_threadsafe(another.set_result, None)
    thread = threading.Thread(target=tell)
    task = asyncio.create_task(wait(another), name="told")
    await asyncio.sleep(0)
    thread.start()
    await task
    thread.join()
asyncio.run(main())
""")
    assert flow.wakers(flow.task("timed"))[-1] == "timer"
    assert flow.wakers(flow.task("told"))[-1] == "thread"


def test_endings_are_told_apart(record_tasks):
    flow = record_tasks("""\
import asyncio
async def fail():
    raise LookupError
async def wait():
    await asyncio.sleep(60)
async def main():
    tasks = [asyncio.create_task(fail()), asyncio.create_task(wait())]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    tasks[1].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
asyncio.run(main())
""")
    assert [task.end for task in flow.tasks] == ["returned", "raised", "cancelled"]


def test_a_chain_goes_through_async_generators(record_tasks):
    flow = record_tasks("""\
import asyncio
async def coffees():
    await asyncio.sleep(20)
    yield "Latte"
async def main():
    async for coffee in coffees():
        pass
asyncio.run(main())
""")
    line = record_tasks.first_line
    chain = flow.waits(flow.task("main"))[0][1]
    assert chain[:2] == [("main", line + 5), ("coffees", line + 2)]


@pytest.mark.skipif(sys.version_info < (3, 12), reason="eager tasks are new in 3.12")
def test_an_eager_task_runs_inside_of_the_one_that_made_it(record):
    flow = record("""\
import asyncio
async def brew():
    await asyncio.sleep(2)
async def main():
    task_class = type(asyncio.current_task())
    await task_class(brew(), loop=asyncio.get_running_loop(), name="eager", eager_start=True)
asyncio.run(main())
""")
    eager = flow.task("eager")
    assert (eager.steps, eager.end) == (2, "returned")
    assert flow.wakers(eager) == ["main", "timer"]


def test_what_a_loop_needs_for_itself_is_no_task(record):
    flow = record("""\
import asyncio
async def main():
    await asyncio.to_thread(sum, [1])
asyncio.run(main())
""")
    assert flow.labels() == ["main"]
    (work,) = flow.run.works
    assert (work.code.function, work.task) == ("sum", 0)
    assert work.queued_ns <= work.begun_ns <= work.ended_ns


def test_a_job_that_was_cancelled_before_it_began_has_ended(record):
    flow = record("""\
import asyncio, concurrent.futures, threading
async def main():
    begun, go_on = threading.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = loop.run_in_executor(pool, lambda: (begun.set(), go_on.wait()))
        second = loop.run_in_executor(pool, print)
        begun.wait()
        second.cancel()
        await asyncio.sleep(0)
        go_on.set()
        await first
asyncio.run(main())
""")
    first, second = flow.run.works
    assert first.begun_ns is not None
    assert (second.begun_ns, second.ended_ns is None) == (None, False)


def test_what_nobody_awaits_is_found(record_tasks):
    flow = record_tasks("""\
import asyncio, gc, warnings
warnings.simplefilter("ignore")
async def brew():
    raise LookupError
async def wait(future):
    await future
async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)
    brew()
    failed = asyncio.create_task(brew())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del failed
    gc.collect()
asyncio.run(main())
""")
    assert "never-awaited" in flow.findings


def test_a_lost_exception_and_a_lost_task_are_found(record):
    flow = record("""\
import asyncio, gc
async def brew():
    raise LookupError
async def wait(future):
    await future
async def main():
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda loop, context: None)
    failed = asyncio.create_task(brew())
    stuck = asyncio.create_task(wait(loop.create_future()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    del failed, stuck
    gc.collect()
asyncio.run(main())
""")
    assert {"lost-exception", "leaked-task"} <= set(flow.findings)


def test_a_task_that_another_kind_of_future_wakes_is_the_same_task(record):
    flow = record("""\
import asyncio
async def main():
    loop = asyncio.get_running_loop()
    # The interpreter's own, not the loop's.
    future = asyncio.Future()
    loop.call_later(2, future.set_result, None)
    await future
    asyncio.current_task().get_name()
asyncio.run(main())
""")
    (task,) = flow.tasks
    assert (task.label, task.end, task.steps) == ("main", "returned", 2)
    assert flow.wakers(task) == ["creation", "timer"]


def test_a_task_that_has_met_a_timeout_was_not_cancelled_for_long(record):
    flow = record("""\
import asyncio
async def main():
    try:
        async with asyncio.timeout(20):
            await asyncio.sleep(60)
    except TimeoutError:
        pass
    # Longer than whoever is cancelled may take.
    await asyncio.sleep(200)
asyncio.run(main())
""")
    assert flow.findings == []
    # The wait that the timeout has ended is told with its line, too.
    assert flow.sites()["main", 5] == 1


def test_a_task_that_is_cancelled_at_the_end_has_waited_at_its_line(record_tasks):
    flow = record_tasks("""\
import asyncio
async def serve():
    await asyncio.sleep(60)
async def main():
    asyncio.create_task(serve(), name="server")
    await asyncio.sleep(20)
asyncio.run(main())
""")
    # By asyncio.run, while the loop stands still.
    assert flow.task("server").end == "cancelled"
    ((_, chain),) = flow.waits(flow.task("server"))
    assert chain[0] == ("serve", record_tasks.first_line + 2)


def test_a_loop_in_virtual_time_begins_when_the_last_one_has_ended(record_tasks):
    flow = record_tasks("""\
import asyncio
async def serve():
    await asyncio.sleep(3600)
for _ in range(2):
    with asyncio.Runner() as runner:
        runner.run(serve())
        runner.run(serve())
""")
    begun = [task.intervals[0].from_ns for task in flow.tasks]
    ended = [task.intervals[-1].to_ns for task in flow.tasks]
    assert len(begun) == 4
    for before, after in zip(ended[:-1], begun[1:], strict=True):
        assert before <= after
    assert ended[-1] >= 4 * 3600 * 10**9
