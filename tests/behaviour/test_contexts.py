"""Which context a callback runs in: a copy of its scheduler's, or the one it was given."""

import contextvars
import os
import signal

import pytest

flavour = contextvars.ContextVar("flavour", default="Vanilla")

SCHEDULERS = {
    "call_soon": lambda loop, callback, **given: loop.call_soon(callback, **given),
    "call_later": lambda loop, callback, **given: loop.call_later(0, callback, **given),
    "call_at": lambda loop, callback, **given: loop.call_at(loop.time(), callback, **given),
    "call_soon_threadsafe": lambda loop, callback, **given: loop.call_soon_threadsafe(
        callback, **given
    ),
}


@pytest.fixture(params=SCHEDULERS)
def schedule(request):
    return SCHEDULERS[request.param]


def flavour_in(context):
    return context.run(flavour.get)


def with_flavour(value):
    context = contextvars.copy_context()
    context.run(flavour.set, value)
    return context


def test_a_callback_sees_the_values_of_when_it_was_scheduled(loop, turn, schedule):
    seen = []
    with_flavour("Caramel").run(schedule, loop, lambda: seen.append(flavour.get()))
    turn()
    assert seen == ["Caramel"]


def test_what_a_callback_sets_is_not_seen_outside_of_it(loop, turn, schedule):
    seen = []
    schedule(loop, lambda: flavour.set("Caramel"))
    schedule(loop, lambda: seen.append(flavour.get()))
    turn()
    assert seen == ["Vanilla"]
    assert flavour.get() == "Vanilla"


def test_a_callback_runs_in_the_very_context_that_it_is_given(loop, turn, schedule):
    context = with_flavour("Caramel")
    seen = []

    def replace_flavour():
        seen.append(flavour.get())
        flavour.set("Pistachio")

    schedule(loop, replace_flavour, context=context)
    turn()
    assert seen == ["Caramel"]
    assert flavour_in(context) == "Pistachio"


def test_callbacks_that_share_a_context_see_each_others_changes(loop, turn, schedule):
    context = contextvars.copy_context()
    seen = []
    schedule(loop, lambda: flavour.set("Caramel"), context=context)
    turn()
    schedule(loop, lambda: seen.append(flavour.get()), context=context)
    turn()
    assert seen == ["Caramel"]


def test_a_context_of_none_means_a_copy_of_the_current_one(loop, turn, schedule):
    seen = []
    with_flavour("Caramel").run(
        schedule, loop, lambda: seen.append(flavour.get()), context=None
    )
    turn()
    assert seen == ["Caramel"]


def test_a_reader_runs_in_the_context_that_added_it(loop, turn, pipe):
    seen = []
    reading, writing = pipe
    os.write(writing, b"coffee")
    with_flavour("Caramel").run(loop.add_reader, reading, lambda: seen.append(flavour.get()))
    turn()
    assert seen == ["Caramel"]


def test_a_signal_handler_runs_in_the_context_that_added_it(loop, run_until_stopped):
    seen = []

    def handle():
        seen.append(flavour.get())
        loop.stop()

    with_flavour("Caramel").run(loop.add_signal_handler, signal.SIGUSR1, handle)
    signal.raise_signal(signal.SIGUSR1)
    run_until_stopped()
    assert seen == ["Caramel"]
