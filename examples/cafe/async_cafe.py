"""The asynchronous café: while one coffee brews, the barista takes the next order.

    python examples/cafe/async_cafe.py

Two coffees of five seconds take five: `await` is where the barista turns to somebody else.
"""

import asyncio

COFFEES = ["Latte", "Cappuccino", "Flat White", "Mocha"]
FLAVOURS = ["Vanilla", "Chocolate", "Pistachio", "Caramel"]
QUEUE = [("Vanilla", "Latte"), ("Caramel", "Mocha")]
BREW_SECONDS = 5


def explain_menu():
    print("Welcome to the Asynchronous Café!")
    print(f"On our coffee menu we have {', '.join(COFFEES)}.")
    print(f"On our flavours menu we have {', '.join(FLAVOURS)}.\n")


def take_order(flavour, coffee):
    print(f"What would you like? - A {flavour} {coffee}.")
    print(f"One {flavour} {coffee} coming right up!\n")


async def make_coffee(flavour, coffee):
    print(f"Making your {flavour} {coffee}...")
    await asyncio.sleep(BREW_SECONDS)


def serve_order(flavour, coffee):
    print(f"\nYour {flavour} flavoured {coffee} is ready, enjoy!\n")


async def handle_customer(flavour, coffee):
    take_order(flavour, coffee)
    await make_coffee(flavour, coffee)
    serve_order(flavour, coffee)


async def run_cafe(queue):
    loop = asyncio.get_running_loop()
    opened = loop.time()
    customers = [asyncio.create_task(handle_customer(*order)) for order in queue]
    await asyncio.gather(*customers)
    return loop.time() - opened


if __name__ == "__main__":
    explain_menu()
    seconds = asyncio.run(run_cafe(QUEUE))
    print(f"Serving {len(QUEUE)} customers took {seconds:.2f} seconds")
