"""Datagrams that come and go: to whom, from whom, in which order, and until when."""

import asyncio
import contextlib
import gc
import socket
import sys
import warnings

import pytest

LOCALHOST = ("127.0.0.1", 0)


@pytest.fixture
def friend():
    """A plain socket to talk with, and its address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(LOCALHOST)
        sock.settimeout(10)
        yield sock


def test_what_comes_is_handed_on_with_its_sender(endpoint, until, friend):
    transport, protocol = endpoint(local_addr=LOCALHOST)
    friend.sendto(b"coffee", transport.get_extra_info("sockname"))
    until(lambda: len(protocol.told) == 2)
    assert protocol.told == ["made", (b"coffee", friend.getsockname())]


def test_what_is_sent_goes_to_whom_it_names(endpoint, friend):
    transport, _ = endpoint(local_addr=LOCALHOST)
    for data in (b"coffee", bytearray(b"tea"), memoryview(b"water")):
        transport.sendto(data, friend.getsockname())
        assert friend.recvfrom(100) == (bytes(data), transport.get_extra_info("sockname"))


def test_each_of_many_is_answered(endpoint, until):
    class Echo(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            transport.sendto(data, addr)
            transport.sendto(data, (addr[0], addr[1]))

    transport, _ = endpoint(Echo(), local_addr=LOCALHOST)
    with contextlib.ExitStack() as stack:
        friends = []
        for number in range(100):
            friend = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            friend.bind(LOCALHOST)
            friend.setblocking(False)
            friends.append((friend, b"%d" % number))
        for _ in range(2):
            for friend, order in friends:
                friend.sendto(order, transport.get_extra_info("sockname"))
                answers = []

                def is_answered(friend=friend, answers=answers):
                    with contextlib.suppress(BlockingIOError):
                        answers.append(friend.recv(100))
                    return len(answers) == 2

                until(is_answered)
                assert answers == [order, order]


def test_with_a_remote_address_nobody_need_be_named(endpoint, friend):
    transport, _ = endpoint(remote_addr=friend.getsockname())
    transport.sendto(b"coffee")
    transport.sendto(b"tea", None)
    transport.sendto(b"water", friend.getsockname())
    assert [friend.recv(100) for _ in range(3)] == [b"coffee", b"tea", b"water"]
    assert transport.get_extra_info("peername") == friend.getsockname()


def test_with_a_remote_address_nobody_else_may_be_named(endpoint, friend):
    remote = friend.getsockname()
    transport, _ = endpoint(remote_addr=remote)
    with pytest.raises(ValueError) as raised:
        transport.sendto(b"coffee", ("127.0.0.1", 1))
    assert str(raised.value) == f"Invalid address: must be None or {remote}"


def test_only_bytes_can_be_sent(endpoint, friend):
    transport, _ = endpoint(local_addr=LOCALHOST)
    with pytest.raises(TypeError) as raised:
        transport.sendto("coffee", friend.getsockname())
    assert str(raised.value) == "data argument must be a bytes-like object, not 'str'"


def test_an_empty_datagram_is_one_since_python_3_13(endpoint, friend):
    transport, _ = endpoint(local_addr=LOCALHOST)
    transport.sendto(b"", friend.getsockname())
    transport.sendto(b"end", friend.getsockname())
    expected = [b"", b"end"] if sys.version_info >= (3, 13) else [b"end"]
    assert [friend.recv(100) for _ in expected] == expected


def test_an_empty_datagram_is_received(endpoint, until, friend):
    transport, protocol = endpoint(local_addr=LOCALHOST)
    friend.sendto(b"", transport.get_extra_info("sockname"))
    until(lambda: protocol.received)
    assert protocol.received == [b""]


@pytest.mark.parametrize("size", [1, 40_000, 65_507])
def test_datagrams_of_any_size_stay_whole(endpoint, until, friend, size):
    transport, protocol = endpoint(local_addr=LOCALHOST)
    for _ in range(2):
        friend.sendto(bytes(size), transport.get_extra_info("sockname"))
        friend.sendto(b"small", transport.get_extra_info("sockname"))
    until(lambda: len(protocol.received) == 4)
    assert protocol.received == [bytes(size), b"small"] * 2


def test_between_two_datagrams_the_loop_runs_what_the_first_made_ready(
    endpoint, loop, until, friend, DatagramNotes
):
    seen = []

    class Counter(DatagramNotes):
        def datagram_received(self, data, addr):
            seen.append(data)
            loop.call_soon(seen.append, b"after " + data)

    transport, _ = endpoint(Counter(), local_addr=LOCALHOST)
    for order in (b"coffee", b"tea"):
        friend.sendto(order, transport.get_extra_info("sockname"))
    until(lambda: len(seen) == 4)
    assert seen == [b"coffee", b"after coffee", b"tea", b"after tea"]


def test_in_a_long_row_too_each_has_its_turn(endpoint, loop, until, friend):
    told = []

    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            told.append(data)
            loop.call_soon(told.append, "ran")

    transport, _ = endpoint(Protocol(), local_addr=LOCALHOST)
    for _ in range(3):
        sent = [b"%d" % number for number in range(60)]
        for data in sent:
            friend.sendto(data, transport.get_extra_info("sockname"))
        until(lambda sent=sent: len(told) >= 2 * len(sent))
        assert told == [entry for data in sent for entry in (data, "ran")]
        told.clear()


def test_an_end_in_the_midst_of_a_row_ends_it(endpoint, loop, until, turn, friend):
    told = []

    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            told.append(data)
            if data == b"40":
                transport.close()

    transport, _ = endpoint(Protocol(), local_addr=LOCALHOST)
    for number in range(60):
        friend.sendto(b"%d" % number, transport.get_extra_info("sockname"))
    until(transport.is_closing)
    turn()
    turn()
    assert told == [b"%d" % number for number in range(41)]


def test_a_protocol_that_fails_in_the_midst_of_a_row_has_the_next(
    endpoint, loop, until, friend
):
    told = []

    class Protocol(asyncio.DatagramProtocol):
        def datagram_received(self, data, addr):
            told.append(data)
            raise ValueError(data)

    reports = []
    loop.set_exception_handler(lambda loop, context: reports.append(context["exception"].args))
    transport, _ = endpoint(Protocol(), local_addr=LOCALHOST)
    sent = [b"%d" % number for number in range(60)]
    for data in sent:
        friend.sendto(data, transport.get_extra_info("sockname"))
    until(lambda: len(told) == len(sent))
    assert told == sent
    assert reports == [(data,) for data in sent]


def test_addresses_of_ipv6_have_flow_and_scope(endpoint, until):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as friend:
        friend.bind(("::1", 0))
        transport, protocol = endpoint(local_addr=("::1", 0))
        friend.sendto(b"coffee", transport.get_extra_info("sockname"))
        until(lambda: protocol.received)
        assert protocol.told[-1] == (b"coffee", friend.getsockname())
        friend.settimeout(10)
        for address in (friend.getsockname(), friend.getsockname()[:2], friend.getsockname()[:3]):
            transport.sendto(b"tea", address)
            assert friend.recvfrom(100) == (b"tea", transport.get_extra_info("sockname"))


def test_a_name_in_an_address_is_looked_up(endpoint, friend):
    transport, _ = endpoint(local_addr=LOCALHOST)
    transport.sendto(b"coffee", ("localhost", friend.getsockname()[1]))
    assert friend.recv(100) == b"coffee"


@pytest.mark.parametrize("address", [("127.0.0.1", 1 << 16), ("127.0.0.1",), "nowhere", None])
def test_what_is_no_address_ends_the_endpoint(endpoint, until, log, address):
    transport, protocol = endpoint(local_addr=LOCALHOST)
    transport.sendto(b"coffee", address)
    assert transport.is_closing()
    until(lambda: len(protocol.told) == 2)
    (name, error) = protocol.told[-1]
    assert name == "lost" and error in (OverflowError, TypeError)
    assert log.take_one().getMessage().startswith("Fatal write error on datagram transport")


def test_what_the_network_refuses_is_told_and_the_rest_goes_on(endpoint, friend):
    transport, protocol = endpoint(local_addr=LOCALHOST)
    # Too long for any datagram.
    transport.sendto(bytes(1 << 17), friend.getsockname())
    assert protocol.told == ["made", OSError]
    transport.sendto(b"coffee", friend.getsockname())
    assert friend.recv(100) == b"coffee"


def test_a_refused_connection_recovers(endpoint, until):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(LOCALHOST)
        address = far.getsockname()
    transport, protocol = endpoint(remote_addr=address)
    transport.sendto(b"anybody there?")
    until(lambda: len(protocol.told) == 2)
    assert protocol.told == ["made", ConnectionRefusedError]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
        far.bind(address)
        transport.sendto(b"and now?")
        far.settimeout(10)
        data, near = far.recvfrom(100)
        assert data == b"and now?"
        far.sendto(b"yes", near)
        until(lambda: protocol.received)
    assert protocol.received == [b"yes"]


def test_while_it_is_paused_nothing_is_handed_on(endpoint, until, turn, friend):
    transport, protocol = endpoint(local_addr=LOCALHOST)
    transport.pause_reading()
    assert not transport.is_reading()
    friend.sendto(b"coffee", transport.get_extra_info("sockname"))
    for _ in range(5):
        turn()
    assert protocol.received == []
    transport.resume_reading()
    until(lambda: protocol.received)
    assert protocol.received == [b"coffee"]


@pytest.mark.parametrize("callback", ["datagram_received", "error_received"])
def test_what_a_protocol_raises_is_reported_and_the_endpoint_goes_on(
    endpoint, until, log, friend, callback, DatagramNotes
):
    class Failing(DatagramNotes):
        def datagram_received(self, data, addr):
            super().datagram_received(data, addr)
            if callback == "datagram_received":
                raise LookupError("no cup")

        def error_received(self, error):
            super().error_received(error)
            if callback == "error_received":
                raise LookupError("no cup")

    if callback == "error_received":
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as far:
            far.bind(LOCALHOST)
            address = far.getsockname()
        transport, protocol = endpoint(Failing(), remote_addr=address)
        transport.sendto(b"anybody there?")
    else:
        transport, protocol = endpoint(Failing(), local_addr=LOCALHOST)
        friend.sendto(b"coffee", transport.get_extra_info("sockname"))
    until(lambda: len(protocol.told) == 2)
    record = log.take_one()
    assert record.getMessage().startswith("Exception in callback ")
    assert "_read_ready" in record.getMessage()
    assert record.exc_info[0] is LookupError
    assert not transport.is_closing()


def test_an_error_in_error_received_is_the_senders_if_it_sends(endpoint, friend, DatagramNotes):
    class Failing(DatagramNotes):
        def error_received(self, error):
            raise LookupError("no cup")

    transport, _ = endpoint(Failing(), local_addr=LOCALHOST)
    with pytest.raises(LookupError):
        transport.sendto(bytes(1 << 17), friend.getsockname())


@pytest.mark.parametrize("leaves", [KeyboardInterrupt, SystemExit])
def test_what_is_meant_to_leave_the_loop_does(endpoint, loop, friend, leaves, DatagramNotes):
    class Leaving(DatagramNotes):
        def datagram_received(self, data, addr):
            raise leaves

    transport, _ = endpoint(Leaving(), local_addr=LOCALHOST)
    friend.sendto(b"coffee", transport.get_extra_info("sockname"))
    with pytest.raises(leaves):
        loop.run_until_complete(asyncio.sleep(60))


@pytest.mark.parametrize("end", ["close", "abort"])
def test_an_end_is_told_once(endpoint, turn, end, LOST):
    transport, protocol = endpoint(local_addr=LOCALHOST)
    getattr(transport, end)()
    assert transport.is_closing() and not transport.is_reading()
    assert protocol.told == ["made"]
    turn()
    assert protocol.told == ["made", LOST]
    transport.close()
    transport.abort()
    turn()
    assert protocol.told == ["made", LOST]
    assert transport.get_protocol() is None


def test_a_protocol_may_say_good_bye(endpoint, turn, friend, DatagramNotes):
    class Polite(DatagramNotes):
        def connection_lost(self, error):
            super().connection_lost(error)
            transport.sendto(b"good bye", friend.getsockname())

    transport, _ = endpoint(Polite(), local_addr=LOCALHOST)
    transport.close()
    transport.sendto(b"closing", friend.getsockname())
    turn()
    assert [friend.recv(100), friend.recv(100)] == [b"closing", b"good bye"]


def test_what_is_sent_to_one_peer_after_the_end_is_ignored_and_logged_in_the_end(
    endpoint, turn, log, friend
):
    transport, _ = endpoint(remote_addr=friend.getsockname())
    transport.close()
    turn()
    for _ in range(4):
        transport.sendto(b"too late")
    assert log.take() == []
    transport.sendto(b"too late")
    assert log.take_one().getMessage() == "socket.send() raised exception."


def test_nothing_is_received_after_the_end(endpoint, turn, friend, LOST):
    transport, protocol = endpoint(local_addr=LOCALHOST)
    friend.sendto(b"coffee", transport.get_extra_info("sockname"))
    transport.close()
    for _ in range(5):
        turn()
    assert protocol.told == ["made", LOST]


def test_another_protocol_may_take_over(endpoint, until, friend, DatagramNotes):
    transport, first = endpoint(local_addr=LOCALHOST)
    second = DatagramNotes()
    transport.set_protocol(second)
    assert transport.get_protocol() is second
    friend.sendto(b"coffee", transport.get_extra_info("sockname"))
    until(lambda: second.received)
    assert first.told == ["made"]


def test_the_loops_readers_leave_its_descriptor_alone(endpoint, loop):
    transport, _ = endpoint(local_addr=LOCALHOST)
    number = transport.get_extra_info("socket").fileno()
    with pytest.raises(RuntimeError, match="is used by transport"):
        loop.add_reader(number, print)


def test_one_that_is_forgotten_warns_and_is_closed(loop, DatagramNotes):
    making = loop.create_datagram_endpoint(DatagramNotes, local_addr=LOCALHOST)
    transport, protocol = loop.run_until_complete(making)
    # While it receives the loop remembers it.
    transport.pause_reading()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        del making, protocol, transport
        gc.collect()
    assert any("unclosed transport" in str(warning.message) for warning in caught)


def test_it_shows_what_it_does(endpoint, turn):
    transport, _ = endpoint(local_addr=LOCALHOST)
    number = transport.get_extra_info("socket").fileno()
    assert repr(transport).endswith(f"fd={number} read=polling write=<idle, bufsize=0>>")
    transport.close()
    assert f"closing fd={number}" in repr(transport)
    turn()
    assert f"closed fd={number}" in repr(transport)
