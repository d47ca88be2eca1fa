"""What scheduling hands back: something to cancel, to look at, and to let go of."""

import asyncio
import contextvars
import functools
import sys
import weakref

import pytest

AN_HOUR = 3600

SCHEDULERS = {
    "call_soon": lambda loop, *call: loop.call_soon(*call),
    "call_soon_threadsafe": lambda loop, *call: loop.call_soon_threadsafe(*call),
    "call_later": lambda loop, *call: loop.call_later(AN_HOUR, *call),
    "call_at": lambda loop, *call: loop.call_at(loop.time() + AN_HOUR, *call),
}


@pytest.fixture(params=SCHEDULERS)
def schedule(request):
    return SCHEDULERS[request.param]


def brew(*ingredients):
    pass


BREW_LINE = f"{__file__}:{brew.__code__.co_firstlineno}"


class Ingredient:
    pass


def test_a_handle_is_one_of_asyncios(loop, schedule):
    handle = schedule(loop, brew)
    assert isinstance(handle, asyncio.Handle)
    assert isinstance(handle, asyncio.TimerHandle) == hasattr(handle, "when")
    assert issubclass(handle.__class__, asyncio.Handle)
    match handle:
        case asyncio.TimerHandle():
            assert handle.when() > loop.time()
        case asyncio.Handle():
            assert not hasattr(handle, "when")
        case _:
            pytest.fail("it's no handle")


def test_a_handle_knows_whether_it_was_cancelled(loop, schedule):
    handle = schedule(loop, brew)
    assert not handle.cancelled()
    handle.cancel()
    assert handle.cancelled()


def test_cancelling_twice_is_cancelling_once(loop, schedule):
    handle = schedule(loop, brew)
    handle.cancel()
    handle.cancel()
    assert handle.cancelled()


def test_cancelling_what_has_run_changes_nothing(loop, turn):
    seen = []
    handles = [loop.call_soon(seen.append, "ready"), loop.call_later(0, seen.append, "due")]
    turn()
    for handle in handles:
        assert not handle.cancelled()
        handle.cancel()
    turn()
    assert seen == ["ready", "due"]


def test_a_handle_outlives_its_loop(new_loop, schedule):
    loop = new_loop()
    handle = schedule(loop, brew)
    loop.close()
    handle.cancel()
    assert handle.cancelled()


def test_cancelling_lets_go_of_the_callback_and_its_arguments(loop, schedule):
    ingredient = Ingredient()
    callback = functools.partial(brew)
    refs = [weakref.ref(ingredient), weakref.ref(callback)]
    handle = schedule(loop, callback, ingredient)
    del ingredient, callback
    assert all(ref() for ref in refs)
    handle.cancel()
    assert not any(ref() for ref in refs)


def test_closing_the_loop_lets_go_of_what_never_ran(new_loop, schedule):
    loop = new_loop()
    ingredient = Ingredient()
    ref = weakref.ref(ingredient)
    schedule(loop, brew, ingredient)
    del ingredient
    assert ref()
    loop.close()
    assert not ref()


def test_what_has_run_is_let_go_of(loop, turn):
    ingredient = Ingredient()
    ref = weakref.ref(ingredient)
    loop.call_soon(brew, ingredient)
    loop.call_later(0, brew, ingredient)
    del ingredient
    turn()
    assert not ref()


def test_a_handle_can_be_referenced_weakly(loop, schedule):
    handle = schedule(loop, brew)
    assert weakref.ref(handle)() is handle


def test_a_ready_handle_shows_its_callback_and_where_it_was_defined(loop):
    assert repr(loop.call_soon(brew)) == f"<Handle brew() at {BREW_LINE}>"
    assert repr(loop.call_soon_threadsafe(brew)).endswith(f" brew() at {BREW_LINE}>")


def test_a_timer_shows_its_deadline_too(loop):
    timer = loop.call_at(86400.5, brew)
    assert repr(timer) == f"<TimerHandle when=86400.5 brew() at {BREW_LINE}>"


def test_a_cancelled_handle_shows_that_and_no_callback(loop):
    ready, timer = loop.call_soon(brew), loop.call_at(86400.5, brew)
    ready.cancel()
    timer.cancel()
    assert repr(ready) == "<Handle cancelled>"
    assert repr(timer) == "<TimerHandle cancelled when=86400.5>"


def test_arguments_are_shown_where_the_interpreter_shows_them(loop):
    # From 3.13 on they are left out, unless in debug mode: they may be secrets.
    shown = "" if sys.version_info >= (3, 13) else "'beans', 2"
    assert repr(loop.call_soon(brew, "beans", 2)) == f"<Handle brew({shown}) at {BREW_LINE}>"
    loop.set_debug(True)
    assert f"<Handle brew('beans', 2) at {BREW_LINE} " in repr(loop.call_soon(brew, "beans", 2))


def test_a_handle_tells_its_context(loop, schedule):
    # Handles have told it since 3.12.
    if sys.version_info < (3, 12):
        assert not hasattr(schedule(loop, brew), "get_context")
    else:
        context = contextvars.copy_context()
        assert loop.call_soon(brew, context=context).get_context() is context
        assert isinstance(schedule(loop, brew).get_context(), contextvars.Context)
