"""Datagrams that the kernel has no room for."""

import contextlib
import os
import socket
import sys

import pytest

# What each that waits counts beside its bytes.
HEADER = 8 if sys.version_info >= (3, 13) else 0


@pytest.fixture
def far(tmp_path):
    """A socket that is slow to receive: a Unix socket has room for few datagrams."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as far:
        far.bind(os.path.relpath(tmp_path / "far"))
        far.setblocking(False)
        yield far


@pytest.fixture
def connected(endpoint, far):
    def connected():
        return endpoint(remote_addr=far.getsockname(), family=socket.AF_UNIX)

    return connected


@pytest.fixture
def fill():
    """Sends numbers until one has to wait, and says how many there were."""

    def fill(transport, *address):
        count = 0
        while is_idle(transport):
            transport.sendto(number(count), *address)
            count += 1
        return count

    return fill


@pytest.fixture
def receive(far, until):
    """Has the far side receive so many datagrams, while the loop runs."""

    def receive(count):
        received = []

        def has_all():
            with contextlib.suppress(BlockingIOError):
                while len(received) < count:
                    received.append(far.recv(100))
            return len(received) == count

        until(has_all)
        return received

    return receive


def number(count):
    return b"%06d" % count


def is_idle(transport):
    """Whether nothing waits; its size doesn't say so on every asyncio."""
    return "write=<idle" in repr(transport)


def test_they_wait_and_go_in_their_order(connected, fill, receive):
    transport, protocol = connected()
    count = fill(transport)
    for more in range(5):
        transport.sendto(number(count + more))
    assert transport.get_write_buffer_size() == 6 * (6 + HEADER)
    assert receive(count + 5) == [number(count) for count in range(count + 5)]
    assert protocol.told == ["made"]


def test_what_waits_isnt_changed_with_its_buffer(connected, fill, receive):
    transport, _ = connected()
    count = fill(transport)
    order = bytearray(b"coffee")
    transport.sendto(order)
    order[:] = b"no tea"
    assert receive(count + 1)[-1] == b"coffee"


def test_a_close_delivers_what_waits(connected, fill, receive, until, LOST):
    transport, protocol = connected()
    count = fill(transport)
    transport.close()
    assert transport.is_closing()
    assert protocol.told == ["made"]
    assert receive(count)[-1] == number(count - 1)
    until(lambda: len(protocol.told) == 2)
    assert protocol.told == ["made", LOST]


def test_what_is_sent_while_it_closes_is_delivered_too(connected, fill, receive, until, LOST):
    transport, protocol = connected()
    count = fill(transport)
    transport.close()
    transport.sendto(b"good bye")
    assert receive(count + 1)[-1] == b"good bye"
    until(lambda: len(protocol.told) == 2)
    assert protocol.told == ["made", LOST]


def test_an_abort_drops_what_waits(connected, far, fill, receive, turn, LOST):
    transport, protocol = connected()
    count = fill(transport)
    transport.abort()
    turn()
    assert protocol.told == ["made", LOST]
    assert receive(count - 1)[-1] == number(count - 2)
    with pytest.raises(BlockingIOError):
        far.recv(100)


def test_a_sender_is_asked_to_pause_and_told_to_go_on(connected, fill, receive, until):
    transport, protocol = connected()
    transport.set_write_buffer_limits(high=200, low=150)
    assert transport.get_write_buffer_limits() == (150, 200)
    count = fill(transport)
    while protocol.told == ["made"]:
        transport.sendto(number(count))
        count += 1
    assert 200 < transport.get_write_buffer_size() <= 200 + 6 + HEADER
    assert protocol.told == ["made", "pause"]
    receive(count)
    until(lambda: len(protocol.told) == 3)
    assert protocol.told == ["made", "pause", "resume"]


def test_what_is_refused_while_it_waits_is_told_and_the_rest_goes_on(
    connected, fill, receive, until
):
    transport, protocol = connected()
    count = fill(transport)
    # The kernel makes no datagram of so many bytes.
    transport.sendto(bytes(1 << 22))
    transport.sendto(b"coffee")
    assert receive(count + 1)[-2:] == [number(count - 1), b"coffee"]
    until(lambda: is_idle(transport))
    assert protocol.told == ["made", "pause", OSError, "resume"]


def test_who_is_gone_while_datagrams_wait_is_an_error_for_each(connected, far, fill, until):
    transport, protocol = connected()
    fill(transport)
    transport.sendto(b"coffee")
    far.close()
    until(lambda: is_idle(transport))
    # The first breaks the connection, which the others haven't any more.
    assert protocol.told == ["made", ConnectionRefusedError, OSError]
    assert not transport.is_closing()


def test_an_address_that_makes_no_sense_ends_the_endpoint_also_later(
    endpoint, far, fill, until, log
):
    transport, protocol = endpoint(family=socket.AF_UNIX)
    fill(transport, far.getsockname())
    transport.sendto(b"coffee", ("nobody", 1))
    far.close()
    until(lambda: len(protocol.told) == 3)
    assert protocol.told == ["made", ConnectionRefusedError, ("lost", TypeError)]
    # Some asyncios go on after the end, and complain of that as well.
    assert log.take()[0].getMessage().startswith("Fatal write error on datagram transport")
