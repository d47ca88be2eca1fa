"""A race that asyncio's own order hides: two cashiers, one till.

A cashier reads what is in the till, counts for a while, and writes the new sum.  The second
one begins when the first has just ended, so nothing is lost; but that both happen in the same
moment, and in this order, nobody has promised.

    cafeloop explore examples/races/lost_update.py

finds an order in which a payment is lost.  `asyncio.Lock` around the body of `pay` mends it.
"""

import asyncio

COUNTING_SECONDS = 1.0


class Till:
    sum = 0


async def pay(till: Till, amount: int) -> None:
    before = till.sum
    await asyncio.sleep(COUNTING_SECONDS)
    till.sum = before + amount


async def pay_later(till: Till, amount: int) -> None:
    await asyncio.sleep(COUNTING_SECONDS)
    await pay(till, amount)


async def main() -> None:
    till = Till()
    await asyncio.gather(pay(till, 4), pay_later(till, 5))
    assert till.sum == 9, f"the till has {till.sum}, but 4 and 5 were paid"


asyncio.run(main())
