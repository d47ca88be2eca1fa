"""The processes whose instructions are counted: one for each row, forked.

    python -m benches.counts.work LAYOUT ROW...

prints the name of each row and the process in which it ran, a line each.  Forks share what it
takes to start Python, and a row finds the same heap whichever rows were counted before.

Whatever could differ between two runs is kept out: the garbage collector starts from an empty
heap, and the loop runs in a thread that isn't the main one.  There it watches no pipe for signals,
and a loop that watches nothing doesn't ask the kernel for events every 50 µs.
"""

import sys

# As many names as LAYOUT says, so that those of the modules below have other addresses.
NAMES = [sys.intern(f"name {number}") for number in range(int(sys.argv[1]))]

import asyncio
import gc
import os
import threading
import traceback

import cafeloop

from .rows import ROUNDS, ROWS, Row


def main() -> None:
    rows = {row.name: row for row in ROWS}
    for name in sys.argv[2:]:
        process = os.fork()
        if not process:
            os._exit(run(rows[name]))
        _, status = os.waitpid(process, 0)
        if status:
            sys.exit(f"row {name} failed")
        print(name, process, flush=True)


def run(row: Row) -> int:
    """The exit code of a process that runs nothing else."""
    failures: list[BaseException] = []

    def run_on_loop() -> None:
        try:
            cafeloop.run(between_marks(row))
        except BaseException as failure:
            failures.append(failure)

    thread = threading.Thread(target=run_on_loop)
    thread.start()
    thread.join()
    for failure in failures:
        traceback.print_exception(failure)
    return len(failures)


async def between_marks(row: Row) -> None:
    loop = asyncio.get_running_loop()
    if not isinstance(loop, cafeloop.Loop):
        raise TypeError(f"counts cafeloop's loop, found {loop!r}")
    # The first time fills free lists and gives the queues their room.
    await row.body(row.operations)
    gc.collect()
    gc.freeze()
    mark()
    for _ in range(ROUNDS):
        await row.body(row.operations)
    mark()


def mark() -> None:
    """Has callgrind write down what it counted, and begin anew.

    That's what callgrind.MARK asks for; the call is one that nothing else makes.
    """
    os.getsid(0)


if __name__ == "__main__":
    main()
