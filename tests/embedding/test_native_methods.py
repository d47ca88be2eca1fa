"""What asyncio's own methods do for each task is done natively, in every version tested here.

They are tried out before; were one not what it is known by, it would be run itself, and nothing
else would show it.
"""

import asyncio
import sys

import cafeloop


def calls_of(main):
    """The names of the Python functions that run meanwhile."""
    called = set()

    def note(frame, event, argument):
        if event == "call":
            called.add(frame.f_code.co_name)

    async def profiled():
        # For the first time they are tried out.
        await main()
        sys.setprofile(note)
        try:
            await main()
        finally:
            sys.setprofile(None)

    cafeloop.run(profiled())
    return called


async def brew():
    await asyncio.sleep(0)


def test_a_task_group_runs_no_python_for_its_tasks():
    async def main():
        async with asyncio.TaskGroup() as group:
            group.create_task(brew())

    called = calls_of(main)
    assert "brew" in called
    assert "_on_task_done" not in called
    # CPython calls a function natively since 3.12 only.
    assert ("create_task" in called) == (sys.version_info < (3, 12))
