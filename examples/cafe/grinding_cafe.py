"""The grinding café: an event loop hides waiting, but work it can't.

    python examples/cafe/grinding_cafe.py [--grind-ms N] [--grind-on loop|processes]

Before each coffee the barista grinds beans, which keeps a processor busy.  Ground on the loop,
nobody else is served meanwhile; ground by another process, the loop goes on.
"""

import argparse
import asyncio
import time
from concurrent.futures import ProcessPoolExecutor

QUEUE = [("Vanilla", "Latte"), ("Caramel", "Mocha")]
BREW_SECONDS = 5


def grind_beans(milliseconds):
    # The thread's own clock, so that a grinder kept waiting for a processor doesn't call it work.
    done = time.thread_time() + milliseconds / 1000
    while time.thread_time() < done:
        pass


async def make_coffee(flavour, coffee):
    await asyncio.sleep(BREW_SECONDS)


async def handle_customer(flavour, coffee, grind):
    await grind()
    await make_coffee(flavour, coffee)


async def run_cafe(title, grind):
    opened = time.perf_counter()
    customers = [asyncio.create_task(handle_customer(*order, grind)) for order in QUEUE]
    await asyncio.gather(*customers)
    seconds = time.perf_counter() - opened
    print(f"{title}: serving {len(QUEUE)} customers took {seconds:.2f} seconds")


async def main(milliseconds, place):
    async def nothing_to_grind():
        pass

    async def grind_on_the_loop():
        grind_beans(milliseconds)

    async def grind_in_another_process():
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(grinders, grind_beans, milliseconds)

    with ProcessPoolExecutor(len(QUEUE)) as grinders:
        if place is None:
            await run_cafe("Only waiting", nothing_to_grind)
        if place != "processes":
            await run_cafe("Grinding on the loop", grind_on_the_loop)
        if place != "loop":
            await run_cafe("Grinding in a process pool", grind_in_another_process)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description="Three times the café, with beans to grind.")
    arguments.add_argument("--grind-ms", type=int, default=1000, metavar="N",
                           help="milliseconds of work before each coffee (default: 1000)")
    arguments.add_argument("--grind-on", choices=["loop", "processes"],
                           help="serve one café, and grind there (default: all three)")
    options = arguments.parse_args()
    print(f"Welcome to the Grinding Café! Each coffee starts with {options.grind_ms} ms of work.\n")
    asyncio.run(main(options.grind_ms, options.grind_on))
