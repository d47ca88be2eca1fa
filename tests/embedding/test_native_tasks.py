"""Whose tasks a loop runs: ours, or the interpreter's where ours can't be."""

import asyncio
import sys

import pytest

# Both are about this loop alone.
pytestmark = pytest.mark.parametrize("loop_name", ["cafeloop"])

# A program of what native tasks are made for, told by what it prints.
PROGRAM = """
async def guest(number):
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    return number

async def main():
    assert isinstance(asyncio.current_task(), asyncio.Task)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(guest(number)) for number in range(3)]
    assert asyncio.all_tasks() == {asyncio.current_task()}
    print(await asyncio.gather(*(guest(number) for number in range(3))))
    late = asyncio.create_task(asyncio.sleep(3600))
    await asyncio.sleep(0)
    late.cancel("closed")
    try:
        await late
    except asyncio.CancelledError as error:
        print(error)
    print(type(late).__module__)

cafeloop.run(main())
"""


def test_tasks_are_native(run_script):
    script = "import asyncio, cafeloop\nprint(cafeloop.build_info()['tasks'])\n"
    assert run_script(script + PROGRAM).splitlines() == ["native", "[0, 1, 2]", "closed", "cafeloop"]


def test_where_something_is_unknown_the_interpreters_tasks_run_and_the_build_says_why(run_script):
    script = """
import asyncio, cafeloop
from cafeloop import _cafeloop
assert _cafeloop._refuse_native_tasks("the layout is unknown")
print(cafeloop.build_info()["tasks"])
"""
    said = "interpreter (the layout is unknown)"
    expected = [said, "[0, 1, 2]", "closed", "_asyncio"]
    assert run_script(script + PROGRAM).splitlines() == expected


def test_once_tasks_were_made_it_is_too_late_to_refuse_them(run_script):
    script = """
import cafeloop
from cafeloop import _cafeloop
loop = cafeloop.new_event_loop()
loop.create_future().cancel()
loop.close()
print(_cafeloop._refuse_native_tasks("too late"), cafeloop.build_info()["tasks"])
"""
    assert run_script(script) == "False native\n"


def test_a_loop_with_a_call_soon_of_its_own_runs_the_interpreters_tasks_through_it(loop_class):
    called = []

    class Counting(loop_class):
        def call_soon(self, callback, *args, context=None):
            called.append(callback)
            return super().call_soon(callback, *args, context=context)

    async def main():
        await asyncio.sleep(0)
        return type(asyncio.current_task())

    loop = Counting()
    assert loop.run_until_complete(main()) is asyncio.Task
    assert type(loop.create_future()) is asyncio.Future
    # The first step, the one after the sleep, and what stops the loop.
    assert len(called) == 3
    loop.close()


@pytest.mark.skipif(sys.version_info < (3, 12), reason="there stand-ins take the names' place")
def test_a_run_leaves_asyncios_functions_what_they_are(loop_class):
    import cafeloop

    before = asyncio.sleep, asyncio.gather

    async def main():
        assert (asyncio.sleep, asyncio.gather) == before
        return type(asyncio.sleep(0)).__module__

    # Never awaited: warned of, as a coroutine is.
    with pytest.warns(RuntimeWarning, match="never awaited"):
        assert cafeloop.run(main()) == "cafeloop"
    sleep = asyncio.sleep(0)
    assert type(sleep).__name__ == "coroutine"
    sleep.close()
