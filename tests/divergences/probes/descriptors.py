"""Descriptors that a loop watches."""

import contextlib
import gc
import os
import socket
import tempfile
import weakref

from . import behaviour, outcome, reports, turn, turns_until, yes


@contextlib.contextmanager
def pair():
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield near, far


@behaviour(
    "callbacks between two polls, while some are always ready",
    "a poll costs as much as a small callback",
)
def polls_of_a_busy_loop(loop):
    """A reader's turn among callbacks that call each other; the first turn of a run always polls."""
    with pair() as (near, far):
        seen, counts = [], []

        def again():
            seen.append(True)
            loop.call_soon(again)

        def begin():
            loop.add_reader(near, heard)
            far.send(b"coffee")
            seen.clear()

        def heard():
            counts.append(len(seen))
            near.recv(100)
            if len(counts) == 20:
                loop.remove_reader(near)
                loop.stop()
            else:
                seen.clear()
                far.send(b"coffee")

        loop.call_soon(again)
        for _ in range(5):
            turn(loop)
        loop.call_soon(begin)
        loop.run_forever()
    return "1" if max(counts) <= 2 else "up to 64" if max(counts) <= 70 else "more"


class Cup:
    def __init__(self, number):
        self.number = number

    def fileno(self):
        return self.number


@behaviour("`add_reader` with any object that has `fileno()`")
def objects_with_a_descriptor(loop):
    with pair() as (near, far):
        return outcome(loop.add_reader, Cup(near.fileno()), print)


@behaviour("`add_reader` with a regular file")
def regular_files(loop):
    with tempfile.TemporaryFile() as file:
        return outcome(loop.add_reader, file, print)


@behaviour("`add_reader` with a number that isn't open")
def numbers_that_are_not_open(loop):
    return outcome(loop.add_reader, 12345, print)


@behaviour("a reader that raises is reported, and called again")
def a_reader_that_raises(loop):
    calls = []

    def spill():
        calls.append(True)
        raise ValueError("spilt")

    with pair() as (near, far), reports(loop) as seen:
        loop.add_reader(near, spill)
        far.send(b"coffee")
        for _ in range(3):
            turn(loop)
        loop.remove_reader(near)
    return yes(len(seen) == len(calls) > 1)


@behaviour("a KeyboardInterrupt in a reader leaves the loop, which can be run again")
def a_reader_that_is_interrupted(loop):
    def interrupt():
        raise KeyboardInterrupt

    with pair() as (near, far):
        loop.add_reader(near, interrupt)
        far.send(b"coffee")
        ended = outcome(turns_until, loop, lambda: False)
        loop.remove_reader(near)
    seen = []
    loop.call_soon(seen.append, True)
    turn(loop)
    return yes(ended == "KeyboardInterrupt" and seen)


@behaviour(
    "a watched number that was closed and opened again, then watched again",
    "the kernel is told again",
)
def a_number_that_is_used_again(loop):
    with pair() as (near, far):
        loop.add_reader(near, print)
        turn(loop)
        number = near.fileno()
        near.close()
        one, two = socket.socketpair()
        again, other = (one, two) if one.fileno() == number else (two, one)
        with again, other:
            seen = []
            try:
                loop.add_reader(again, seen.append, True)
            except Exception as error:
                return type(error).__name__
            other.send(b"coffee")
            told = turns_until(loop, lambda: seen)
            loop.remove_reader(again)
    return "told" if told else "never told"


@behaviour(
    "`remove_reader`, `remove_writer` with a socket that was closed while both watched it",
    "each gives its own up",
)
def removing_a_closed_socket(loop):
    with pair() as (near, _):
        loop.add_reader(near, print)
        loop.add_writer(near, print)
        near.close()
        ended = outcome(loop.remove_reader, near), outcome(loop.remove_writer, near)
    return ", ".join(dict.fromkeys(ended))


@behaviour("an object that is watched is kept as long")
def keeping_what_is_watched(loop):
    with pair() as (near, far):
        kept = weakref.ref(cup := Cup(near.fileno()))
        loop.add_reader(cup, print)
        del cup
        gc.collect()
        alive = kept() is not None
        loop.remove_reader(near.fileno())
    return yes(alive)


@behaviour("an event of a number's last owner reaches its next one")
def events_of_the_last_owner(loop):
    seen = []
    quiet, unused = os.pipe()
    with pair() as (near, far):
        near.send(b"coffee")
        far.send(b"coffee")

        def hand_over(other):
            loop.remove_reader(other)
            os.dup2(quiet, other.fileno())
            loop.add_reader(other, seen.append, True)

        loop.add_reader(near, hand_over, far)
        loop.add_reader(far, hand_over, near)
        for _ in range(3):
            turn(loop)
        loop.remove_reader(near)
        loop.remove_reader(far)
    return yes(seen)
