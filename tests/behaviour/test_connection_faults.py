"""What can go wrong below a connection: full kernels, short reads, signals, closed sockets."""

import asyncio
import gc
import os
import signal
import socket
import threading
import warnings
import weakref

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def narrow_pair():
    """Two sockets between which the kernel keeps as little as it can."""
    near, far = socket.socketpair()
    for sock in (near, far):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    return near, far


SIZES = st.lists(st.integers(1, 9000), min_size=1, max_size=12)


# The loop outlives the examples: each has a connection of its own.
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(writes=SIZES, reads=st.lists(st.integers(100, 9000), min_size=1), in_one_turn=st.booleans(), ends=st.booleans())
def test_bytes_arrive_in_order_however_they_are_cut(
    link, loop, turn, until, receive, Notes, writes, reads, in_one_turn, ends
):
    protocol = Notes(keeps_open=True)
    transport, far = link(protocol, pair=narrow_pair)
    data = os.urandom(sum(writes))
    received, at, left = bytearray(), 0, list(writes)

    def write():
        nonlocal at
        size = left.pop(0)
        transport.write(data[at : at + size])
        at += size

    while left:
        if in_one_turn:
            loop.call_soon(lambda: [write() for _ in range(len(left))])
        else:
            loop.call_soon(write)
        turn()
    if ends:
        transport.write_eof()
    else:
        transport.close()

    def is_over():
        try:
            piece = far.recv(reads[len(received) % len(reads)])
        except BlockingIOError:
            return False
        received.extend(piece)
        return not piece

    until(is_over)
    assert received == data
    assert transport.is_closing() != ends


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(pieces=SIZES)
def test_pieces_come_as_they_are_sent(link, turn, until, Notes, pieces):
    protocol = Notes()
    _, far = link(protocol)
    data = os.urandom(sum(pieces))
    at = 0
    for piece in pieces:
        far.send(data[at : at + piece])
        at += piece
        turn()
    until(lambda: len(protocol.received) == len(data))
    assert protocol.received == data


@pytest.mark.parametrize("size", [0, 1, 32767, 32768, 32769, 262143, 262144, 262145, 1 << 20])
def test_reads_of_every_size_are_whole(link, until, Notes, size):
    protocol = Notes()
    _, far = link(protocol)
    far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 21)
    data = os.urandom(size)
    for _ in range(3):
        sent = 0

        def is_sent():
            nonlocal sent
            try:
                sent += far.send(data[sent:])
            except BlockingIOError:
                pass
            return sent == size

        until(is_sent)
        far.send(b"!")
    until(lambda: len(protocol.received) == 3 * (size + 1))
    assert protocol.received == (data + b"!") * 3


def test_signals_do_not_disturb_a_connection(run):
    async def main():
        loop = asyncio.get_running_loop()
        near, far = narrow_pair()
        data = os.urandom(1 << 18)
        with far:
            far.setblocking(False)
            reader, writer = await asyncio.open_connection(sock=near)
            signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
            try:
                writer.write(data)
                received = bytearray()
                while len(received) < len(data):
                    received += await loop.sock_recv(far, 5000)
                await loop.sock_sendall(far, data[:20000])
                assert await reader.readexactly(20000) == data[:20000]
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
            assert received == data
            writer.close()
            await writer.wait_closed()

    before = signal.signal(signal.SIGALRM, lambda _number, _frame: None)
    try:
        run(main)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_what_another_thread_writes_is_sent_though_nothing_else_happens(
    loop, link, until, Notes
):
    # It isn't allowed, but works, and programs do it.
    protocol = Notes()
    transport, far = link(protocol)
    far.settimeout(60)
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        received = b""
        for count in range(1, 4):
            for _ in range(count):
                transport.write(b"coffee")
            while len(received) < 6 * sum(range(1, count + 1)):
                received += far.recv(100)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
    assert received == b"coffee" * 6


def close_behind(transport):
    """Closes a transport's socket without telling it."""
    transport.get_extra_info("socket")._sock.close()


def test_a_socket_that_is_closed_behind_its_transport_is_an_error_of_the_next_write(
    link, loop, until, turn, Notes
):
    protocol = Notes()
    transport, _ = link(protocol)
    close_behind(transport)
    turn()
    transport.write(b"coffee")
    until(lambda: protocol.is_lost)
    assert protocol.told == ["made", ("lost", OSError)]


# asyncio's selector fails for a number that is closed.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
@pytest.mark.parametrize("end", ["close", "abort"])
def test_a_transport_whose_socket_was_closed_can_be_ended(link, until, fill, Notes, end):
    protocol = Notes()
    transport, _ = link(protocol)
    fill(transport)
    close_behind(transport)
    transport.pause_reading()
    transport.abort() if end == "abort" else transport.close()
    if end == "close":
        # What waits can never be sent, and the kernel says nothing of a closed descriptor.
        transport.abort()
    until(lambda: protocol.is_lost)


# asyncio knows its transports by their numbers, and takes the reader from the new one.
@pytest.mark.parametrize("loop_name", ["cafeloop"], indirect=True)
def test_the_next_owner_of_a_number_is_let_alone(link, until, turn, receive, Notes):
    stale = Notes()
    transport, far = link(stale)
    number = transport.get_extra_info("socket").fileno()
    close_behind(transport)
    far.close()
    protocol = Notes()
    fresh, far = link(protocol)
    assert fresh.get_extra_info("socket").fileno() == number
    transport.pause_reading()
    transport.write(b"tea")
    transport.abort()
    until(lambda: stale.is_lost)
    assert receive(far) == b""
    far.send(b"coffee")
    until(lambda: protocol.received == b"coffee")
    fresh.write(b"coffee")
    assert receive(far) == b"coffee"


def test_a_loop_that_is_closed_with_connections_warns_of_them(new_loop, Notes):
    loop = new_loop()
    near, far = socket.socketpair()
    with far:
        transport, protocol = loop.run_until_complete(loop.create_connection(Notes, sock=near))
        # More than the kernel takes.
        transport.write(bytes(1 << 22))
        loop.close()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            del near, transport, protocol, loop
            gc.collect()
        assert any("unclosed transport" in str(warning.message) for warning in caught)


def test_a_lost_connection_is_kept_by_nobody(link, loop, until, turn, Notes):
    protocol = Notes()
    transport, _ = link(protocol)
    other = weakref.ref(transport._protocol)
    assert other() is protocol
    transport.abort()
    until(lambda: protocol.is_lost)
    assert transport._protocol is None
    assert transport.get_protocol() is None
