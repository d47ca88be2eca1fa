"""Processes that a loop starts: the waits for them, and how they end."""

import os
import sys

PROGRAM = """\
import asyncio, signal, sys
async def run(status):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-Sc", f"import sys, time; time.sleep(0.01); sys.exit({status})")
    await process.wait()
async def end():
    process = await asyncio.create_subprocess_shell("exec sleep 60")
    process.send_signal(signal.SIGTERM)
    await process.wait()
async def main():
    await run(0)
    await run(3)
    await end()
asyncio.run(main())
"""


def test_a_wait_for_a_process_is_one_with_its_program_and_status(record_tasks):
    flow = record_tasks(PROGRAM)
    python = os.path.basename(sys.executable)
    processes = flow.run.processes
    assert [(it.program, it.status) for it in processes] == [
        (python, 0), (python, 3), ("shell", -15)
    ]
    for process in processes:
        assert process.started_ns < process.ended_ns
    first = record_tasks.first_line
    waits = flow.waits(flow.task("main"))
    long = [chain for what, chain in waits if what == "process" and chain]
    assert [chain[1] for chain in long[:2]] == [("run", first + 4), ("run", first + 4)]
    # Whoever is woken by it knows by which.
    woken = [interval.by for interval in flow.task("main").intervals
             if interval.state == "ready" and interval.by[0] == "process"]
    assert woken == [["process", 0], ["process", 1], ["process", 2]]
