"""A file that the kernel sends: step by step, and what becomes of errors in between."""

import asyncio
import errno
import os
import socket
import sys

import pytest

DATA = bytes(range(256)) * 40
# A file of which nothing was sent stands at the offset afterwards.
MOVES_ALWAYS = sys.version_info >= (3, 14)


@pytest.fixture
def file(tmp_path):
    (tmp_path / "beans").write_bytes(DATA)
    with open(tmp_path / "beans", "rb") as file:
        yield file


@pytest.fixture
def pair():
    near, far = socket.socketpair()
    with near, far:
        near.setblocking(False)
        far.setblocking(False)
        yield near, far


@pytest.fixture
def kernel(monkeypatch):
    """Has `os.sendfile` take so many bytes each time, or fail; notes what it is asked for."""
    send = os.sendfile
    asked = []

    def kernel(*answers):
        answers = list(answers)

        def sendfile(out, source, offset, count):
            asked.append((offset, count))
            answer = answers.pop(0)
            if isinstance(answer, int):
                return send(out, source, offset, min(answer, count)) if answer else 0
            raise answer

        monkeypatch.setattr(os, "sendfile", sendfile)
        return asked

    return kernel


def test_each_step_goes_on_where_the_last_one_ended(loop, pair, file, kernel):
    near, far = pair
    asked = kernel(10, BlockingIOError(), 30, InterruptedError(), 1000)
    sent = loop.run_until_complete(loop.sock_sendfile(near, file, 100, 200))
    assert asked == [(100, 200), (110, 190), (110, 190), (140, 160), (140, 160)]
    assert (sent, file.tell()) == (200, 300)
    assert far.recv(1000) == DATA[100:300]


def test_without_a_count_all_of_it_is_sent(loop, pair, file, kernel):
    near, far = pair
    asked = kernel(10, 20, 0)
    sent = loop.run_until_complete(loop.sock_sendfile(near, file, 100))
    assert [offset for offset, _ in asked] == [100, 110, 130]
    assert {count for _, count in asked} == {len(DATA)}
    assert (sent, file.tell()) == (30, 130)
    assert far.recv(1000) == DATA[100:130]


def test_a_file_that_is_shorter_than_was_asked_for_is_sent_to_its_end(loop, pair, file):
    near, far = pair
    sent = loop.run_until_complete(loop.sock_sendfile(near, file, len(DATA) - 5, 100))
    assert (sent, file.tell()) == (5, len(DATA))
    assert far.recv(1000) == DATA[-5:]


@pytest.mark.parametrize("offset", [len(DATA), len(DATA) + 5])
def test_of_a_file_that_ends_before_nothing_is_sent(loop, pair, file, offset):
    near, _ = pair
    file.seek(7)
    assert loop.run_until_complete(loop.sock_sendfile(near, file, offset)) == 0
    assert file.tell() == (offset if MOVES_ALWAYS else 7)


def test_an_empty_file_is_sent_at_once(loop, pair, tmp_path, kernel):
    near, _ = pair
    asked = kernel()
    (tmp_path / "empty").touch()
    with open(tmp_path / "empty", "rb") as file:
        assert loop.run_until_complete(loop.sock_sendfile(near, file)) == 0
    assert asked == []


def test_what_the_kernel_refuses_to_begin_with_is_copied(loop, pair, file, kernel):
    near, far = pair
    kernel(OSError(errno.EINVAL, "not this file"))
    sent = loop.run_until_complete(loop.sock_sendfile(near, file, 100, 200))
    assert (sent, file.tell()) == (200, 300)
    assert far.recv(1000) == DATA[100:300]
    loop.run_until_complete(loop.shutdown_default_executor())


def test_unless_that_is_not_wanted(loop, pair, file, kernel):
    near, _ = pair
    kernel(OSError(errno.EINVAL, "not this file"))
    sending = loop.sock_sendfile(near, file, 100, 200, fallback=False)
    with pytest.raises(asyncio.SendfileNotAvailableError, match="os.sendfile call failed"):
        loop.run_until_complete(sending)
    assert file.tell() == (100 if MOVES_ALWAYS else 0)


def test_an_error_in_between_is_raised_and_the_file_stands_behind_what_was_sent(
    loop, pair, file, kernel
):
    near, far = pair
    kernel(10, OSError(errno.EIO, "broken"))
    with pytest.raises(OSError, match="broken") as raised:
        loop.run_until_complete(loop.sock_sendfile(near, file, 100))
    assert raised.value.errno == errno.EIO
    assert file.tell() == 110
    assert far.recv(1000) == DATA[100:110]


def test_a_connection_that_ends_in_between_is_told_as_one(loop, pair, file, kernel):
    near, _ = pair
    cause = OSError(errno.ENOTCONN, "gone")
    kernel(10, cause)
    with pytest.raises(ConnectionError, match="socket is not connected") as raised:
        loop.run_until_complete(loop.sock_sendfile(near, file))
    assert raised.value.__cause__ is cause
    assert file.tell() == 10


def test_in_debug_mode_the_socket_must_not_block(loop, file):
    near, far = socket.socketpair()
    loop.set_debug(True)
    with near, far, pytest.raises(ValueError, match="the socket must be non-blocking"):
        loop.run_until_complete(loop.sock_sendfile(near, file))
    loop.set_debug(False)


def test_what_comes_meanwhile_comes_afterwards(loop, link, file, until, turn, receive, kernel, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    full = [BlockingIOError()] * 50
    kernel(*full, len(DATA), 0)
    sending = loop.create_task(loop.sendfile(transport, file))
    turn()
    far.send(b"thanks")
    for _ in range(10):
        turn()
    assert not sending.done()
    assert protocol.told == ["made"]
    until(sending.done)
    until(lambda: protocol.received == b"thanks")
    assert sending.result() == len(DATA)


def test_a_reader_that_has_paused_stays_so(loop, link, file, until, turn, Notes):
    protocol = Notes()
    transport, far = link(protocol)
    transport.pause_reading()
    loop.run_until_complete(loop.sendfile(transport, file))
    assert not transport.is_reading()
    far.send(b"thanks")
    turn()
    turn()
    assert protocol.told == ["made"]


def test_a_transport_that_can_not_is_told_so(loop, endpoint, file):
    transport, _ = endpoint(local_addr=("127.0.0.1", 0))
    with pytest.raises(RuntimeError, match="sendfile is not supported for transport"):
        loop.run_until_complete(loop.sendfile(transport, file))
