"""Garbage: handles, and sleeps that somebody else awaits, are collected with what holds them."""

import asyncio
import contextvars
import gc
import weakref

import pytest

pytestmark = pytest.mark.usefixtures("names")

MANY = 100

AN_HOUR = 3600

variable = contextvars.ContextVar("variable")


class Owner:
    """Holds a handle that calls it, and whatever is put on it."""

    def call(self, *arguments):
        pass


def survivors(refs):
    gc.collect()
    return sum(ref() is not None for ref in refs)


def context_with(value):
    context = contextvars.copy_context()
    context.run(variable.set, value)
    return context


# Each returns a handle that refers to the owner, and whether it is to be cancelled.
HANDLES = {
    "ran": lambda loop, owner: (loop.call_soon(owner.call), False),
    "ran, with arguments": lambda loop, owner: (loop.call_soon(isinstance, owner, Owner), False),
    "ran, with many arguments": lambda loop, owner: (loop.call_soon(owner.call, *"beans"), False),
    "a timer that ran": lambda loop, owner: (loop.call_later(0, owner.call), False),
    "cancelled": lambda loop, owner: (loop.call_soon(owner.call), True),
    "a timer that was cancelled": lambda loop, owner: (loop.call_later(9, owner.call), True),
    "its context": lambda loop, owner: (
        loop.call_soon(bool, context=context_with(owner)),
        False,
    ),
    "its context, cancelled": lambda loop, owner: (
        loop.call_soon(bool, context=context_with(owner)),
        True,
    ),
    "a copied context": lambda loop, owner: (
        context_with(owner).run(loop.call_soon, bool),
        False,
    ),
}


@pytest.mark.parametrize("kind", HANDLES)
def test_handles_in_cycles_are_collected(loop, kind):
    refs = []
    for _ in range(MANY):
        owner = Owner()
        owner.handle, is_cancelled = HANDLES[kind](loop, owner)
        if is_cancelled:
            owner.handle.cancel()
        refs.append(weakref.ref(owner))
    del owner
    # What is queued, or waits for its time, is still wanted.
    if not is_cancelled:
        assert survivors(refs) == MANY
    turns(loop)
    assert survivors(refs) == 0


def test_handles_that_a_closed_loop_never_called_are_collected(loop):
    refs = []
    for _ in range(MANY):
        owner = Owner()
        owner.handles = loop.call_soon(owner.call), loop.call_later(AN_HOUR, owner.call)
        refs.append(weakref.ref(owner))
    del owner
    loop.close()
    assert survivors(refs) == 0


def test_sleeps_that_no_task_awaits_are_collected(loop):
    async def nap(sleep):
        await sleep

    def begin(owner):
        # What it awaits refers to who holds it.
        owner.coroutine.send(None).add_done_callback(owner.call)

    async def main():
        refs = []
        for _ in range(MANY):
            owner = Owner()
            owner.coroutine = nap(asyncio.sleep(AN_HOUR))
            # In a callback, and so in no task's step.
            loop.call_soon(begin, owner)
            refs.append(weakref.ref(owner))
        await asyncio.sleep(0)
        return refs

    refs = loop.run_until_complete(main())
    assert survivors(refs) == MANY
    loop.close()
    assert survivors(refs) == 0


def turns(loop):
    for _ in range(3):
        loop.call_soon(loop.stop)
        loop.run_forever()
