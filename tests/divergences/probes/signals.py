"""Signals, and Ctrl-C."""

import os
import signal
import threading

from . import behaviour, outcome, turn, turns_until, yes


@behaviour("a signal that comes while the loop isn't running is handled in its next run")
def a_signal_between_two_runs(loop):
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, True)
    turn(loop)
    try:
        os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        told = turns_until(loop, lambda: seen)
    return yes(told)


@behaviour("a signal that comes before the loop's first run is handled in it")
def a_signal_before_the_first_run(loop):
    seen = []
    loop.add_signal_handler(signal.SIGUSR1, seen.append, True)
    os.kill(os.getpid(), signal.SIGUSR1)
    return yes(turns_until(loop, lambda: seen))


@behaviour("`remove_signal_handler(SIGINT)` brings KeyboardInterrupt back")
def removing_a_handler(loop):
    loop.add_signal_handler(signal.SIGINT, print)
    turn(loop)
    loop.remove_signal_handler(signal.SIGINT)
    return yes(signal.getsignal(signal.SIGINT) is signal.default_int_handler)


@behaviour("Ctrl-C in a callback leaves the loop as KeyboardInterrupt, at once")
def an_interrupt_in_a_callback(loop):
    seen = []

    def interrupt():
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(1000):
            pass
        seen.append("the callback went on")

    loop.call_soon(interrupt)
    ended = outcome(turn, loop)
    return yes(ended == "KeyboardInterrupt" and not seen)


@behaviour(
    "`stop()` in a handler of `signal.signal` ends the wait that it interrupts",
    "`signal.set_wakeup_fd` is set while a loop runs in the main thread, unless it is in use",
)
def a_handler_of_the_interpreter(loop):
    overslept = []
    signal.signal(signal.SIGUSR1, lambda *_: loop.stop())
    sender = threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGUSR1))
    loop.call_soon(sender.start)
    loop.call_later(2, overslept.append, True)
    loop.call_later(2, loop.stop)
    loop.run_forever()
    return yes(not overslept)
