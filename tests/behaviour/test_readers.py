"""Watching descriptors: who is told when one can be read or written, and who no longer is.

Nothing here waits: what the kernel knows already is told in the next turn, and the next turn is
all that a test runs.
"""

import contextlib
import os
import socket
import sys
import tempfile

import pytest


class Cup:
    """Something that is no descriptor but has one."""

    def __init__(self, number):
        self.number = number

    def fileno(self):
        return self.number


@pytest.fixture
def pair(left_as_found):
    """Two sockets that are connected with each other."""
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield near, far


def fill(sock):
    """Writes until the kernel takes no more."""
    with contextlib.suppress(BlockingIOError):
        while True:
            sock.send(bytes(65536))


def test_a_reader_is_called_when_there_is_something_to_read(loop, turn, pair):
    near, far = pair
    seen = []
    loop.add_reader(near, lambda: seen.append(near.recv(100)))
    turn()
    assert seen == []
    far.send(b"coffee")
    turn()
    assert seen == [b"coffee"]


def test_a_writer_is_called_when_there_is_room_to_write(loop, turn, pair):
    near, far = pair
    seen = []
    fill(near)
    loop.add_writer(near, seen.append, "room")
    turn()
    assert seen == []
    with contextlib.suppress(BlockingIOError):
        while far.recv(65536):
            pass
    turn()
    assert seen == ["room"]


def test_watchers_get_their_arguments(loop, turn, pair):
    near, far = pair
    far.send(b"coffee")
    seen = []
    loop.add_reader(near, lambda *arguments: seen.append(arguments), 1, 2)
    loop.add_writer(near, lambda *arguments: seen.append(arguments), 3, 4, 5)
    turn()
    assert sorted(seen) == [(1, 2), (3, 4, 5)]


@pytest.mark.parametrize("as_given", [int, Cup])
def test_whatever_has_a_descriptor_can_be_watched(loop, turn, pipe, as_given):
    reading, writing = pipe
    seen = []
    os.write(writing, b"coffee")
    loop.add_reader(as_given(reading), seen.append, "readable")
    loop.add_writer(as_given(writing), seen.append, "writable")
    turn()
    assert sorted(seen) == ["readable", "writable"]
    assert loop.remove_reader(as_given(reading)) is True
    assert loop.remove_writer(as_given(writing)) is True


def test_an_object_and_its_number_are_the_same_thing_to_watch(loop, turn, pair):
    near, far = pair
    far.send(b"coffee")
    loop.add_reader(near, print)
    assert loop.remove_reader(near.fileno()) is True
    loop.add_reader(near.fileno(), print)
    assert loop.remove_reader(near) is True
    turn()


def test_event_descriptors_and_processes_can_be_watched(loop, run_until_stopped):
    seen = []

    def note(what):
        seen.append(what)
        loop.remove_reader(watched[what])
        if len(seen) == len(watched):
            loop.stop()

    child = os.posix_spawn(sys.executable, [sys.executable, "-ISc", "pass"], os.environ)
    watched = {"event": os.eventfd(1), "child": os.pidfd_open(child)}
    for what, number in watched.items():
        loop.add_reader(number, note, what)
    run_until_stopped()
    assert sorted(seen) == ["child", "event"]
    os.waitpid(child, 0)
    for number in watched.values():
        os.close(number)


def test_a_reader_is_called_again_until_everything_is_read(loop, turn, pair):
    near, far = pair
    seen = []
    far.send(b"abc")
    loop.add_reader(near, lambda: seen.append(near.recv(1)))
    for _ in range(5):
        turn()
    assert seen == [b"a", b"b", b"c"]


def test_a_reader_that_reads_nothing_is_called_once_a_turn(loop, turn, pair):
    near, far = pair
    seen = []
    far.send(b"coffee")
    loop.add_reader(near, seen.append, "again")
    for _ in range(3):
        turn()
    assert seen == ["again"] * 3


def test_both_directions_of_one_descriptor_are_watched_at_once(loop, turn, pair):
    near, far = pair
    seen = []
    far.send(b"coffee")
    loop.add_reader(near, seen.append, "readable")
    loop.add_writer(near, seen.append, "writable")
    turn()
    assert sorted(seen) == ["readable", "writable"]


@pytest.mark.parametrize("kept", ["readable", "writable"])
def test_giving_up_one_direction_keeps_the_other(loop, turn, pair, kept):
    near, far = pair
    seen = []
    far.send(b"coffee")
    loop.add_reader(near, seen.append, "readable")
    loop.add_writer(near, seen.append, "writable")
    given_up = loop.remove_writer if kept == "readable" else loop.remove_reader
    assert given_up(near) is True
    turn()
    assert seen == [kept]


def test_adding_again_replaces_the_callback(loop, turn, pair):
    near, far = pair
    seen = []
    far.send(b"coffee")
    loop.add_reader(near, seen.append, "old reader")
    loop.add_writer(near, seen.append, "old writer")
    loop.add_reader(near, seen.append, "reader")
    loop.add_writer(near, seen.append, "writer")
    turn()
    assert sorted(seen) == ["reader", "writer"]


def test_removing_tells_whether_there_was_anything_to_remove(loop, pair):
    near, _ = pair
    assert loop.remove_reader(near) is False
    assert loop.remove_writer(near) is False
    loop.add_reader(near, print)
    assert loop.remove_writer(near) is False
    assert loop.remove_reader(near) is True
    assert loop.remove_reader(near) is False
    loop.add_writer(near, print)
    assert loop.remove_reader(near) is False
    assert loop.remove_writer(near) is True
    assert loop.remove_writer(near) is False


def test_a_reader_may_remove_itself(loop, turn, pair):
    near, far = pair
    seen = []
    far.send(b"coffee")

    def once():
        seen.append("once")
        loop.remove_reader(near)

    loop.add_reader(near, once)
    turn()
    turn()
    assert seen == ["once"]


def test_a_reader_may_put_another_in_its_place(loop, turn, pair):
    near, far = pair
    seen = []
    far.send(b"coffee")

    def first():
        seen.append("first")
        loop.add_reader(near, seen.append, "second")

    loop.add_reader(near, first)
    turn()
    turn()
    assert seen == ["first", "second"]


def test_a_watcher_removed_within_the_turn_is_not_called_any_more(loop, turn, pair):
    near, far = pair
    seen = []
    near.send(b"coffee")
    far.send(b"coffee")

    def first_come(other):
        seen.append("first come")
        loop.remove_reader(other)

    loop.add_reader(near, first_come, far)
    loop.add_reader(far, first_come, near)
    turn()
    assert seen == ["first come"]


def test_an_event_never_reaches_the_next_owner_of_its_number(loop, turn, pair):
    near, far = pair
    seen = []
    near.send(b"coffee")
    far.send(b"coffee")

    def hand_over(other):
        # The other one's event of this turn is already known; its number now gets a new owner.
        loop.remove_reader(other)
        os.dup2(quiet, other.fileno())
        loop.add_reader(other, seen.append, "new owner")

    quiet, unused = os.pipe()
    loop.add_reader(near, hand_over, far)
    loop.add_reader(far, hand_over, near)
    turn()
    turn()
    assert seen == []
    os.close(quiet)
    os.close(unused)


def test_a_number_can_be_watched_again_for_its_next_owner(loop, turn):
    seen = []
    for word in (b"first", b"second", b"third"):
        reading, writing = os.pipe()
        loop.add_reader(reading, lambda reading=reading: seen.append(os.read(reading, 100)))
        os.write(writing, word)
        turn()
        loop.remove_reader(reading)
        os.close(reading)
        os.close(writing)
    assert seen == [b"first", b"second", b"third"]


def test_a_descriptor_that_was_closed_while_watched_can_still_be_removed(loop, turn, pipe):
    _, writing = pipe
    duplicate = os.dup(writing)
    loop.add_writer(duplicate, print)
    os.close(duplicate)
    assert loop.remove_writer(duplicate) is True
    assert loop.remove_writer(duplicate) is False


def test_two_numbers_of_one_pipe_are_watched_apart(loop, turn, pipe):
    reading, writing = pipe
    seen = []
    duplicate = os.dup(reading)
    os.write(writing, b"coffee")
    loop.add_reader(reading, seen.append, "first")
    loop.add_reader(duplicate, seen.append, "second")
    turn()
    assert sorted(seen) == ["first", "second"]
    loop.remove_reader(duplicate)
    turn()
    assert sorted(seen) == ["first", "first", "second"]
    os.close(duplicate)


def test_a_peer_that_hangs_up_wakes_the_reader(loop, turn, pair):
    near, far = pair
    seen = []
    loop.add_reader(near, lambda: seen.append(near.recv(100)))
    far.close()
    turn()
    assert seen == [b""]


def test_a_peer_that_hangs_up_wakes_a_writer_that_has_no_room(loop, turn, pair):
    near, far = pair
    seen = []
    fill(near)
    loop.add_writer(near, seen.append, "hung up")
    turn()
    assert seen == []
    far.close()
    turn()
    assert seen == ["hung up"]


def test_a_peer_that_hangs_up_wakes_both_directions(loop, turn, pair):
    near, far = pair
    seen = []
    fill(near)
    loop.add_reader(near, seen.append, "reader")
    loop.add_writer(near, seen.append, "writer")
    far.close()
    turn()
    assert sorted(seen) == ["reader", "writer"]


def test_a_pipe_without_a_reader_wakes_its_writer(loop, turn):
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing, bytes(4096))
    seen = []
    loop.add_writer(writing, seen.append, "broken")
    turn()
    assert seen == []
    os.close(reading)
    turn()
    assert seen == ["broken"]
    loop.remove_writer(writing)
    os.close(writing)


def test_the_end_of_a_pipe_wakes_its_reader(loop, turn):
    reading, writing = os.pipe()
    seen = []
    loop.add_reader(reading, lambda: seen.append(os.read(reading, 100)))
    os.close(writing)
    turn()
    assert seen == [b""]
    loop.remove_reader(reading)
    os.close(reading)


def test_an_exception_in_a_reader_is_reported_and_it_stays(loop, turn, pair, log):
    near, far = pair
    seen = []

    def spill():
        seen.append("called")
        raise ValueError("spilt")

    far.send(b"coffee")
    loop.add_reader(near, spill)
    turn()
    turn()
    assert seen == ["called", "called"]
    messages = [record.getMessage() for record in log.take()]
    assert len(messages) == 2
    assert all(message.startswith("Exception in callback ") for message in messages)


def test_many_descriptors_are_all_told_in_one_turn(loop, turn):
    pipes = [os.pipe() for _ in range(200)]
    seen = []
    for number, (reading, writing) in enumerate(pipes):
        loop.add_reader(reading, seen.append, number)
        os.write(writing, b"coffee")
    # A turn may leave some to the next one, and tells nobody twice before everybody once.
    while len(seen) < len(pipes):
        turn()
    assert sorted(seen[: len(pipes)]) == list(range(len(pipes)))
    for reading, writing in pipes:
        loop.remove_reader(reading)
        os.close(reading)
        os.close(writing)


def test_closing_the_loop_leaves_what_it_watched_open(new_loop, pair):
    near, far = pair
    loop = new_loop()
    loop.add_reader(near, print)
    loop.add_writer(far, print)
    loop.close()
    far.send(b"coffee")
    assert near.recv(100) == b"coffee"


@pytest.mark.parametrize("nothing", [object(), "stdin", None, 1.5, Cup("zero")])
def test_what_has_no_descriptor_is_refused(loop, nothing):
    for watch in (loop.add_reader, loop.add_writer):
        with pytest.raises(ValueError, match="^Invalid file object: "):
            watch(nothing, print)
    for unwatch in (loop.remove_reader, loop.remove_writer):
        with pytest.raises(ValueError, match="^Invalid file object: "):
            unwatch(nothing)


@pytest.mark.parametrize("negative", [-1, Cup(-1)])
def test_a_negative_number_is_refused(loop, negative):
    for watch in (loop.add_reader, loop.add_writer):
        with pytest.raises(ValueError, match="^Invalid file descriptor: -1$"):
            watch(negative, print)


def test_a_closed_socket_is_refused(loop):
    near, far = socket.socketpair()
    near.close()
    far.close()
    with pytest.raises(ValueError, match="^Invalid file descriptor: -1$"):
        loop.add_reader(near, print)


def test_a_number_that_is_not_open_is_refused(loop, open_descriptors):
    unused = max(open_descriptors()) + 1
    for watch in (loop.add_reader, loop.add_writer):
        with pytest.raises(OSError, match="Bad file descriptor"):
            watch(unused, print)
    assert loop.remove_reader(unused) is False


def test_a_regular_file_is_refused_because_it_is_always_ready(loop):
    with tempfile.TemporaryFile() as file:
        for watch in (loop.add_reader, loop.add_writer):
            with pytest.raises(PermissionError, match=r"^\[Errno 1\] Operation not permitted$"):
                watch(file, print)
        assert loop.remove_reader(file) is False


def test_a_closed_loop_watches_nothing(new_loop, pair):
    near, _ = pair
    loop = new_loop()
    loop.add_reader(near, print)
    loop.close()
    for watch in (loop.add_reader, loop.add_writer):
        with pytest.raises(RuntimeError, match="^Event loop is closed$"):
            watch(near, print)
    assert loop.remove_reader(near) is False
    assert loop.remove_writer(near) is False
