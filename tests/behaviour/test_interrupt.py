"""Ctrl-C: a program in the loop's hands ends at once, and its finally blocks run.

The programs are interpreters of their own.  Each says when it is ready, and is interrupted as
soon as the kernel shows it asleep: blocked in its poll, where a lost signal would hang it.
"""

import os
import signal

import pytest

pytestmark = pytest.mark.slow

LIMIT_SECONDS = 30

# The state is the first field after the command, which stands in brackets: proc_pid_stat(5).
ASLEEP = "S"


def state(process):
    with open(f"/proc/{process.pid}/stat") as file:
        return file.read().rpartition(") ")[2][0]


def interrupt(process, number=signal.SIGINT):
    """Waits for the next line of a program and for its sleep, and sends it a signal."""
    line = process.stdout.readline()
    while line and state(process) != ASLEEP:
        os.sched_yield()
    process.send_signal(number)
    return line


def finish(process):
    printed, complaints = process.communicate(timeout=LIMIT_SECONDS)
    return process.returncode, printed, complaints


BLOCKED_LOOP = """
loop = new_loop()
loop.call_soon(lambda: print("ready", flush=True))
try:
    loop.run_forever()
finally:
    print("finally, running:", loop.is_running())
    loop.close()
"""

BLOCKED_LOOP_WITH_A_TIMER = BLOCKED_LOOP.replace(
    "try:", "loop.call_later(3600, print)\ntry:"
)

BLOCKED_LOOP_WITH_A_READER = BLOCKED_LOOP.replace(
    "try:", "import os; pipe = os.pipe(); loop.add_reader(pipe[0], print)\ntry:"
)


@pytest.mark.parametrize(
    "program",
    [BLOCKED_LOOP, BLOCKED_LOOP_WITH_A_TIMER, BLOCKED_LOOP_WITH_A_READER],
    ids=["idle", "timer", "reader"],
)
def test_an_interrupt_ends_a_blocked_poll(start_script, program):
    process = start_script(program)
    interrupt(process)
    status, printed, complaints = finish(process)
    assert printed == "finally, running: False\n"
    assert complaints.endswith("\nKeyboardInterrupt\n")
    # What the shell shows as 130: an interpreter that an interrupt ends dies of the signal.
    assert status == -signal.SIGINT


def test_after_an_interrupt_the_loop_can_be_run_again(start_script):
    process = start_script("""
import asyncio
loop = new_loop()
for attempt in range(3):
    loop.call_soon(lambda: print("ready", flush=True))
    try:
        loop.run_forever()
    except KeyboardInterrupt:
        pass
print(loop.run_until_complete(asyncio.sleep(0.001, "done")))
loop.close()
""")
    for _ in range(3):
        assert interrupt(process) == "ready\n"
    assert finish(process) == (0, "done\n", "")


def test_an_interrupt_ends_a_callback_that_never_ends(start_script):
    process = start_script("""
def brood():
    print("ready", flush=True)
    while True:
        pass

loop = new_loop()
loop.call_soon(brood)
try:
    loop.run_forever()
except KeyboardInterrupt:
    print("interrupted")
loop.close()
""")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert finish(process) == (0, "interrupted\n", "")


def test_an_interrupt_ends_a_loop_that_is_never_idle(start_script):
    process = start_script("""
def again():
    loop.call_soon(again)

loop = new_loop()
loop.call_soon(again)
loop.call_soon(lambda: print("ready", flush=True))
try:
    loop.run_forever()
except KeyboardInterrupt:
    print("interrupted")
loop.close()
""")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    assert finish(process) == (0, "interrupted\n", "")


RUNNER = """
import asyncio

async def main():
    try:
        print("ready", flush=True)
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        print("cancelled")
        raise
    finally:
        await asyncio.sleep(0.001)
        print("cleaned up")

with asyncio.Runner(loop_factory=new_loop) as runner:
    runner.run(main())
"""


def test_an_interrupted_program_cleans_up_before_it_ends(start_script):
    process = start_script(RUNNER)
    interrupt(process)
    status, printed, complaints = finish(process)
    assert printed == "cancelled\ncleaned up\n"
    assert complaints.endswith("\nKeyboardInterrupt\n")
    assert status == -signal.SIGINT


def test_an_interrupt_reaches_a_program_that_waits_for_a_thread(start_script):
    process = start_script("""
import asyncio, threading

async def main():
    over = threading.Event()
    try:
        print("ready", flush=True)
        await asyncio.to_thread(over.wait)
    finally:
        over.set()
        print("cleaned up")

with asyncio.Runner(loop_factory=new_loop) as runner:
    try:
        runner.run(main())
    except KeyboardInterrupt:
        print("interrupted")
""")
    interrupt(process)
    assert finish(process) == (0, "cleaned up\ninterrupted\n", "")


def test_a_second_interrupt_does_not_wait_for_the_clean_up(start_script):
    process = start_script("""
import asyncio

async def main():
    try:
        print("ready", flush=True)
        await asyncio.sleep(3600)
    finally:
        print("cleaning up", flush=True)
        await asyncio.sleep(3600)
        print("cleaned up")

runner = asyncio.Runner(loop_factory=new_loop)
try:
    runner.run(main())
except KeyboardInterrupt:
    print("interrupted")
runner.close()
""")
    assert interrupt(process) == "ready\n"
    assert interrupt(process) == "cleaning up\n"
    assert finish(process) == (0, "interrupted\n", "")


def test_a_program_may_swallow_its_interrupt(start_script):
    process = start_script("""
import asyncio

async def main():
    try:
        print("ready", flush=True)
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        asyncio.current_task().uncancel()
    await asyncio.sleep(0.001)
    return "went on"

with asyncio.Runner(loop_factory=new_loop) as runner:
    print(runner.run(main()))
""")
    interrupt(process)
    assert finish(process) == (0, "went on\n", "")


HANDLED_BY_PYTHON = """
import signal, sys

def handle(number, frame):
    {action}

signal.signal(signal.SIGTERM, handle)
loop = new_loop()
loop.call_soon(lambda: print("ready", flush=True))
try:
    loop.run_forever()
finally:
    print("finally")
    loop.close()
"""


def test_a_handler_of_the_interpreter_runs_while_the_loop_is_blocked(start_script):
    program = HANDLED_BY_PYTHON.format(action="print('handled', flush=True)")
    process = start_script(program)
    assert interrupt(process, signal.SIGTERM) == "ready\n"
    assert interrupt(process, signal.SIGINT) == "handled\n"
    status, printed, _ = finish(process)
    assert (status, printed) == (-signal.SIGINT, "finally\n")


def test_an_exit_from_a_handler_of_the_interpreter_leaves_the_blocked_loop(start_script):
    process = start_script(HANDLED_BY_PYTHON.format(action="sys.exit(3)"))
    interrupt(process, signal.SIGTERM)
    assert finish(process) == (3, "finally\n", "")


def test_a_signal_that_nobody_handles_kills_a_blocked_loop(start_script):
    process = start_script(BLOCKED_LOOP)
    interrupt(process, signal.SIGTERM)
    assert finish(process) == (-signal.SIGTERM, "", "")


def test_an_interrupt_during_a_run_in_another_thread_goes_to_the_main_thread(start_script):
    process = start_script("""
import threading

loop = new_loop()
loop.call_soon(lambda: print("ready", flush=True))
runner = threading.Thread(target=loop.run_forever)
runner.start()
try:
    threading.Event().wait()
except KeyboardInterrupt:
    print("interrupted, running:", loop.is_running())
loop.call_soon_threadsafe(loop.stop)
runner.join()
loop.close()
""")
    interrupt(process)
    assert finish(process) == (0, "interrupted, running: True\n", "")
