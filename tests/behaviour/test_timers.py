"""Timers: in the order of their deadlines, never before them, and gone when cancelled."""

import asyncio
import gc
import random
import sys
import threading
import time
import weakref

import pytest

# Far enough that no test lives to see it.
AN_HOUR = 3600

# Cancelled timers that a loop may keep until it is worth the walk to drop them: the standard
# library's prunes when more than a hundred are scheduled and more than half are cancelled.
KEPT_WHEN_CANCELLED = 100


@pytest.mark.parametrize("unit", [1e-3, 1, AN_HOUR])
def test_timers_run_in_the_order_of_their_deadlines(virtual_time, loop, unit):
    seen = []
    start = loop.time()
    for number in (4, 1, 3, 0, 5, 2):
        loop.call_at(start + number * unit, seen.append, number)
    loop.call_at(start + 6 * unit, loop.stop)
    loop.run_forever()
    assert seen == [0, 1, 2, 3, 4, 5]


def test_each_timer_runs_at_its_deadline(virtual_time, loop):
    seen = []
    for minutes in (3, 1, 2):
        loop.call_at(60 * minutes, lambda: seen.append(loop.time()))
    loop.call_at(240, loop.stop)
    loop.run_forever()
    assert seen == [60, 120, 180]


# The standard library keeps no order among equal deadlines; ours promises it.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_timers_with_one_deadline_run_in_the_order_of_their_creation(loop, turn):
    seen = []
    deadline = loop.time()
    for number in range(1000):
        loop.call_at(deadline, seen.append, number)
    turn()
    assert seen == list(range(1000))


def test_no_timer_runs_before_its_deadline(loop):
    late_by = []
    dice = random.Random(0)
    deadlines = [loop.time() + dice.uniform(0, 0.02) for _ in range(200)]

    def note(deadline):
        late_by.append(loop.time() - deadline)
        if len(late_by) == len(deadlines):
            loop.stop()

    for deadline in deadlines:
        loop.call_at(deadline, note, deadline)
    loop.run_forever()
    assert min(late_by) >= 0


@pytest.mark.parametrize("microseconds", [1, 10, 50, 200, 999, 1001])
def test_a_short_sleep_is_not_cut_shorter(run, microseconds):
    async def main():
        loop = asyncio.get_running_loop()
        start = loop.time()
        await asyncio.sleep(microseconds / 1e6)
        return loop.time() - start

    assert run(main) >= microseconds / 1e6


@pytest.mark.parametrize("delay", [0, 0.0, -1, -0.5, -AN_HOUR, -float("inf")])
def test_a_timer_without_delay_runs_in_the_next_turn(loop, turn, delay):
    seen = []

    def schedule():
        loop.call_later(delay, seen.append, "timer")

    loop.call_soon(schedule)
    turn()
    assert seen == []
    turn()
    assert seen == ["timer"]


def test_negative_delays_are_ordered_by_their_deadlines_too(loop, turn):
    seen = []
    loop.call_later(0, seen.append, "now")
    loop.call_later(-2, seen.append, "earliest")
    loop.call_later(-1, seen.append, "earlier")
    turn()
    assert seen == ["earliest", "earlier", "now"]


@pytest.mark.parametrize(
    "delay",
    [AN_HOUR, 1e10, 1e19, 1e300, sys.maxsize, threading.TIMEOUT_MAX, float("inf")],
)
def test_a_far_timer_neither_runs_nor_keeps_others_from_running(virtual_time, loop, delay):
    seen = []
    far = loop.call_later(delay, seen.append, "far")
    loop.call_later(1, seen.append, "near")
    loop.call_later(2, loop.stop)
    loop.run_forever()
    assert seen == ["near"]
    assert far.when() >= loop.time()


def test_a_loop_that_waits_for_an_infinite_deadline_can_be_woken(loop):
    loop.call_later(float("inf"), lambda: None)
    stopper = threading.Thread(target=loop.call_soon_threadsafe, args=(loop.stop,))
    loop.call_soon(stopper.start)
    loop.run_forever()
    stopper.join()


def test_a_cancelled_timer_does_not_run(virtual_time, loop):
    seen = []
    timer = loop.call_later(1, seen.append, "cancelled")
    loop.call_later(2, loop.stop)
    timer.cancel()
    loop.run_forever()
    assert timer.cancelled()
    assert seen == []


def test_a_timer_can_cancel_one_that_is_due_in_the_same_turn(loop, turn):
    seen = []
    now = loop.time()
    victim = loop.call_at(now, seen.append, "cancelled")
    loop.call_at(now - 1, victim.cancel)
    turn()
    assert seen == []


def test_cancelling_the_nearest_timer_leaves_the_next_one_due(virtual_time, loop):
    seen = []
    nearest = loop.call_later(1, seen.append, "nearest")
    loop.call_later(2, seen.append, "next")
    loop.call_later(3, loop.stop)
    loop.call_soon(nearest.cancel)
    loop.run_forever()
    assert seen == ["next"]


def test_cancelling_some_of_many_timers_keeps_the_others_in_order(loop, turn):
    seen = []
    dice = random.Random(0)
    now = loop.time()
    timers = [(-dice.random(), number) for number in range(2000)]
    handles = [loop.call_at(now + early, seen.append, number) for early, number in timers]
    kept = []
    for handle, timer in zip(handles, timers):
        if dice.random() < 0.7:
            handle.cancel()
        else:
            kept.append(timer)
    turn()
    assert seen == [number for _, number in sorted(kept)]


def test_cancelled_timers_do_not_stay(loop, turn):
    class Guest:
        def arrive(self):
            pass

    # Nearer than the cancelled ones, so that none of them comes first in line and drops out there.
    loop.call_later(AN_HOUR / 2, print)
    guests = [Guest() for _ in range(10_000)]
    handles = [loop.call_later(AN_HOUR, guest.arrive) for guest in guests]
    alive = [weakref.ref(guest) for guest in guests]
    kept = [weakref.ref(handle) for handle in handles]
    for handle in handles:
        handle.cancel()
    del guests, handles, handle
    turn()
    gc.collect()
    assert not any(guest() for guest in alive)
    assert sum(handle() is not None for handle in kept) <= KEPT_WHEN_CANCELLED


def test_what_a_timer_makes_due_runs_in_a_later_turn(loop, turn):
    seen = []

    def first():
        seen.append("first")
        loop.call_at(loop.time() - 1, seen.append, "second")

    loop.call_later(0, first)
    turn()
    assert seen == ["first"]
    turn()
    assert seen == ["first", "second"]


def test_call_at_tells_when_as_it_was_given(loop):
    deadline = loop.time() + AN_HOUR
    assert loop.call_at(deadline, print).when() == deadline


def test_call_later_counts_from_the_time_of_the_call(loop):
    before = loop.time()
    timer = loop.call_later(AN_HOUR, print)
    after = loop.time()
    assert before + AN_HOUR <= timer.when() <= after + AN_HOUR


def test_a_timer_gets_its_arguments(loop, turn):
    seen = []
    loop.call_later(0, lambda *arguments: seen.append(arguments), 1, 2, 3)
    loop.call_at(0, lambda *arguments: seen.append(arguments), "four", "five")
    turn()
    assert seen == [("four", "five"), (1, 2, 3)]


def test_a_delay_of_none_is_refused(loop):
    with pytest.raises(TypeError, match="^delay must not be None$"):
        loop.call_later(None, print)


def test_a_deadline_of_none_is_refused(loop):
    with pytest.raises(TypeError, match="^when cannot be None$"):
        loop.call_at(None, print)


def test_the_clock_is_the_monotonic_clock_in_seconds(loop):
    before = time.monotonic()
    now = loop.time()
    assert before <= now <= time.monotonic()


def test_sleepers_wake_in_the_order_of_their_delays(virtual_time, run):
    seen = []

    async def sleeper(seconds):
        await asyncio.sleep(seconds)
        seen.append(seconds)

    async def main():
        await asyncio.gather(*map(sleeper, (7, 1, 5, 3)))

    run(main)
    assert seen == [1, 3, 5, 7]
