"""Signals that the loop handles: as callbacks, in the main thread, and gone when removed."""

import contextlib
import os
import signal
import threading

import pytest


@pytest.fixture(autouse=True)
def default_handlers():
    """Fails a test after which a signal isn't handled as before."""
    before = {number: signal.getsignal(number) for number in signal.valid_signals()}
    yield
    assert {number: signal.getsignal(number) for number in before} == before


def test_a_signal_is_handled_as_a_callback_of_the_loop(loop, run_until_stopped):
    seen = []

    def raise_it():
        seen.append("before")
        signal.raise_signal(signal.SIGUSR1)
        seen.append("after")

    def handle():
        seen.append("handled")
        loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, handle)
    loop.call_soon(raise_it)
    run_until_stopped()
    assert seen == ["before", "after", "handled"]


def test_a_handler_gets_its_arguments(loop, run_until_stopped):
    seen = []

    def handle(*arguments):
        seen.append(arguments)
        loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, handle, "one", 2)
    signal.raise_signal(signal.SIGUSR1)
    run_until_stopped()
    assert seen == [("one", 2)]


def test_a_signal_wakes_a_loop_that_has_nothing_to_do(loop, run_until_stopped):
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    sender = threading.Thread(target=os.kill, args=(os.getpid(), signal.SIGUSR1))
    loop.call_soon(sender.start)
    run_until_stopped()
    sender.join()


def test_each_signal_has_its_own_handler(loop, run_until_stopped):
    seen = []

    def handle(name):
        seen.append(name)
        if len(seen) == 3:
            loop.stop()

    for name in ("SIGUSR1", "SIGUSR2", "SIGHUP"):
        loop.add_signal_handler(getattr(signal, name), handle, name)
        signal.raise_signal(getattr(signal, name))
    run_until_stopped()
    assert sorted(seen) == ["SIGHUP", "SIGUSR1", "SIGUSR2"]


def test_a_handler_serves_every_signal_and_every_run(loop, run_until_stopped):
    seen = []

    def handle():
        seen.append("handled")
        loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, handle)
    for _ in range(3):
        signal.raise_signal(signal.SIGUSR1)
        run_until_stopped()
    assert seen == ["handled"] * 3


def test_a_signal_that_comes_between_two_runs_is_handled_in_the_next(loop, turn, run_until_stopped):
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    turn()
    signal.raise_signal(signal.SIGUSR1)
    run_until_stopped()


def test_adding_again_replaces_the_handler(loop, run_until_stopped):
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, "old")
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    signal.raise_signal(signal.SIGUSR1)
    run_until_stopped()
    assert seen == []


def test_removing_brings_the_default_back_and_tells_whether_it_did(loop):
    loop.add_signal_handler(signal.SIGUSR1, print)
    assert signal.getsignal(signal.SIGUSR1) is not signal.SIG_DFL
    assert loop.remove_signal_handler(signal.SIGUSR1) is True
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


def test_removing_the_handler_of_an_interrupt_brings_keyboard_interrupt_back(loop, turn):
    loop.add_signal_handler(signal.SIGINT, print)
    assert loop.remove_signal_handler(signal.SIGINT) is True
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    loop.call_soon(signal.raise_signal, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        turn()


def test_a_handled_interrupt_is_no_keyboard_interrupt(loop, run_until_stopped):
    loop.add_signal_handler(signal.SIGINT, loop.stop)
    loop.call_soon(signal.raise_signal, signal.SIGINT)
    run_until_stopped()


def test_an_interrupt_without_a_handler_leaves_the_loop_as_keyboard_interrupt(loop, turn):
    loop.call_soon(signal.raise_signal, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        turn()
    seen = []
    loop.call_soon(seen.append, "running again")
    turn()
    assert seen == ["running again"]


def test_a_handler_that_fails_is_reported(loop, turn, run_until_stopped, log):
    def spill():
        loop.stop()
        raise ValueError("spilt")

    loop.add_signal_handler(signal.SIGUSR1, spill)
    signal.raise_signal(signal.SIGUSR1)
    run_until_stopped()
    assert log.take_one().exc_info[0] is ValueError


def test_a_handler_may_remove_itself(loop, run_until_stopped):
    seen = []

    def once():
        seen.append(loop.remove_signal_handler(signal.SIGUSR1))
        loop.stop()

    loop.add_signal_handler(signal.SIGUSR1, once)
    signal.raise_signal(signal.SIGUSR1)
    run_until_stopped()
    assert seen == [True]


def test_closing_removes_every_handler(new_loop):
    loop = new_loop()
    for number in (signal.SIGUSR1, signal.SIGHUP, signal.SIGINT):
        loop.add_signal_handler(number, print)
    loop.close()
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.set_wakeup_fd(-1) == -1


def test_closing_another_loop_leaves_the_handlers_alone(loop, new_loop, run_until_stopped):
    loop.add_signal_handler(signal.SIGUSR1, loop.stop)
    with contextlib.closing(new_loop()) as other:
        other.call_soon(other.stop)
        other.run_forever()
    signal.raise_signal(signal.SIGUSR1)
    run_until_stopped()


def test_a_handler_may_be_removed_after_the_loop_was_closed(new_loop):
    loop = new_loop()
    loop.add_signal_handler(signal.SIGUSR1, print)
    loop.close()
    assert loop.remove_signal_handler(signal.SIGUSR1) is False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_signal_that_cannot_be_caught_is_refused(loop, number):
    with pytest.raises(RuntimeError, match=f"^sig {number:d} cannot be caught$"):
        loop.add_signal_handler(number, print)
    assert loop.remove_signal_handler(number) is False


@pytest.mark.parametrize("number", [0, -1, 1000, signal.NSIG])
def test_a_number_that_is_no_signal_is_refused(loop, number):
    for call in (lambda: loop.add_signal_handler(number, print),
                 lambda: loop.remove_signal_handler(number)):
        with pytest.raises(ValueError, match=f"^invalid signal number {number}$"):
            call()


@pytest.mark.parametrize("number", ["SIGUSR1", 10.0, None])
def test_what_is_no_number_is_refused(loop, number):
    for call in (lambda: loop.add_signal_handler(number, print),
                 lambda: loop.remove_signal_handler(number)):
        with pytest.raises(TypeError, match=f"^sig must be an int, not {number!r}$"):
            call()


def test_a_coroutine_cannot_handle_a_signal(loop):
    async def handle():
        pass

    coroutine = handle()
    for callback in (handle, coroutine):
        with pytest.raises(
            TypeError, match=r"^coroutines cannot be used with add_signal_handler\(\)$"
        ):
            loop.add_signal_handler(signal.SIGUSR1, callback)
    coroutine.close()


def test_a_closed_loop_handles_no_signals(new_loop):
    loop = new_loop()
    loop.close()
    with pytest.raises(RuntimeError, match="^Event loop is closed$"):
        loop.add_signal_handler(signal.SIGUSR1, print)


def test_only_the_main_thread_can_add_a_handler(loop):
    errors = []

    def add():
        try:
            loop.add_signal_handler(signal.SIGUSR1, print)
        except RuntimeError as error:
            errors.append(str(error))

    stranger = threading.Thread(target=add)
    stranger.start()
    stranger.join()
    assert errors == ["set_wakeup_fd only works in main thread of the main interpreter"]
    assert loop.remove_signal_handler(signal.SIGUSR1) is False
