"""The synchronous café: the barista waits for each coffee before taking the next order.

    python examples/cafe/sync_cafe.py

Two coffees of five seconds take ten.  `async_cafe.py` serves the same queue in five.
"""

import time

COFFEES = ["Latte", "Cappuccino", "Flat White", "Mocha"]
FLAVOURS = ["Vanilla", "Chocolate", "Pistachio", "Caramel"]
QUEUE = [("Vanilla", "Latte"), ("Caramel", "Mocha")]
BREW_SECONDS = 5


def explain_menu():
    print("Welcome to the Synchronous Café!")
    print(f"On our coffee menu we have {', '.join(COFFEES)}.")
    print(f"On our flavours menu we have {', '.join(FLAVOURS)}.\n")


def take_order(flavour, coffee):
    print(f"What would you like? - A {flavour} {coffee}.")
    print(f"One {flavour} {coffee} coming right up!\n")


def make_coffee(flavour, coffee):
    print(f"Making your {flavour} {coffee}...")
    time.sleep(BREW_SECONDS)


def serve_order(flavour, coffee):
    print(f"\nYour {flavour} flavoured {coffee} is ready, enjoy!\n")


def run_cafe(queue):
    for served, order in enumerate(queue):
        if served:
            print("Next customer please!\n")
        take_order(*order)
        make_coffee(*order)
        serve_order(*order)


if __name__ == "__main__":
    explain_menu()
    opened = time.perf_counter()
    run_cafe(QUEUE)
    seconds = time.perf_counter() - opened
    print(f"Serving {len(QUEUE)} customers took {seconds:.2f} seconds")
