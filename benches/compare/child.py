"""What runs in the fresh process of a measurement: one row, on one loop.

Imports little before the loop under test, and prints nothing: lines of JSON go to the descriptor
that it's given.  `{"listening": ADDRESS}` from a server, or `{"outcome": ..., ...}` at the end.
"""

import asyncio
import gc
import importlib
import json
import os
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .outcome import Outcome
from .row import Body, Distribution, Memory, Place, Row, Server

# What is run before the clock, of what is run by it.
WARM_UP_SHARE = 10


def main() -> None:
    order = json.loads(sys.argv[1])
    descriptor = int(sys.argv[2])
    # What the row starts shall not hold the pipe open.
    os.set_inheritable(descriptor, False)

    def answer(content: dict[str, Any]) -> None:
        os.write(descriptor, json.dumps(content).encode() + b"\n")

    try:
        row = find(order["module"], order["row"])
        figures = run(row, order, answer)
    except NotImplementedError as error:
        answer({"outcome": Outcome.UNSUPPORTED, "detail": described(error)})
    except BaseException as error:
        traceback.print_exc()
        answer({"outcome": Outcome.RAISED, "detail": described(error)})
    else:
        answer({"outcome": Outcome.MEASURED, "figures": figures})


def described(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0]}" if text else type(error).__name__


def find(module: str, name: str) -> Row:
    rows: list[Row] = importlib.import_module(module).ROWS
    return next(row for row in rows if row.name == name)


def run(row: Row, order: dict[str, Any], answer: Callable[..., None]) -> dict[str, float]:
    """Runs the row on the loop that the order names, as a user of that loop would."""
    # The statements are those that the process row has its programs begin with.
    names: dict[str, Any] = {}
    exec(order["imports"], names)
    with asyncio.Runner(loop_factory=eval(f"lambda: {order['new_loop']}", names)) as runner:
        found = type(runner.get_loop()).__module__.partition(".")[0]
        if found != order["package"]:
            raise RuntimeError(f"asked for a loop of {order['package']}, got one of {found}")
        match row:
            case Body():
                return runner.run(measure_body(row, scaled(row.count, order)))
            case Distribution():
                return runner.run(measure_distribution(row, scaled(row.count, order)))
            case Memory():
                figures = runner.run(measure_memory(row, scaled(row.count, order)))
                answer({"outcome": Outcome.MEASURED, "figures": figures})
                # Taking a million objects down would take longer than the measurement did.
                os._exit(0)
            case Server():
                runner.run(serve(row, answer))
                raise RuntimeError("the server ended by itself")
            case _:
                raise TypeError(f"row {row.name} isn't run in a loop")


def scaled(count: int, order: dict[str, Any]) -> int:
    return max(1, round(count * float(order["scale"])))


async def measure_body(row: Body, count: int) -> dict[str, float]:
    await row.body(max(1, count // WARM_UP_SHARE))
    gc.collect()
    wall_ns = time.perf_counter_ns()
    cpu_ns = time.process_time_ns()
    await row.body(count)
    cpu_ns = time.process_time_ns() - cpu_ns
    wall_ns = time.perf_counter_ns() - wall_ns
    return {"operations": count, "cpu_ns": cpu_ns, "wall_ns": wall_ns}


async def measure_memory(row: Memory, count: int) -> dict[str, float]:
    first = await row.park(max(1, count // 1000))
    gc.collect()
    before_bytes = resident_bytes()
    parked = await row.park(count)
    # Garbage of making them isn't what they take.
    gc.collect()
    figures: dict[str, float] = {"objects": count, "bytes": resident_bytes() - before_bytes}
    del first, parked
    return figures


def resident_bytes() -> int:
    # statm lags behind by some pages for each thread; this is counted when it's read.
    with open("/proc/self/smaps_rollup", "rb") as file:
        for line in file:
            if line.startswith(b"Rss:"):
                return int(line.split()[1]) * 1024
    raise OSError("no line 'Rss:' in /proc/self/smaps_rollup")


async def measure_distribution(row: Distribution, count: int) -> dict[str, float]:
    taken_ns = []
    for number in range(-max(1, count // WARM_UP_SHARE), count):
        start_ns = time.perf_counter_ns()
        await row.once()
        end_ns = time.perf_counter_ns()
        if number >= 0:
            taken_ns.append(end_ns - start_ns)
    taken_ns.sort()
    expected_ns = round(row.expected_s * 1e9)
    off_ns = sorted(abs(taken - expected_ns) for taken in taken_ns)
    return {
        "waits": count,
        "expected_ns": expected_ns,
        "min_ns": taken_ns[0],
        "median_ns": taken_ns[count // 2],
        "p99_ns": taken_ns[min(count - 1, count * 99 // 100)],
        "median_off_ns": off_ns[count // 2],
        "early": sum(taken < expected_ns for taken in taken_ns),
    }


async def serve(row: Server, answer: Callable[[dict[str, Any]], None]) -> None:
    def listening(address: str) -> None:
        answer({"listening": address})

    await row.serve(Place(Path.cwd(), listening))


if __name__ == "__main__":
    main()
