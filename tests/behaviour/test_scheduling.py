"""When callbacks run: in the order they became ready, a turn at a time.

A turn is made visible by `stop()`: the turn in which it is called, or the first one after it,
is finished, and nothing beyond it runs.
"""

import asyncio
import functools
import os

import pytest

# Enough turns for anything that is ready to have had its chance many times over.
MANY_TURNS = 10_000


def test_callbacks_run_in_the_order_in_which_they_were_scheduled(loop, turn):
    seen = []
    for number in range(1000):
        loop.call_soon(seen.append, number)
    turn()
    assert seen == list(range(1000))


@pytest.mark.parametrize("arguments", [(), (1,), (1, 2), (1, 2, 3), tuple(range(20))])
def test_a_callback_gets_its_arguments(loop, turn, arguments):
    seen = []
    loop.call_soon(lambda *arguments: seen.append(arguments), *arguments)
    turn()
    assert seen == [arguments]


def test_anything_callable_can_be_scheduled(loop, turn):
    seen = []

    class Recorder:
        def __call__(self, word):
            seen.append(word)

        def method(self, word):
            seen.append(word)

    loop.call_soon(Recorder(), "instance")
    loop.call_soon(Recorder().method, "method")
    loop.call_soon(functools.partial(seen.append, "partial"))
    loop.call_soon(seen.append, "builtin")
    turn()
    assert seen == ["instance", "method", "partial", "builtin"]


def test_one_callback_scheduled_twice_runs_twice(loop, turn):
    seen = []
    loop.call_soon(seen.append, "again")
    loop.call_soon(seen.append, "again")
    turn()
    assert seen == ["again", "again"]


def test_what_a_callback_schedules_runs_in_the_next_turn(loop, turn):
    seen = []

    def first():
        seen.append("first")
        loop.call_soon(seen.append, "third")

    loop.call_soon(first)
    loop.call_soon(seen.append, "second")
    turn()
    assert seen == ["first", "second"]
    turn()
    assert seen == ["first", "second", "third"]


def test_a_turn_runs_ready_callbacks_then_input_then_due_timers(loop, turn, pipe):
    seen = []
    reading, writing = pipe
    os.write(writing, b"coffee")
    loop.call_at(loop.time(), seen.append, "timer")
    loop.add_reader(reading, seen.append, "input")
    loop.call_soon(seen.append, "ready")
    turn()
    assert seen == ["ready", "input", "timer"]


def test_a_due_timer_runs_before_what_is_scheduled_a_turn_later(loop):
    seen = []

    def first():
        loop.call_later(0, seen.append, "timer")
        loop.call_soon(second)

    def second():
        seen.append("second turn")
        loop.call_soon(third)

    def third():
        seen.append("third turn")
        loop.stop()

    loop.call_soon(first)
    loop.run_forever()
    assert seen == ["second turn", "timer", "third turn"]


def test_stop_lets_the_turn_finish_and_keeps_the_rest_for_later(loop):
    seen = []

    def stopping():
        seen.append("stopping")
        loop.call_soon(seen.append, "next turn")
        loop.stop()

    loop.call_soon(stopping)
    loop.call_soon(seen.append, "same turn")
    loop.run_forever()
    assert seen == ["stopping", "same turn"]
    loop.call_soon(loop.stop)
    loop.run_forever()
    assert seen == ["stopping", "same turn", "next turn"]


def test_stop_before_running_means_one_turn_without_waiting(loop):
    seen = []
    loop.call_soon(seen.append, "ready")
    loop.call_later(3600, seen.append, "in an hour")
    loop.stop()
    loop.run_forever()
    assert seen == ["ready"]


def test_stop_is_spent_by_the_run_that_it_ends(loop):
    seen = []
    loop.stop()
    loop.stop()
    loop.run_forever()

    def second_turn():
        seen.append("second turn")
        loop.stop()

    loop.call_soon(loop.call_soon, second_turn)
    loop.run_forever()
    assert seen == ["second turn"]


def test_a_callback_cancelled_before_its_turn_does_not_run(loop, turn):
    seen = []
    loop.call_soon(seen.append, "cancelled").cancel()
    turn()
    assert seen == []


def test_a_callback_can_cancel_one_that_is_due_in_the_same_turn(loop, turn):
    seen = []
    loop.call_soon(lambda: victim.cancel())
    victim = loop.call_soon(seen.append, "cancelled")
    turn()
    assert seen == []


def test_input_is_served_while_callbacks_never_end(loop, pipe):
    reading, writing = pipe
    os.write(writing, b"coffee")
    turns_left = MANY_TURNS
    served = []

    def busy():
        nonlocal turns_left
        turns_left -= 1
        if served or not turns_left:
            loop.stop()
        else:
            loop.call_soon(busy)

    loop.add_reader(reading, served.append, True)
    loop.call_soon(busy)
    loop.run_forever()
    assert served


def test_timers_are_served_while_callbacks_never_end(loop):
    turns_left = MANY_TURNS
    served = []

    def busy():
        nonlocal turns_left
        turns_left -= 1
        if served or not turns_left:
            loop.stop()
        else:
            loop.call_soon(busy)

    loop.call_later(0, served.append, True)
    loop.call_soon(busy)
    loop.run_forever()
    assert served


def test_tasks_take_turns_at_each_await(run):
    seen = []

    async def worker(name):
        for step in range(3):
            seen.append((name, step))
            await asyncio.sleep(0)

    async def main():
        await asyncio.gather(worker("a"), worker("b"))

    run(main)
    assert seen == [("a", 0), ("b", 0), ("a", 1), ("b", 1), ("a", 2), ("b", 2)]


def test_the_result_of_a_callback_is_ignored(loop, turn, log):
    loop.call_soon(lambda: 42)
    turn()
    assert log.take() == []
