"""Descriptors that are given as an object: it is kept as long as it is watched, and known by itself
when it has been closed.
"""

import asyncio
import contextlib
import gc
import socket
import weakref

import pytest


class Cup:
    """Something that has a descriptor, and can be referred to weakly."""

    def __init__(self, sock):
        self.sock = sock

    def fileno(self):
        return self.sock.fileno()


@pytest.fixture
def pair(left_as_found):
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        yield near, far


DIRECTIONS = ["reader", "writer"]


def add(loop, direction, *arguments):
    getattr(loop, f"add_{direction}")(*arguments)


def remove(loop, direction, watched):
    return getattr(loop, f"remove_{direction}")(watched)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_an_object_that_only_the_loop_knows_is_kept_while_it_is_watched(
    loop, turn, pair, direction
):
    near, far = pair
    far.send(b"coffee")
    seen = []
    cup = Cup(near)
    kept = weakref.ref(cup)
    add(loop, direction, cup, seen.append, "told")
    del cup
    gc.collect()
    turn()
    assert seen == ["told"]
    assert remove(loop, direction, kept()) is True
    assert kept() is None


def test_a_socket_that_only_the_loop_knows_stays_open(loop, turn, left_as_found):
    near, far = socket.socketpair()
    seen = []
    loop.add_reader(near, seen.append, "told")
    kept = weakref.ref(near)
    del near
    with far:
        far.send(b"coffee")
        turn()
        assert seen == ["told"]
        with kept() as near:
            loop.remove_reader(near)


def test_an_object_is_kept_for_the_direction_that_is_left(loop, turn, pair):
    near, far = pair
    cup = Cup(near)
    kept = weakref.ref(cup)
    loop.add_reader(cup, print)
    loop.add_writer(cup, print)
    loop.remove_reader(cup)
    del cup
    assert kept() is not None
    loop.remove_writer(near)
    assert kept() is None


def test_a_closed_loop_keeps_nothing(new_loop, pair):
    near, far = pair
    cup = Cup(near)
    kept = weakref.ref(cup)
    with contextlib.closing(new_loop()) as loop:
        loop.add_reader(cup, print)
        del cup
    gc.collect()
    assert kept() is None


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_socket_that_was_closed_while_watched_can_still_be_given_up(
    loop, turn, pair, direction
):
    near, far = pair
    seen = []
    add(loop, direction, near, seen.append, "told")
    near.close()
    far.close()
    turn()
    assert seen == []
    assert remove(loop, direction, near) is True
    with pytest.raises(ValueError, match="^Invalid file descriptor: -1$"):
        remove(loop, direction, near)


@pytest.mark.parametrize("direction", DIRECTIONS)
def test_a_closed_socket_that_was_never_watched_is_refused(loop, pair, direction):
    near, far = pair
    add(loop, direction, far, print)
    near.close()
    with pytest.raises(ValueError, match="^Invalid file descriptor: -1$"):
        remove(loop, direction, near)
    assert remove(loop, direction, far) is True


def test_a_closed_loop_has_nothing_to_give_up(new_loop, pair):
    near, far = pair
    loop = new_loop()
    loop.add_reader(near, print)
    near.close()
    loop.close()
    assert loop.remove_reader(near) is False


@pytest.mark.parametrize("leaving", [KeyboardInterrupt, SystemExit])
def test_what_ends_a_program_leaves_the_loop_from_a_reader_and_it_can_be_run_again(
    loop, turn, pair, leaving
):
    near, far = pair
    seen = []

    def leave():
        raise leaving

    far.send(b"coffee")
    loop.add_reader(near, leave)
    with pytest.raises(leaving):
        turn()
    loop.add_reader(near, lambda: seen.append(near.recv(100)))
    turn()
    assert seen == [b"coffee"]
    assert loop.remove_reader(near) is True


def test_a_cancellation_in_a_reader_is_reported_and_it_stays(loop, turn, pair, log):
    near, far = pair

    def give_up():
        raise asyncio.CancelledError

    far.send(b"coffee")
    loop.add_reader(near, give_up)
    turn()
    turn()
    assert [record.exc_info[0] for record in log.take()] == [asyncio.CancelledError] * 2
    assert loop.remove_reader(near) is True


def test_others_are_told_in_the_turn_in_which_a_reader_fails(loop, turn, pair, log):
    near, far = pair
    seen = []

    def spill():
        raise ValueError("spilt")

    near.send(b"coffee")
    far.send(b"coffee")
    loop.add_reader(near, spill)
    loop.add_reader(far, seen.append, "told")
    turn()
    assert seen == ["told"]
    assert log.take_one().exc_info[0] is ValueError
    loop.remove_reader(near)
    loop.remove_reader(far)
