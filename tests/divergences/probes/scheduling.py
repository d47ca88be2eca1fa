"""Callbacks, timers, time and threads."""

import logging
import math
import threading
import time
import traceback

from . import behaviour, outcome, reports, turn, yes

# Long enough to be rounded up or down to a millisecond.
DELAYS_SECONDS = [0.0002, 0.0013, 0.0014, 0.0004]


@behaviour("class of what `call_soon` returns", "speed: no `__dict__`, no Python frame")
def class_of_a_handle(loop):
    handle = loop.call_soon(int)
    return f"`{type(handle).__module__}.{type(handle).__qualname__}`"


@behaviour(
    "frames of the loop in the traceback of a callback's exception",
    "there is no Python code in between",
)
def frames_of_a_callback(loop):
    def spill():
        raise ValueError("spilt")

    with reports(loop) as seen:
        loop.call_soon(spill)
        turn(loop)
    names = [frame.name for frame in traceback.extract_tb(seen[0]["exception"].__traceback__)]
    return ", ".join(f"`{name}`" for name in names[:-1]) or "none"


@behaviour("timers with the same deadline run in the order of their creation", "free")
def order_of_equal_timers(loop):
    seen = []
    when = loop.time()
    for number in range(100):
        loop.call_at(when, seen.append, number)
    while len(seen) < 100:
        turn(loop)
    return yes(seen == sorted(seen))


@behaviour("a timer may fire before its time")
def early_timers(loop):
    early = []

    def note(when):
        early.append(time.monotonic() < when)

    for delay in DELAYS_SECONDS * 25:
        loop.call_later(delay, note, time.monotonic() + delay)
    while len(early) < 100:
        turn(loop)
    return yes(any(early))


@behaviour(
    "the shortest of 100 sleeps of 0.2 ms",
    "the kernel is given nanoseconds",
)
def short_sleeps(loop):
    shortest = math.inf
    for _ in range(100):
        begun = time.monotonic()
        loop.call_later(0.0002, loop.stop)
        loop.run_forever()
        shortest = min(shortest, time.monotonic() - begun)
    if shortest < 0.0002:
        return "less"
    return "less than 1 ms" if shortest < 0.001 else "more than 1 ms"


@behaviour("`call_at(nan)`", "a heap can't order it")
def call_at_nan(loop):
    return outcome(loop.call_at, math.nan, print)


@behaviour("`call_later(inf)`")
def call_later_inf(loop):
    return outcome(lambda: loop.call_later(math.inf, print).cancel())


@behaviour("`time()` goes on while a callback runs")
def time_within_a_callback(loop):
    seen = []

    def spin():
        begun, limit = loop.time(), time.monotonic() + 0.01
        while time.monotonic() < limit:
            pass
        seen.append(loop.time() > begun)

    loop.call_soon(spin)
    turn(loop)
    return yes(*seen)


@behaviour("`call_later(0, a)`, `call_soon(b)`: which comes first")
def zero_delay(loop):
    seen = []
    loop.call_later(0, seen.append, "a")
    loop.call_soon(seen.append, "b")
    while len(seen) < 2:
        turn(loop)
    return seen[0]


@behaviour("`stop()` before `run_forever()` still runs what is ready, once")
def stop_before_a_run(loop):
    seen = []

    def again():
        seen.append(True)
        loop.call_soon(again)

    loop.call_soon(again)
    loop.stop()
    loop.run_forever()
    return {0: "no", 1: "yes"}.get(len(seen), "twice or more")


@behaviour(
    "`call_soon_threadsafe(a)` from another thread, then `call_soon(b)`: which comes first",
    "other threads have one door, emptied once a turn",
)
def order_of_threads(loop):
    seen = []

    def both():
        stranger = threading.Thread(target=loop.call_soon_threadsafe, args=(seen.append, "a"))
        stranger.start()
        stranger.join()
        loop.call_soon(seen.append, "b")

    loop.call_soon(both)
    while len(seen) < 2:
        turn(loop)
    return seen[0]


@behaviour("`slow_callback_duration`, in debug mode: a slow callback is logged")
def slow_callbacks(loop):
    seen = []
    handler = logging.Handler()
    handler.emit = seen.append
    logging.getLogger("asyncio").addHandler(handler)
    loop.set_debug(True)
    loop.slow_callback_duration = 0
    loop.call_soon(time.sleep, 0.001)
    turn(loop)
    return yes(any("took" in record.getMessage() for record in seen))
